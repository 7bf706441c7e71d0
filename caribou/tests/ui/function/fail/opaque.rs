use caribou::prelude::*;

#[caribou::function]
async fn press(text: impl ToString) -> Result<String> {
    Ok(text.to_string())
}

#[caribou::function]
async fn print(text: String) -> Result<impl ToString> {
    Ok(text)
}

fn main() {}
