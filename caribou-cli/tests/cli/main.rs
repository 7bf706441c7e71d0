//! The `caribou` command as a user drives it.

#[cfg(test)]
mod aws;
mod build;
#[cfg(test)]
mod caribou;
mod check;
mod errors;
mod graph;
mod local;
#[cfg(test)]
mod moto;
mod runs;
#[cfg(test)]
mod solve;
mod usage;
