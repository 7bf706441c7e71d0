use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let first = tokio::select! {
        left = double(number) => left?,
        right = double(number + 1) => right?,
    };
    double(first).await
}

fn main() {}
