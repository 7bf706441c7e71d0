use caribou::prelude::*;

#[caribou::function(architecture = "aarch64")]
async fn press(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function(architecture = "riscv")]
async fn print(text: String) -> Result<String> {
    Ok(text)
}

fn main() {}
