//! The workflows that the end-to-end tests run, small and strict: each function mixes its arguments into a number
//! or a text that differs if any of them does.

pub mod workflows;
