//! The bootstrap of a workflow's second version.

#[path = "../../workflows/newer.rs"]
mod newer;

caribou::main!();
