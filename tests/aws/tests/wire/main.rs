//! The real deployer and the real bootstraps against moto.

#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod bridge;
#[cfg(test)]
mod by_hand;
