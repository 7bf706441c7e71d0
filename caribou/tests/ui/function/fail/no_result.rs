#[caribou::function]
async fn press(text: String) {
    drop(text);
}

#[caribou::function]
async fn count(text: String) -> usize {
    text.len()
}

fn main() {}
