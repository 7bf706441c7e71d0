//! The one structured line that every attempt of a stage writes.

use serde::{Deserialize, Serialize};

use crate::{Architecture, Epoch, Hour, NodeId, Region, RunId, Timestamp};

/// One attempt at one node, as written on standard output: one line of JSON, marked by `"caribou":1`.
///
/// What was not measured is `null`, never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Version of this format.
    #[serde(rename = "caribou")]
    pub format: u8,
    /// The run.
    pub run: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version.
    pub version: String,
    /// The node in the graph; the entry, gates and the result write records too.
    pub node: NodeId,
    /// The node's name.
    pub stage: String,
    /// Which item of a map it was for, from 0; `None` at every node that is no map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The function that hosts the node.
    pub function: String,
    /// Which attempt of this node it was, from 1.
    pub attempt: u32,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Where it ran.
    pub region: Region,
    /// The plan of the run.
    pub epoch: Epoch,
    /// The hour that the run is pinned to.
    pub hour: Hour,
    /// Whether the run goes wholly to the home region, as a probe.
    pub probe: bool,
    /// Whether the request was forwarded to another region at the entry.
    pub forwarded: bool,
    /// How often the run had been taken up again after it had failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumed: u32,
    /// When the predecessor sent the message; `None` at the entry.
    pub sent: Option<Timestamp>,
    /// When this instance received it.
    pub received: Timestamp,
    /// When the user's function was started.
    pub started: Timestamp,
    /// Wall time of the user's function, in milliseconds; 0 for a node without one.
    pub duration_ms: f64,
    /// Wall time that the platform bills for this attempt, in milliseconds: from receipt to the last send.
    pub billed_ms: f64,
    /// CPU time of the process over the attempt, in milliseconds.
    pub cpu_ms: Option<f64>,
    /// The processor's name.
    pub cpu_model: Option<String>,
    /// Highest resident memory of the process so far, in MB of 10^6 bytes.
    pub peak_memory_mb: Option<f64>,
    /// Configured memory, in MB.
    pub memory_mb: u32,
    /// The processor it was built for.
    pub architecture: Architecture,
    /// Whether it was the first event of its instance.
    pub cold: bool,
    /// Bytes of the message and of the blobs it refers to that were fetched.
    pub bytes_in: u64,
    /// Network bytes of the user's code.
    pub user_network_bytes: Option<u64>,
    /// Store reads of this attempt.
    pub store_reads: u32,
    /// Store writes of this attempt.
    pub store_writes: u32,
    /// At the entry: how the request came from the client.
    pub client: Option<ClientRecord>,
    /// What was sent to each successor, and what was skipped.
    pub successors: Vec<SuccessorRecord>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The function returned a value and its successors were served.
    Succeeded,
    /// It failed and will be tried again.
    Retried,
    /// It failed for good, and with it the run.
    Failed,
    /// It failed for good; the failure went on as a value, and its successors were served.
    Caught,
    /// It ended after another attempt had recorded its outcome.
    Superseded,
}

impl AttemptOutcome {
    /// Whether the successors were served: with what the function returned, or with its failure as a value.
    pub const fn is_served(self) -> bool {
        matches!(self, Self::Succeeded | Self::Caught)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a request came from the client to the entry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// From the client's sending to the entry's receipt, in milliseconds, by the two clocks.
    pub latency_ms: Option<f64>,
    /// Bytes of the request and of the blobs it refers to.
    pub bytes: u64,
}

/// What went along one edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuccessorRecord {
    /// The node at the other end.
    pub to: NodeId,
    /// The slot it fills there.
    pub slot: u8,
    /// Whether the edge was taken; an edge of a branch not taken is listed as skipped.
    pub taken: bool,
    /// Where it was sent, if it was taken.
    pub region: Option<Region>,
    /// Bytes sent along the edge: message and blobs.
    pub bytes: u64,
    /// When it was handed to the transport.
    pub sent: Option<Timestamp>,
}
