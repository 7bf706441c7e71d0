use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn press(numbers: Vec<u64>) -> Result<u64> {
    let mut sum = 0;
    for number in numbers {
        sum += double(number).await?;
    }
    Ok(sum)
}

fn main() {}
