use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press<T: Into<u64>>(number: T) -> Result<u64> {
    double(number.into()).await
}

fn main() {}
