use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::function]
async fn parse(text: String) -> std::result::Result<u64, std::num::ParseIntError> {
    text.parse()
}

#[caribou::workflow]
async fn press(text: String) -> Result<u64> {
    match parse(text).await {
        Ok(number) => double(number).await,
        Err(_) => Ok(0),
    }
}

fn main() {}
