use caribou::prelude::*;

struct Press;

impl Press {
    #[caribou::function]
    async fn press(self, text: String) -> Result<String> {
        Ok(text)
    }
}

fn main() {}
