//! The import of the original's tables, and its model held against its own figures.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod errors;
mod figures;
mod fuzz;
mod reference;
mod tables;
