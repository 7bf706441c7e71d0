use caribou::prelude::*;

#[caribou::function]
fn press(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
