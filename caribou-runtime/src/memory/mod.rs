//! A cloud in memory: the ports with virtual time, a seeded schedule and injected faults.
//!
//! Every port call gives way once, and a seeded executor of its own chooses who goes on: handlers interleave between any
//! two port calls, in an order that the seed replays exactly. Time jumps to whatever is due next.
//!
//! | module | what it holds |
//! |---|---|
//! | [`simulation`] | [`Simulation`]: set up a workflow, plans and faults, and run it |
//! | [`report`] | [`Report`]: what came of the runs, and the first law as a check |
//! | [`faults`] | [`Faults`]: what goes wrong, how often |
//! | [`world`] | [`World`]: stores, blobs, queue and clock, as ports |

pub mod faults;
pub mod report;
pub mod simulation;
pub mod world;

mod executor;

pub use faults::Faults;
pub use report::{Call, Report, SentMessage, Violation};
pub use simulation::Simulation;
pub use world::World;
