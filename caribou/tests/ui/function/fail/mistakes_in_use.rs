use caribou::prelude::*;

#[caribou::function(memory = 3)]
async fn options(number: u64) -> Result<u64> {
    Ok(number)
}

#[caribou::function]
fn not_async(number: u64) -> Result<u64> {
    Ok(number)
}

#[caribou::function]
async fn borrowed(number: &u64) -> Result<u64> {
    Ok(*number)
}

#[caribou::function]
async fn generic<T: ToString>(number: T) -> Result<u64> {
    Ok(number.to_string().len() as u64)
}

#[caribou::workflow]
async fn press(number: u64) -> Result<u64> {
    let number = options(number).await?;
    let number = not_async(number).await?;
    let number = borrowed(&number).await?;
    generic(number).await
}

fn main() {}
