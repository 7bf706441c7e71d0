use caribou::prelude::*;

#[caribou::function]
async fn press<T: ToString>(text: T) -> Result<String> {
    Ok(text.to_string())
}

#[caribou::function]
async fn print(text: impl ToString) -> Result<String> {
    Ok(text.to_string())
}

fn main() {}
