//! The language beyond calls and plain `if`s, compiled: every workflow equals its plain call, in any order of messages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::many_single_char_names, reason = "tests")]
#![allow(
    clippy::redundant_pattern_matching,
    clippy::cast_possible_truncation,
    clippy::unnested_or_patterns,
    reason = "forms under test"
)]

mod branches;
#[path = "../engine/mod.rs"]
mod engine;
mod exits;
mod failures;
mod functions;
mod joins;
mod maps;
mod names;
mod patterns;
mod places;
