use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let mut sum = 0;
    while sum < number {
        sum += double(number).await?;
    }
    double(sum).await
}

fn main() {}
