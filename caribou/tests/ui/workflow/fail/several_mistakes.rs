use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

struct Client;

impl Client {
    async fn get(&self) -> Result<u64> {
        Ok(1)
    }
}

#[caribou::workflow(speed = 3)]
async fn press(number: &u64, (a, b): (u64, u64)) -> Result<u64> {
    let first = Client.get().await?;
    while a < b {
        double(a).await?;
    }
    double(b + first + number).await
}

fn main() {}
