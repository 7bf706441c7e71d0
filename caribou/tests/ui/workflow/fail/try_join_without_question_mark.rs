use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let both = tokio::try_join!(double(number), double(number + 1));
    let (left, right) = both.unwrap_or((1, 2));
    double(left + right).await
}

fn main() {}
