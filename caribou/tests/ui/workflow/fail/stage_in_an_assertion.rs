use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    assert!(number < 100, "{} is too much", double(number).await?);
    double(number).await
}

fn main() {}
