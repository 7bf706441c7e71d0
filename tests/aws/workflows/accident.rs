//! A workflow whose second stage may take its process with it.

use caribou::prelude::*;

/// The seed that kills.
pub(crate) const FATAL: u64 = 13;

/// Walks.
#[caribou::function]
pub(crate) async fn walk(seed: u64) -> Result<u64> {
    Ok(seed)
}

/// Stumbles.
#[caribou::function]
pub(crate) async fn stumble(seed: u64) -> Result<u64> {
    if seed == FATAL {
        std::process::abort();
    }
    Ok(seed + 1)
}

/// Two stages.
#[caribou::workflow(version = "0.1.0")]
pub(crate) async fn accident(seed: u64) -> Result<u64> {
    let seed = walk(seed).await?;
    stumble(seed).await
}
