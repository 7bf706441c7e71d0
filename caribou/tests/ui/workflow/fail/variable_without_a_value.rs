use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let next;
    if number > 3 {
        next = double(number).await?;
    } else {
        next = 4;
    }
    double(next).await
}

fn main() {}
