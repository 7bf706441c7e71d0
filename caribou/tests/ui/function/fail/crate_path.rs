use caribou::prelude::*;

#[caribou::function(crate = "caribou")]
async fn text(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(crate = reindeer)]
async fn unknown(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
