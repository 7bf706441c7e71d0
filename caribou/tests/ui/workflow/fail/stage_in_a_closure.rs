use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let sum: u64 = (0..number).map(|item| double(item).await.unwrap_or(0)).sum();
    double(sum).await
}

fn main() {}
