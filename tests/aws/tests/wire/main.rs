//! The real deployer and the real bootstraps against moto.

#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod bridge;
#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod counts;
#[cfg(test)]
mod deployed;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod press;
#[cfg(test)]
mod workflows;

#[path = "../../workflows/accident.rs"]
mod accident;
#[path = "../../workflows/newer.rs"]
mod newer;
#[path = "../../workflows/older.rs"]
mod older;
