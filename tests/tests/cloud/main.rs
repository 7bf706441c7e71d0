//! Real bootstraps on the embedded cloud, over two regions, against the plain call.

#![allow(clippy::unwrap_used, reason = "tests")]

mod deployed;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod workflows;
