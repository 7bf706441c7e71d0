use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press((left, right): (u64, u64)) -> Result<u64> {
    double(left + right).await
}

fn main() {}
