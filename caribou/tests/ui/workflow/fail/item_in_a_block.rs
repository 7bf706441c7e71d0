use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let doubled = {
        const STEP: u64 = 4;
        double(number + STEP).await?
    };
    double(doubled).await
}

fn main() {}
