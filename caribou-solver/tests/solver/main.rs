//! The solver from outside: what it refuses, what must always hold, and one example by hand.

#![expect(clippy::unwrap_used, reason = "fixtures of tests are sound, or the test fails")]

mod answers;
mod bad_input;
mod counted;
mod exact;
mod fixture;
mod fuzz;
mod laws;
mod samples;
mod smooth;
mod worked_example;
