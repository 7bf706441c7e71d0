use std::rc::Rc;

use caribou::prelude::*;

#[caribou::function]
async fn press(text: String) -> Result<String> {
    let shared = Rc::new(text);
    std::future::ready(()).await;
    Ok(shared.to_string())
}

fn main() {}
