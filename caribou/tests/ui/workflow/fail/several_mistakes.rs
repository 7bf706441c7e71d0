use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow(speed = 3)]
async fn press(number: &u64, (a, b): (u64, u64)) -> Result<u64> {
    let first = double(*number).await;
    while a < b {
        double(a).await?;
    }
    double(b).await
}

fn main() {}
