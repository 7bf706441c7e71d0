//! Example workflow.
fn main() {}
