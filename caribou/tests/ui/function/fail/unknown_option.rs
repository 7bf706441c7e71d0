use caribou::prelude::*;

#[caribou::function(memroy = 1024, env(LOG = "info"))]
async fn press(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(concurrency = 3)]
async fn print(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
