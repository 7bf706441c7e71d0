use caribou::prelude::*;

#[caribou::function(regions(allow = ["us-esat-1", "eu-west-9", "antarctica-interior-1", "gcp:europe-west1"]))]
async fn names(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(regions(alow = ["us-east-1"]))]
async fn option(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(regions = ["us-east-1"])]
async fn form(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(regions(deny = "us-east-1"))]
async fn list(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
