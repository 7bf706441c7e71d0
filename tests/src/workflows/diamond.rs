//! Two producers whose payloads may be equal, and a sync node that must still see both.

use super::mix;
use caribou::prelude::*;

/// The left producer.
#[caribou::function]
pub async fn left(seed: u64) -> Result<u64> {
    Ok(mix(&[seed / 2]))
}

/// The right producer, which yields the same as the left one.
#[caribou::function]
pub async fn right(seed: u64) -> Result<u64> {
    Ok(mix(&[seed / 2]))
}

/// Reads both.
#[caribou::function]
pub async fn join(left: u64, right: u64, difference: u64) -> Result<u64> {
    Ok(mix(&[left, right, difference]))
}

/// Glue over two producers is evaluated where they meet.
#[caribou::workflow(version = "0.1.0")]
pub async fn diamond(seed: u64) -> Result<u64> {
    let a = left(seed).await?;
    let b = right(seed).await?;
    let difference = a.abs_diff(b);
    join(a, b, difference).await
}
