//! Where things lie in a region's store and among its blobs.
//!
//! | key | region | what |
//! |---|---|---|
//! | `{workflow}/plan/{version}` | home | the deployment plan |
//! | `{workflow}/run/{run}` | home | the run record: pin, claim and outcome of the entry, status, result |
//! | `{workflow}/claim/{run}/{node}` | the node's | claim and outcome of a stage or gate |
//! | `{workflow}/arrival/{run}/{node}/{slot}` | the sync node's | the values that fill one slot |
//! | `{workflow}/arrived/{run}/{node}` | the sync node's | the set of slots that are filled |
//! | `{workflow}/{run}/{node}/{attempt}/{n}` | the producer's | a large value (among the blobs) |
//! | `{workflow}/{run}/input` | the entry's | a large input (among the blobs) |

use std::fmt;

use caribou_model::{NodeId, RunId};

/// The plan of a version of a workflow.
pub(crate) fn plan(workflow: &str, version: &str) -> String {
    format!("{workflow}/plan/{version}")
}

/// The record of a run.
pub(crate) fn run(workflow: &str, run: &RunId) -> String {
    format!("{workflow}/run/{run}")
}

/// The claim on a node, and then its outcome.
pub(crate) fn claim(workflow: &str, run: &RunId, node: NodeId) -> String {
    format!("{workflow}/claim/{run}/{node}")
}

/// The values for one slot of a sync node.
pub(crate) fn arrival(workflow: &str, run: &RunId, node: NodeId, slot: u8) -> String {
    format!("{workflow}/arrival/{run}/{node}/{slot}")
}

/// The slots of a sync node that are filled.
pub(crate) fn arrived(workflow: &str, run: &RunId, node: NodeId) -> String {
    format!("{workflow}/arrived/{run}/{node}")
}

/// A large value made by one attempt at a node.
pub(crate) fn blob(
    workflow: &str,
    run: &RunId,
    node: NodeId,
    attempt: &dyn fmt::Display,
    n: usize,
) -> String {
    format!("{workflow}/{run}/{node}/{attempt}/{n}")
}

/// The large input of a run.
pub(crate) fn input(workflow: &str, run: &RunId) -> String {
    format!("{workflow}/{run}/input")
}
