use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let mut list = vec![number, 2];
    let last = double(list.pop().unwrap_or(1)).await?;
    Ok(last + list.len() as u64)
}

fn main() {}
