use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(text: String) -> Result<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let doubled = double(text.len() as u64).await?;
    Ok(format!("{words:?} {doubled}"))
}

#[caribou::workflow]
async fn print(number: u64) -> Result<u64> {
    let list = &vec![number];
    let doubled = double(number).await?;
    Ok(doubled + list[0])
}

fn main() {}
