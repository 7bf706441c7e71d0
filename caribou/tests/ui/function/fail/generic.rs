use caribou::prelude::*;

#[caribou::function]
async fn press<T: ToString>(text: T) -> Result<String> {
    Ok(text.to_string())
}

fn main() {}
