//! The manifest beside the tests says that home is us-east-1.

use caribou::prelude::*;

#[caribou::function(regions(deny = ["us-east-1"]))]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::function(regions(allow = ["ca-central-1"]))]
async fn halve(number: u64) -> Result<u64> {
    Ok(number / 2)
}

#[caribou::function]
async fn archive(number: u64) -> Result<u64> {
    Ok(number / 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let doubled = double(number).await?;
    let halved = halve(doubled).await?;
    archive(halved).await
}

fn main() {}
