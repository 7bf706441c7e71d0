use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: Option<u64>) -> Result<u64> {
    let first = match number {
        Some(number) => double(number).await?,
        None => 0,
    };
    let second = if let Some(number) = number { double(number).await? } else { 0 };
    double(first + second).await
}

fn main() {}
