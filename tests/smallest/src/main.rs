//! A workflow of two functions that do next to nothing: what its bootstrap takes is what Caribou takes.

use caribou::prelude::*;

/// Adds one.
#[caribou::function(memory = 128)]
async fn add(number: u32) -> Result<u32> {
    Ok(number.saturating_add(1))
}

/// Doubles.
#[caribou::function(memory = 128)]
async fn double(number: u32) -> Result<u32> {
    Ok(number.saturating_mul(2))
}

/// Adds one and doubles.
#[caribou::workflow(version = "0.1.0")]
async fn smallest(number: u32) -> Result<u32> {
    let sum = add(number).await?;
    double(sum).await
}

caribou::main!();
