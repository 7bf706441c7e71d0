//! The attributes raise no warning in a strict crate.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, rust_2018_idioms, non_local_definitions)]

use caribou::prelude::*;
use stages::{order as place_order, *};

/// The functions.
pub mod stages {
    use caribou::prelude::*;
    use serde::{Deserialize, Serialize};

    /// An order.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Order {
        /// Its number.
        pub id: u32,
        /// What is ordered.
        pub items: Vec<String>,
    }

    /// Takes an order.
    ///
    /// # Errors
    ///
    /// None.
    #[caribou::function(name = "take-order", memory = 128, timeout = "1min", retries = 0, idempotent)]
    pub async fn order(id: u32, _ignored: (), (first, _): (String, u8)) -> Result<Order> {
        Ok(Order { id, items: vec![first] })
    }

    /// Counts.
    ///
    /// # Errors
    ///
    /// None.
    #[caribou::function]
    pub async fn count(mut order: Order) -> std::result::Result<usize, std::fmt::Error> {
        order.items.clear();
        Ok(order.items.len())
    }

    #[caribou::function]
    pub(crate) async fn nothing() -> Result<()> {
        Ok(())
    }
}

/// A workflow.
///
/// # Errors
///
/// None.
#[caribou::workflow(name = "good-guest")]
pub async fn workflow(id: u32, first: String) -> Result<(usize, String)> {
    let order = place_order(id, (), (first, 1)).await?;
    stages::nothing().await?;
    let values = Vec::new();
    let mut out: Vec<u32> = values;
    out.push(order.id);
    let step = if order.id > 3 { self::stages::count(order.clone()).await? } else { "7".parse().unwrap_or(0) };
    out.push(u32::try_from(step).unwrap_or_default());
    nothing().await?;
    Ok((count(order).await? + step, format!("{out:?}")))
}

fn main() {
    let graph = (workflow::WORKFLOW.graph)();
    graph.validate().unwrap();
    assert_eq!(graph.functions.len(), 3);
    assert!(graph.find("take-order").is_some() && graph.find("nothing#2").is_some());
}
