use caribou::prelude::*;

#[caribou::function(timeout = 90)]
async fn without_unit(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(timeout = "1h")]
async fn long(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(timeout = "half a minute")]
async fn unit(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
