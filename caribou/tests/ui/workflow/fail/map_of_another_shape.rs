use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let doubled = caribou::map(0..number, |item| async move { double(item).await }).await?;
    Ok(doubled.len() as u64)
}

fn main() {}
