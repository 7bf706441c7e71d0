use caribou::prelude::*;

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow(version = "0.1.0")]
async fn a_workflow_whose_name_says_more_than_a_name_should_ever_say(number: u64) -> Result<u64> {
    double(number).await
}

fn main() {}
