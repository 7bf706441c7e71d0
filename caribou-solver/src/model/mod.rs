//! The formulas: energy, transmission, cost and runtime of one run under one placement.
//!
//! | module | formulas |
//! |---|---|
//! | [`power`] | energy of executing a function |
//! | [`transmission`] | energy of moving data |
//! | [`cost`] | what the provider charges |
//! | [`cold`] | cold starts |
//! | [`runtime`] | end-to-end time along the realised graph |
//!
//! They are those of the documentation of Caribou (Gsteiger et al., SOSP 2024), with the constants of Cloud Carbon
//! Footprint.

pub mod cold;
pub mod cost;
pub mod power;
pub mod runtime;
pub mod transmission;
