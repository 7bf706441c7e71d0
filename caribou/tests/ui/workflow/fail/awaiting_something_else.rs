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

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let found = Client.get().await?;
    double(found + number).await
}

fn main() {}
