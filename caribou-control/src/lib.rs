//! The framework: what watches a workflow, decides where it runs, and moves it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`facts`] | grids, prices, distances |
//! | [`manifest`] | finds and reads `caribou.toml` |
//! | [`package`], [`bootstrap`] | builds a workflow's package; asks the bootstrap what it holds |
//! | [`build`] | bootstraps for Lambda: compiles, checks and packs them |
//! | [`sources`] | workflows in the sources that the bootstrap does not hold |
//! | [`graph`] | a graph as text, Mermaid, DOT and SVG |
//! | [`log`] | what functions print, and what of it belongs to one run |
//! | [`telemetry`], [`learn`] | reads lines of telemetry and folds them into the workload |
//! | [`account`] | what observed runs caused; planned runs against probes |
//! | [`difference`] | what a new plan would change |
//! | [`original`] | imports the tables of the Python original, and mirrors its model |
//! | [`aws`] | deploys to AWS |
//! | [`deploy`], [`migrate`] | brings functions to regions; puts a plan in force |
//! | [`state`] | what is kept on disk between commands |
//! | [`report`] | the HTML page |
//! | [`quantity`], [`calendar`], [`text`] | figures, instants and long lines as people read them |

pub mod account;
pub mod aws;
pub mod bootstrap;
pub mod build;
pub mod calendar;
pub mod deploy;
pub mod difference;
pub mod facts;
pub mod graph;
pub mod learn;
pub mod log;
pub mod manifest;
pub mod migrate;
pub mod original;
pub mod package;
pub mod quantity;
pub mod report;
pub mod sources;
pub mod state;
pub mod telemetry;
pub mod text;

#[cfg(test)]
mod fixture;
