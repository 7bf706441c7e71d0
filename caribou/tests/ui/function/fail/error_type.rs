pub struct Jam;

#[caribou::function]
async fn press(text: String) -> Result<String, Jam> {
    Ok(text)
}

fn main() {}
