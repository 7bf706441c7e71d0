use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let (left, right) = tokio::join!(double(number), async { 1 });
    Ok(left? + right)
}

fn main() {}
