use caribou::prelude::*;

#[caribou::function]
async unsafe fn press(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function]
async extern "C" fn print(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function]
async fn bound(text: String) -> Result<String>
where
    String: Clone,
{
    Ok(text)
}

fn main() {}
