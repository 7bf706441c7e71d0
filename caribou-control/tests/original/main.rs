//! The import of the original's tables, and its model held against its own figures.

mod errors;
mod figures;
mod fuzz;
mod reference;
mod tables;
