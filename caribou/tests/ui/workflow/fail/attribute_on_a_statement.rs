use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    #[cfg(debug_assertions)]
    let number = number + 1;
    double(number).await
}

fn main() {}
