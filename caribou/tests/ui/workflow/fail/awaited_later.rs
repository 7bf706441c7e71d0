use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::function]
async fn triple(number: u64) -> Result<u64> {
    Ok(number * 3)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let pending = double(number);
    let first = triple(number).await?;
    Ok(first + pending.await?)
}

fn main() {}
