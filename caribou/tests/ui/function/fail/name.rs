use caribou::prelude::*;

#[caribou::function]
async fn größe(text: String) -> Result<usize> {
    Ok(text.len())
}

#[caribou::function(name = "press it")]
async fn press(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(name = print)]
async fn print(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
