use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(text: Option<String>) -> Result<u64> {
    let Some(text) = text else { return Ok(0) };
    let number = text.parse::<u64>()?;
    if number > 3 {
        return double(number).await;
    }
    double(1).await
}

fn main() {}
