use caribou::prelude::*;

#[caribou::function(memory = 12_000)]
async fn large(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(memory = "1 TB")]
async fn unit(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(memory)]
async fn nothing(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(ephemeral_storage = "20 GB")]
async fn storage(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
