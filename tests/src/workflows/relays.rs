//! Values that are needed three stages further on, and stages that are ordered by standing one after the other.

use super::mix;
use caribou::prelude::*;
use serde::{Deserialize, Serialize};

/// A value whose parts are read in different places.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Read by the first stage.
    pub item: String,
    /// Read by the last stage.
    pub customer: Option<Option<u64>>,
}

/// Answers to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Differs if anything else does.
    pub number: u64,
    /// As in the order.
    pub customer: Option<Option<u64>>,
}

/// Finds the price.
#[caribou::function]
pub async fn price(item: String) -> Result<u64> {
    Ok(mix(&[item.len() as u64, 21]))
}

/// Takes the money: nothing that follows may run before it.
#[caribou::function]
pub async fn charge(price: u64) -> Result<()> {
    if price == 0 { Err(Error::permanent("nothing to charge")) } else { Ok(()) }
}

/// Sends the item.
#[caribou::function]
pub async fn ship(price: u64) -> Result<u64> {
    Ok(mix(&[price, 22]))
}

/// Writes the receipt.
#[caribou::function]
pub async fn receipt(number: u64, customer: Option<Option<u64>>) -> Result<Receipt> {
    Ok(Receipt { number, customer })
}

/// The customer travels past the first three stages.
#[caribou::workflow(version = "0.1.0")]
pub async fn relays(order: Order) -> Result<Receipt> {
    let amount = price(order.item).await?;
    charge(amount).await?;
    let parcel = ship(amount).await?;
    receipt(parcel, order.customer).await
}
