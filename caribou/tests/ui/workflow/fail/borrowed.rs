use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(text: &str) -> Result<u64> {
    double(text.len() as u64).await
}

fn main() {}
