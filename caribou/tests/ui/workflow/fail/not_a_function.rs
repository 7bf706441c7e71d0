use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

async fn halve(number: u64) -> Result<u64> {
    Ok(number / 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let halved = halve(number).await?;
    double(halved).await
}

fn main() {}
