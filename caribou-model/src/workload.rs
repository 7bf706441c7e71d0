//! What was learned of a workflow: joint samples of whole runs.

use serde::{Deserialize, Serialize};

use crate::{Region, RunId, Timestamp};

/// Whole observed runs, so that sizes, branches and runtimes stay correlated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version.
    pub version: String,
    /// The runs, oldest first.
    pub runs: Vec<RunSample>,
}

/// One observed run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSample {
    /// The run.
    pub run: RunId,
    /// When its request was received.
    pub at: Timestamp,
    /// Whether it went wholly to the home region.
    pub probe: bool,
    /// The region where the request was received.
    pub entry: Region,
    /// Bytes from the client to the entry.
    pub client_bytes: u64,
    /// From the client's sending to the entry's receipt, in seconds.
    pub client_latency_s: Option<f64>,
    /// From the entry's receipt of the request to the result's record, in seconds.
    pub runtime_s: f64,
    /// By stage index (the order of [`Graph::stages`](crate::Graph::stages)); `None` where the stage did not run.
    pub stages: Vec<Option<StageSample>>,
    /// By index into [`Graph::edges`](crate::Graph::edges); `None` where the edge was not taken.
    pub edges: Vec<Option<EdgeSample>>,
}

/// One stage in one run, all its attempts together; of a map all items together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageSample {
    /// Where it ran.
    pub region: Region,
    /// Wall time of the successful attempt's user function, in seconds; of a map that of its slowest item.
    pub duration_s: f64,
    /// Billed time of all attempts, in seconds.
    pub billed_s: f64,
    /// CPU time of all attempts, in seconds.
    pub cpu_s: Option<f64>,
    /// Whether the successful attempt was the first event of its instance.
    pub cold: bool,
    /// Attempts made.
    pub attempts: u32,
    /// Store reads of all attempts.
    pub store_reads: u32,
    /// Store writes of all attempts.
    pub store_writes: u32,
    /// Network bytes of the user's code, where measured.
    pub user_network_bytes: Option<u64>,
}

/// One edge in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeSample {
    /// Region of the sender.
    pub from: Region,
    /// Region of the receiver.
    pub to: Region,
    /// Bytes moved: messages and blobs.
    pub bytes: u64,
    /// Messages or arrivals that moved them: one, or one for each item of a map.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u32,
    /// From the hand-over to the transport to the receipt, in seconds. For an edge into a sync node: only where
    /// this edge was the last to arrive.
    pub latency_s: Option<f64>,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_one(count: &u32) -> bool {
    *count == 1
}
