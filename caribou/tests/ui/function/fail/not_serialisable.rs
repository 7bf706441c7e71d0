use caribou::prelude::*;

pub struct Photo {
    pub pixels: Vec<u8>,
}

#[caribou::function]
async fn press(photo: Photo) -> Result<usize> {
    Ok(photo.pixels.len())
}

#[caribou::function]
async fn take(size: usize) -> Result<Photo> {
    Ok(Photo { pixels: vec![0; size] })
}

fn main() {}
