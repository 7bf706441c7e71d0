use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let started = std::time::Instant::now();
    let doubled = double(number).await?;
    Ok(doubled + started.elapsed().as_secs())
}

fn main() {}
