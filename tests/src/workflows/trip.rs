//! Failures as values: a trip is booked wholly or not at all.

use super::mix;
use caribou::prelude::*;
use serde::{Deserialize, Serialize};

/// What is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Wish {
    /// Flight and hotel.
    Trip {
        /// How far.
        miles: u64,
        /// How long.
        nights: u64,
    },
    /// A hotel only.
    Stay(u64),
    /// Nothing.
    Nothing,
}

/// Books a flight; none goes very far.
#[caribou::function]
pub async fn book_flight(miles: u64) -> Result<u64> {
    if miles > 9_000 { Err(Error::permanent("nobody flies that far")) } else { Ok(mix(&[miles, 51])) }
}

/// Books a hotel; it is full for long stays, and its line crackles.
#[caribou::function(retries = 1)]
pub async fn book_hotel(nights: u64) -> Result<u64> {
    match nights {
        0 => Err(Error::transient("the line crackles")),
        1..=14 => Ok(mix(&[nights, 52])),
        _ => Err(Error::permanent("the hotel is full")),
    }
}

/// Gives a flight back.
#[caribou::function]
pub async fn cancel_flight(flight: u64) -> Result<u64> {
    Ok(mix(&[flight, 53]))
}

/// Books what is wished.
#[caribou::workflow]
pub async fn travel(wish: Wish) -> Result<String> {
    let (miles, nights) = match wish {
        Wish::Nothing => return Ok("at home".into()),
        Wish::Stay(nights) => return Ok(format!("stays {}", book_hotel(nights).await?)),
        Wish::Trip { miles, nights } => (miles, nights),
    };
    let (flight, hotel) = tokio::join!(book_flight(miles), book_hotel(nights));
    match (flight, hotel) {
        (Ok(flight), Ok(hotel)) => Ok(format!("flies {flight} and stays {hotel}")),
        (Ok(flight), Err(error)) => {
            let refund = cancel_flight(flight).await?;
            Ok(format!("{error}: got {refund} back"))
        }
        (Err(error), _) => Err(error),
    }
}
