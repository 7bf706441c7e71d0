//! Payloads of every size: two at a sync node, empty ones at stages and sync nodes, one that is far too large for a message.

use caribou::prelude::*;
use serde::{Deserialize, Serialize};

/// The left half: so many bytes of one value.
#[caribou::function]
pub async fn left_half(size: usize, value: u8) -> Result<Bytes> {
    Ok(vec![value; size].into())
}

/// The right half, equal to the left one if it is asked for the same.
#[caribou::function]
pub async fn right_half(size: usize, value: u8) -> Result<Bytes> {
    Ok(vec![value; size].into())
}

/// Reads both halves.
#[caribou::function]
pub async fn weigh(left: Bytes, right: Bytes) -> Result<(u64, u64, bool)> {
    Ok((checksum(&left), checksum(&right), left == right))
}

/// Two halves that meet.
#[caribou::workflow(version = "0.1.0")]
pub async fn halves(size: usize, left: u8, right: u8) -> Result<(u64, u64, bool)> {
    let left = left_half(size, left).await?;
    let right = right_half(size, right).await?;
    weigh(left, right).await
}

/// Returns a number.
#[caribou::function]
pub async fn number(value: i64) -> Result<i64> {
    Ok(value)
}

/// Returns a text.
#[caribou::function]
pub async fn text(value: String) -> Result<String> {
    Ok(value)
}

/// Returns what may be nothing.
#[caribou::function]
pub async fn optional(value: Option<u8>) -> Result<Option<u8>> {
    Ok(value)
}

/// Returns whether.
#[caribou::function]
pub async fn truth(value: bool) -> Result<bool> {
    Ok(value)
}

/// Returns a list.
#[caribou::function]
pub async fn list(value: Vec<u8>) -> Result<Vec<u8>> {
    Ok(value)
}

/// A value without content.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Nothing;

/// Returns nothing.
#[caribou::function]
pub async fn nothing(value: Nothing) -> Result<Nothing> {
    Ok(value)
}

/// Tells what it was given.
#[caribou::function]
pub async fn tell(
    number: i64,
    text: String,
    optional: Option<u8>,
    truth: bool,
    list: Vec<u8>,
    nothing: Nothing,
) -> Result<String> {
    Ok(format!("{:?}", (number, text, optional, truth, list, nothing)))
}

/// Every value goes through a stage and meets the others at a sync node.
#[caribou::workflow(version = "0.1.0")]
pub async fn falsy(
    number_of: i64,
    text_of: String,
    optional_of: Option<u8>,
    truth_of: bool,
    list_of: Vec<u8>,
) -> Result<String> {
    let zero = number(number_of).await?;
    let empty = text(text_of).await?;
    let none = optional(optional_of).await?;
    let untrue = truth(truth_of).await?;
    let no_items = list(list_of).await?;
    let no_content = nothing(Nothing).await?;
    tell(zero, empty, none, untrue, no_items, no_content).await
}

/// Makes so many bytes.
#[caribou::function(memory = 1024)]
pub async fn inflate(size: usize) -> Result<Bytes> {
    Ok((0..size).map(|n| n as u8).collect())
}

/// Takes them and returns as many.
#[caribou::function(memory = 1024)]
pub async fn turn(bytes: Bytes) -> Result<Bytes> {
    Ok(bytes.iter().map(|byte| !byte).collect())
}

/// Takes them and returns what they sum up to.
#[caribou::function(memory = 1024)]
pub async fn deflate(bytes: Bytes) -> Result<(usize, u64)> {
    Ok((bytes.len(), checksum(&bytes)))
}

/// Three stages with a large value between them.
#[caribou::workflow(version = "0.1.0")]
pub async fn balloon(size: usize) -> Result<(usize, u64)> {
    let bytes = inflate(size).await?;
    let bytes = turn(bytes).await?;
    deflate(bytes).await
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}
