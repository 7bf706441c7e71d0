//! Exclusive branches that meet again, one inside another, and a stage in a branch that nobody reads.

use super::mix;
use caribou::prelude::*;

/// The first stage.
#[caribou::function]
pub async fn roll(seed: u64) -> Result<u64> {
    Ok(mix(&[seed, 1]))
}

/// Taken for even numbers.
#[caribou::function]
pub async fn even(number: u64) -> Result<u64> {
    Ok(mix(&[number, 2]))
}

/// Taken for odd numbers.
#[caribou::function]
pub async fn odd(number: u64) -> Result<u64> {
    Ok(mix(&[number, 3]))
}

/// Called in a branch for its effect alone.
#[caribou::function]
pub async fn note(number: u64) -> Result<u64> {
    Ok(mix(&[number, 4]))
}

/// Where the branches meet.
#[caribou::function]
pub async fn close(number: u64, seed: u64) -> Result<u64> {
    Ok(mix(&[number, seed, 5]))
}

/// The seed is needed again after the branches, so it travels with them.
#[caribou::workflow(version = "0.1.0")]
pub async fn branches(seed: u64) -> Result<u64> {
    let number = roll(seed).await?;
    let chosen = if number % 2 == 0 {
        if number % 4 == 0 {
            let _noted = note(number).await?;
            even(number).await?
        } else {
            number / 2
        }
    } else {
        odd(number + 1).await?
    };
    let label = chosen ^ 0xff;
    let closed = close(label, seed).await?;
    Ok(closed.wrapping_add(seed))
}
