use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(text: String) -> Result<u64> {
    let first = double(text).await?;
    double(first).await
}

fn main() {}
