//! Ten stages in a row that each return 100 KB and read the last one's output only.

use caribou::prelude::*;

/// What every stage returns, in bytes.
pub const PARCEL: usize = 100_000;

/// Presses a parcel into another of the same size.
#[caribou::function]
pub async fn press(parcel: Bytes, round: u8) -> Result<Bytes> {
    let sum = parcel.iter().fold(round, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
    Ok(vec![sum; PARCEL].into())
}

/// Every value has a name of its own and stays in sight, but only the last is read.
#[caribou::workflow(name = "chain")]
pub async fn ten_in_a_row(seed: u8) -> Result<u8> {
    let first = press(vec![seed].into(), 1).await?;
    let second = press(first, 2).await?;
    let third = press(second, 3).await?;
    let fourth = press(third, 4).await?;
    let fifth = press(fourth, 5).await?;
    let sixth = press(fifth, 6).await?;
    let seventh = press(sixth, 7).await?;
    let eighth = press(seventh, 8).await?;
    let ninth = press(eighth, 9).await?;
    let tenth = press(ninth, 10).await?;
    Ok(tenth.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)))
}
