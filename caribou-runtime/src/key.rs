//! Where things lie in a region's store and among its blobs.
//!
//! | key | region | what |
//! |---|---|---|
//! | `{workflow}/plan/{version}` | home | the deployment plan |
//! | `{workflow}/release/current` | home | the version that receives new runs |
//! | `{workflow}/run/{run}` | home | the run record: pin, claim and outcome of the entry, status, result |
//! | `{workflow}/claim/{run}/{place}` | the node's | claim and outcome of a stage or gate |
//! | `{workflow}/dispatched/{run}/{node}` | the dispatcher's | how many items of a map were handed over |
//! | `{workflow}/arrival/{run}/{node}/{slot}` | the sync node's | the values that fill one slot |
//! | `{workflow}/arrival/{run}/{node}/{slot}/{item}` | the sync node's | what one item of a map gave |
//! | `{workflow}/arrived/{run}/{node}` | the sync node's | the set of slots that are filled |
//! | `{workflow}/arrived/{run}/{node}/{slot}/{shard}` | the sync node's | the set of items that arrived, of 256 |
//! | `{workflow}/arrived/{run}/{node}/{slot}` | the sync node's | the set of those sets that are complete |
//! | `{workflow}/{run}/{place}/{attempt}/{n}` | the producer's | a large value (among the blobs) |
//! | `{workflow}/{run}/result` | home | a large result (among the blobs) |
//! | `{workflow}/{run}/input/{hash}` | the entry's | a large input (among the blobs) |
//!
//! A *place* is a node, or one item of a map: `3`, `3.17`.

use std::fmt;

use caribou_model::{NodeId, RunId};

use crate::pin::hash;

/// Where work is claimed and done once: a node, or one item of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) node: NodeId,
    pub(crate) item: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.node)?;
        self.item.map_or(Ok(()), |item| write!(f, ".{item}"))
    }
}

/// The plan of a version of a workflow.
pub(crate) fn plan(workflow: &str, version: &str) -> String {
    format!("{workflow}/plan/{version}")
}

/// The version of a workflow that receives new runs.
pub(crate) fn release(workflow: &str) -> String {
    format!("{workflow}/release/current")
}

/// What the keys of all run records begin with.
pub(crate) fn runs(workflow: &str) -> String {
    format!("{workflow}/run/")
}

/// The record of a run.
pub(crate) fn run(workflow: &str, run: &RunId) -> String {
    format!("{workflow}/run/{run}")
}

/// The claim on a place, and then its outcome.
pub(crate) fn claim(workflow: &str, run: &RunId, place: Place) -> String {
    format!("{workflow}/claim/{run}/{place}")
}

/// What the keys of the claims on all items of a map begin with.
pub(crate) fn item_claims(workflow: &str, run: &RunId, map: NodeId) -> String {
    format!("{workflow}/claim/{run}/{map}.")
}

/// How far the dispatch of a map is.
pub(crate) fn dispatched(workflow: &str, run: &RunId, map: NodeId) -> String {
    format!("{workflow}/dispatched/{run}/{map}")
}

/// The values for one slot of a sync node.
pub(crate) fn arrival(workflow: &str, run: &RunId, node: NodeId, slot: u8) -> String {
    format!("{workflow}/arrival/{run}/{node}/{slot}")
}

/// The slots of a sync node that are filled.
pub(crate) fn arrived(workflow: &str, run: &RunId, node: NodeId) -> String {
    format!("{workflow}/arrived/{run}/{node}")
}

/// What one item of a map gave, for a slot of what collects it.
pub(crate) fn item_arrival(workflow: &str, run: &RunId, node: NodeId, slot: u8, item: u32) -> String {
    format!("{workflow}/arrival/{run}/{node}/{slot}/{item}")
}

/// The items of one shard of a map that have arrived.
pub(crate) fn shard_arrived(workflow: &str, run: &RunId, node: NodeId, slot: u8, shard: u32) -> String {
    format!("{workflow}/arrived/{run}/{node}/{slot}/{shard}")
}

/// The shards of a map that are complete.
pub(crate) fn shards_arrived(workflow: &str, run: &RunId, node: NodeId, slot: u8) -> String {
    format!("{workflow}/arrived/{run}/{node}/{slot}")
}

/// What the keys of all large values made at a place begin with.
pub(crate) fn blobs_of(workflow: &str, run: &RunId, place: Place) -> String {
    format!("{workflow}/{run}/{place}/")
}

/// A large value made by one attempt at a place.
pub(crate) fn blob(
    workflow: &str,
    run: &RunId,
    place: Place,
    attempt: &dyn fmt::Display,
    n: &dyn fmt::Display,
) -> String {
    format!("{workflow}/{run}/{place}/{attempt}/{n}")
}

/// The large input of a run. The content is in the key: a second request for a run with another input does not write over the
/// first one's.
pub(crate) fn input(workflow: &str, run: &RunId, content: &[u8]) -> String {
    format!("{}/{:016x}", inputs(workflow, run), hash(content))
}

/// Whether a key is that of the large input of a run, as it was sent.
pub(crate) fn is_input(key: &str, workflow: &str, run: &RunId) -> bool {
    key.starts_with(&inputs(workflow, run))
}

fn inputs(workflow: &str, run: &RunId) -> String {
    format!("{workflow}/{run}/input")
}

/// The large result of a run.
pub(crate) fn result(workflow: &str, run: &RunId) -> String {
    format!("{workflow}/{run}/result")
}
