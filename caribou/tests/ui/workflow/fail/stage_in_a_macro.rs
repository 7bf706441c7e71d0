use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<Vec<u64>> {
    Ok(vec![double(number).await?, 1])
}

fn main() {}
