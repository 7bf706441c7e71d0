//! What the provider charges for one run.
//!
//! - execution: GB-seconds of billed time at the price of the processor, and one request for each attempt; the entry,
//!   gates, what collects a map and a result that is a sync node count one request and [`CLAIM_WRITES`] each;
//! - messages: one for each started 64 KiB, at the receiver's price; into a sync node there is one in all, sent by the
//!   last to arrive;
//! - store: sampled reads and writes at the stage's price; at a sync node a write unit for each started KiB of payload and
//!   one for the arrival set, and a read unit for each started 4 KiB; the run record's write units at home;
//! - blobs: a payload above [`MESSAGE_LIMIT_BYTES`] is written and read once, at the sender's price;
//! - egress: every GB that leaves a region for another, at the sender's price; traffic of the user's code counts half,
//!   as sent from home.
//!
//! Traffic to the internet is left out: it depends on the client, never on the placement.

use caribou_model::{Architecture, FunctionSpec, NodeKind, RegionFacts};

use super::power;
use crate::problem::EdgeKind;
use crate::usage::{EdgeUse, NodeUse};

/// A message is billed for each started 64 KiB.
pub const MESSAGE_UNIT_BYTES: u64 = 64 * 1024;
/// The largest message; a larger payload travels as a blob.
pub const MESSAGE_LIMIT_BYTES: u64 = 256 * 1024;
/// A store write is billed for each started KiB.
pub const WRITE_UNIT_BYTES: u64 = 1024;
/// A strongly consistent store read is billed for each started 4 KiB.
pub const READ_UNIT_BYTES: u64 = 4 * 1024;
/// Store writes of a node without a function: its claim and its outcome.
pub const CLAIM_WRITES: f64 = 2.0;

/// Price of one second of a function's billed time in a region, in USD.
pub fn usd_per_second(spec: &FunctionSpec, region: &RegionFacts) -> f64 {
    let usd_per_gb_s = match spec.architecture {
        Architecture::X86_64 => region.prices.x86_usd_per_gb_s,
        Architecture::Arm64 => region.prices.arm_usd_per_gb_s,
    };
    power::memory_gb(spec) * usd_per_gb_s
}

/// USD for each quantity that a node uses in the first of two regions, at its speed there; the second is home.
pub(crate) fn of_node(
    kind: &NodeKind,
    is_sync: bool,
    spec: &FunctionSpec,
    [region, home]: [&RegionFacts; 2],
    speed: f64,
) -> NodeUse {
    let prices = &region.prices;
    let trigger = if is_sync { prices.usd_per_message } else { 0.0 };
    match kind {
        NodeKind::Stage { .. } => {
            let second = usd_per_second(spec, region);
            let from_home =
                if region.region == home.region { 0.0 } else { home.prices.usd_per_gb_between_regions };
            NodeUse {
                ran: trigger,
                user_s: second / speed,
                overlap_s: 0.0,
                shim_s: second,
                cpu_s: 0.0,
                attempts: prices.usd_per_request,
                reads: prices.usd_per_read,
                writes: prices.usd_per_write,
                outside_gb: from_home / 2.0,
            }
        }
        NodeKind::Result if !is_sync => NodeUse::default(),
        NodeKind::Entry | NodeKind::Gate { .. } | NodeKind::Collect { .. } | NodeKind::Result => NodeUse {
            ran: trigger + prices.usd_per_request + CLAIM_WRITES * prices.usd_per_write,
            ..NodeUse::default()
        },
    }
}

/// USD for each quantity that an edge uses between two regions, waiting left out.
pub(crate) fn of_edge(kind: EdgeKind, from: &RegionFacts, to: &RegionFacts) -> EdgeUse {
    let between = if from.region == to.region { 0.0 } else { from.prices.usd_per_gb_between_regions };
    EdgeUse {
        taken: 0.0,
        gb: between,
        messages: if kind == EdgeKind::Message { to.prices.usd_per_message } else { 0.0 },
        write_units: to.prices.usd_per_write,
        read_units: to.prices.usd_per_read,
        blobs: from.prices.usd_per_blob_write + from.prices.usd_per_blob_read,
    }
}
