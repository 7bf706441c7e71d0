use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(texts: Vec<String>) -> Result<u64> {
    let numbers = caribou::map(texts, |text| double(text.parse()?)).await?;
    Ok(numbers.len() as u64)
}

fn main() {}
