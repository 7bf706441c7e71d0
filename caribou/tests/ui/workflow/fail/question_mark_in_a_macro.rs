use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

macro_rules! sum {
    ($left:expr, $right:expr) => {
        $left + $right
    };
}

#[caribou::workflow]
async fn press(number: u64, text: String) -> Result<u64> {
    let sum = sum!(number, text.parse::<u64>()?);
    double(sum).await
}

fn main() {}
