//! A branch that reads two producers, and glue that reads two producers and is read by two stages.

use super::mix;
use caribou::prelude::*;

/// One producer.
#[caribou::function]
pub async fn first(seed: u64) -> Result<u64> {
    Ok(mix(&[seed, 11]))
}

/// Another, independent of it.
#[caribou::function]
pub async fn second(seed: u64) -> Result<u64> {
    Ok(mix(&[seed, 12]))
}

/// Called if the first is smaller.
#[caribou::function]
pub async fn smaller(number: u64) -> Result<u64> {
    Ok(mix(&[number, 13]))
}

/// Called with the sum of both.
#[caribou::function]
pub async fn add(sum: u64) -> Result<u64> {
    Ok(mix(&[sum, 14]))
}

/// Called with the same sum.
#[caribou::function]
pub async fn double(sum: u64) -> Result<u64> {
    Ok(mix(&[sum, 15]))
}

/// The result reads several producers too.
#[caribou::workflow(version = "0.1.0")]
pub async fn gates(seed: u64) -> Result<(u64, u64, Option<u64>)> {
    let a = first(seed).await?;
    let b = second(seed).await?;
    let least = if a < b { Some(smaller(a).await?) } else { None };
    let sum = a.wrapping_add(b);
    let added = add(sum).await?;
    let doubled = double(sum).await?;
    Ok((added, doubled, least))
}
