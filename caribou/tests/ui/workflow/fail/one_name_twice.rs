use caribou::prelude::*;

mod tea {
    use caribou::prelude::*;

    #[caribou::function]
    pub async fn press(leaves: u64) -> Result<u64> {
        Ok(leaves)
    }
}

#[caribou::function]
async fn press(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[caribou::workflow]
async fn breakfast(number: u64) -> Result<u64> {
    let leaves = tea::press(number).await?;
    press(leaves).await
}

fn main() {}
