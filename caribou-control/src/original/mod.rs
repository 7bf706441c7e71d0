//! Imports the tables of the Python original, and mirrors its model.
//!
//! The original (ubc-cirrus-lab/caribou) keeps what it learned in tables, one JSON file each: [`TABLES`]. [`read`] checks
//! a directory of them. What it returns poses a problem for this crate's solver under either model:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use caribou_control::original::{self, Model};
//! use caribou_solver::Scorer;
//!
//! let imported = original::read(Path::new("tables"))?;
//! let case = imported.case(Model::Caribou, 2_000, 0)?;
//! let scorer = Scorer::new(&case.problem, &case.samples);
//! let home = vec![0; imported.graph().stages().count()];
//! let means = scorer.means(&home, &mut scorer.scratch());
//! println!("{:.3} mg at midnight", means.carbon[0] * 1e3);
//! # Ok::<(), original::OriginalError>(())
//! ```
//!
//! | part | what it holds |
//! |---|---|
//! | [`Imported`] | graph, manifest, regions, latencies; whole runs built from the tables; [`Case`] |
//! | [`Model`], [`Deviations`] | this project's model, or the original's with what it does by mistake |
//! | [`OriginalError`] | which file and key is wrong, and what to do |
//!
//! An *instance* of the original is a stage here. Relative performance is a time there and a speed here; a relative limit
//! of 125 is a factor of 1.25. `docs/original.md` explains how the two models differ, figure by figure.

mod distribution;
mod document;
mod error;
mod graph;
mod imported;
mod manifest;
mod mirror;
mod model;
mod region;
mod table;
mod workload;

pub use error::OriginalError;
pub use imported::{Case, Imported, read};
pub use model::{Deviations, MESSAGE_USD, Model, READ_USD, WRITE_USD};
pub use table::TABLES;
