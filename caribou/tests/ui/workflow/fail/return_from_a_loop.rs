use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    for candidate in 0..number {
        if candidate * candidate == number {
            return Ok(candidate);
        }
    }
    double(number).await
}

fn main() {}
