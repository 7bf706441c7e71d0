//! A cloud in memory: the ports with virtual time, a seeded schedule and injected faults.
//!
//! Every port call gives way once, and a seeded executor of its own chooses who goes on: handlers interleave between any
//! two port calls, in an order that the seed replays exactly. Time jumps to whatever is due next.
//!
//! | module | what it holds |
//! |---|---|
//! | [`simulation`] | [`Simulation`]: set up a workflow, plans and faults, and run it |
//! | [`report`], [`run_report`] | [`Report`]: what came of the runs, and the first law as a check; [`RunReport`]: of one run |
//! | [`faults`], [`outage`] | [`Faults`]: what goes wrong, how often; [`Outage`]: a region that is cut off |
//! | [`cause`] | [`Cause`]: why a run failed |
//! | [`schedule`] | [`Schedule`]: what happened |
//! | [`world`] | [`World`]: stores, blobs, queue and clock, as ports |

pub mod cause;
pub mod faults;
pub mod outage;
pub mod report;
pub mod run_report;
pub mod schedule;
pub mod simulation;
pub mod world;

mod agenda;
mod audit;
mod change;
mod executor;
mod passage;
mod shelf;
mod surroundings;
mod verdict;

pub use caribou_model::{AttemptOutcome, Epoch, Hour, Placement, Plan, Region, Timestamp};
pub use cause::Cause;
pub use faults::Faults;
pub use outage::{Inside, Outage};
pub use report::{Call, DeadLetter, Report, SentMessage, Violation};
pub use run_report::{NoResult, RunReport};
pub use schedule::Schedule;
pub use simulation::Simulation;
pub use world::World;

pub use crate::port::StageAddress;
pub use crate::run::RunStatus;
