//! Maps: over a list, over what a map gave, two that one stage reads, none at all.

use super::mix;
use caribou::prelude::*;
use serde::{Deserialize, Serialize};

/// A page of a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Where it stands.
    pub number: u64,
    /// What stands there.
    pub text: u64,
}

/// Writes a page in a hand.
#[caribou::function]
pub async fn write(number: u64, hand: String) -> Result<Page> {
    Ok(Page { number, text: mix(&[number, hand.len() as u64, 41]) })
}

/// Checks a page.
#[caribou::function]
pub async fn proofread(page: Page, strict: bool) -> Result<u64> {
    Ok(mix(&[page.number, page.text, u64::from(strict), 42]))
}

/// Binds the pages and what was said of them.
#[caribou::function]
pub async fn bind(pages: Vec<Page>, remarks: Vec<u64>) -> Result<u64> {
    let words = pages.iter().flat_map(|page| [page.number, page.text]).chain(remarks);
    Ok(mix(&words.collect::<Vec<_>>()))
}

/// Writes, checks and binds a book.
#[caribou::workflow]
pub async fn book(length: u64, hand: String) -> Result<u64> {
    if length > 1_000 {
        return Err(Error::permanent(format!("{length} pages are too many")));
    }
    let pages = caribou::map(0..length, |number| write(number, hand.clone())).await?;
    let remarks = caribou::map(pages.clone(), |page| proofread(page, true)).await?;
    if remarks.is_empty() {
        return Ok(0);
    }
    bind(pages, remarks).await
}
