use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    match number {
        0 => double(1).await,
        other if double(other).await? > 3 => double(2).await,
        _ => Ok(3),
    }
}

fn main() {}
