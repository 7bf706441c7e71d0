use caribou::prelude::*;

#[caribou::function]
async fn press(text: &str, rest: Vec<&'static str>) -> Result<String> {
    Ok(format!("{text}{rest:?}"))
}

fn main() {}
