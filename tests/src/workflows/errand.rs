//! A file is needed that may not be there yet.

use std::io::Write as _;
use std::path::PathBuf;

use caribou::prelude::*;

/// Writes a line into the book: one for each time that it is done.
#[caribou::function]
pub async fn enter(place: PathBuf) -> Result<PathBuf> {
    let mut book = std::fs::OpenOptions::new().append(true).create(true).open(place.join("book"))?;
    book.write_all(b"entered\n")?;
    Ok(place.join("parcel"))
}

/// Fetches the parcel. Where there is none, it is not worth another attempt.
#[caribou::function]
pub async fn fetch(parcel: PathBuf) -> Result<String> {
    std::fs::read_to_string(&parcel)
        .map_err(|cause| Error::permanent(format!("no parcel at {}: {cause}", parcel.display())))
}

/// Weighs what was fetched.
#[caribou::function]
pub async fn weigh(parcel: String) -> Result<usize> {
    Ok(parcel.len())
}

/// Enters into the book, fetches and weighs.
#[caribou::workflow]
pub async fn errand(place: PathBuf) -> Result<usize> {
    let parcel = enter(place).await?;
    let content = fetch(parcel).await?;
    weigh(content).await
}
