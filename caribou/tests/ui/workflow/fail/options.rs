use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow(version = "1", region = "us-east-1")]
async fn press(number: u64) -> Result<u64> {
    double(number).await
}

fn main() {}
