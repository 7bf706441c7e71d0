//! The tables, one module each, as the documentation of the original describes them (`docs/metrics_manager.md`,
//! `docs/component_interaction.md`). Keys that are not named here are left unread; figures are checked as they are read.

pub(super) mod config;
pub(super) mod execution;
pub(super) mod instance;
pub(super) mod latency;
pub(super) mod region;

/// The files of an import.
pub const TABLES: [&str; 7] = [
    config::FILE,
    instance::FILE,
    region::CARBON,
    region::PERFORMANCE,
    region::PRICES,
    region::PROVIDER,
    region::AVAILABLE,
];
