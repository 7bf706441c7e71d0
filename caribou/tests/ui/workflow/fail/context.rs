use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(_context: &Context, number: u64) -> Result<u64> {
    double(number).await
}

fn main() {}
