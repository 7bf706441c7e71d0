use caribou::prelude::*;

#[caribou::function(memory 1024)]
async fn comma(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function("1 GB")]
async fn name(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(memory = )]
async fn value(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
