use caribou::prelude::*;

#[caribou::function(environment(AWS_REGION = "us-east-1", CARIBOU_HOME = "x", _HANDLER = "x", L = "x", "A-B" = "x"))]
async fn names(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(environment(LOG = "info", LOG = "debug", MODEL = 3))]
async fn values(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(environment = "LOG=info")]
async fn form(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
