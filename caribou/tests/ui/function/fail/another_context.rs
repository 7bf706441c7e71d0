use caribou::Result;

pub struct Context;

#[caribou::function]
async fn press(context: &Context, text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
