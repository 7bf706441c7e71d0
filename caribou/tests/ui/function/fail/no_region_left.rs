use caribou::prelude::*;

#[caribou::function(regions(allow = ["us-east-1", "us-west-2"], deny = ["us-west-2", "us-east-1"]))]
async fn none(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(regions(allow = []))]
async fn empty(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(regions(allow = ["us-east-1", "us-west-2"], deny = ["aws:us-west-2"]))]
async fn both(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
