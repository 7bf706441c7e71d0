//! The attributes raise no warning in a strict crate.

#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_copy_implementations,
    missing_debug_implementations,
    unreachable_pub,
    rust_2018_idioms,
    non_local_definitions,
    let_underscore_drop,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    unit_bindings,
    unnameable_types,
    unused_lifetimes,
    variant_size_differences,
    clippy::all,
    clippy::pedantic
)]

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

    /// Knows where it runs.
    ///
    /// # Errors
    ///
    /// None.
    #[caribou::function(environment(LOG = "info"), regions(deny = ["us-west-1"]), architecture = "arm64")]
    #[must_use = "it does nothing else"]
    #[allow(clippy::items_after_statements)]
    pub async fn place(_context: &Context, mut out: String) -> Result<String> {
        const SUFFIX: &str = "!";
        out += SUFFIX;
        Ok(out)
    }

    /// Is old.
    ///
    /// # Errors
    ///
    /// None.
    #[caribou::function]
    #[deprecated = "press by hand"]
    pub async fn old(context: &Context) -> Result<u32> {
        Ok(context.attempt)
    }

    #[caribou::function]
    #[cfg(any())]
    pub async fn compiled_out(missing: Missing, context: &Context) -> Result<()> {}

    #[caribou::function]
    #[cfg(not(windows))]
    #[inline]
    pub(super) async fn conditional(context: &caribou::Context, _: u8) -> Result<Context2> {
        Ok(Context2 { attempt: context.attempt })
    }

    #[derive(Clone, Copy, Debug, Serialize, Deserialize)]
    pub(super) struct Context2 {
        pub(super) attempt: u32,
    }
}

mod unused {
    use caribou::prelude::*;

    #[caribou::function]
    #[allow(dead_code)]
    pub(crate) async fn by_no_workflow() -> Result<()> {
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
    let step =
        if order.id > 3 { self::stages::count(order.clone()).await? } else { "7".parse().unwrap_or(0) };
    out.push(u32::try_from(step).unwrap_or_default());
    nothing().await?;
    let place = place(String::new()).await?;
    out.push(u32::try_from(place.len()).unwrap_or_default());
    out.push(conditional(3).await?.attempt);
    Ok((count(order).await? + step, format!("{out:?}")))
}

/// Checks the graph.
///
/// # Panics
///
/// If it is not what is written here.
pub fn main() {
    let graph = (workflow::WORKFLOW.graph)();
    assert_eq!(graph.validate(), Ok(()));
    assert_eq!(graph.functions.len(), 5);
    assert!(graph.find("take-order").is_some() && graph.find("nothing#2").is_some());
}
