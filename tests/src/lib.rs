//! The workflows that the end-to-end tests run, small and strict: each function mixes its arguments into a number
//! or a text that differs if any of them does.

// These functions are deployed, not called by hand: their errors are what the tests look at.
#![allow(clippy::missing_errors_doc)]

pub mod workflows;
