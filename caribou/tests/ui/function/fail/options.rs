use caribou::prelude::*;

#[caribou::function(memory = 64, timeout = "20min", retry = 3)]
async fn small(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(memory = 512, memory = 1024, timeout = 30, idempotent = true)]
async fn twice(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(regions(deny = ["mars"], allow = ["us-east-1", "us-east-1x"]), retries = 11)]
async fn far(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
