use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<bool> {
    let large = number > 3 && double(number).await? > 10;
    Ok(large)
}

fn main() {}
