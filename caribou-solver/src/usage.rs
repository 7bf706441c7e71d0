//! What a run used: the quantities that energy and cost are linear in.
//!
//! Runtime aside, every figure of a run is a sum over nodes and edges of quantities that the run determines, times
//! coefficients that only the placement determines. So the mean over many runs is had from mean quantities, the same
//! formula prices one run, a thousand and their mean, and a plan's mean carbon costs a few table look-ups.

use caribou_model::{EdgeSample, FunctionSpec, StageSample};

use crate::model::{cost, power};
use crate::problem::EdgeKind;

/// Quantities of a node, or a coefficient for each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct NodeUse {
    /// 1 if the node ran.
    pub(crate) ran: f64,
    /// Time of the user's function, in seconds at a speed of 1.
    pub(crate) user_s: f64,
    /// Of that what the items of a map have at the same time as the slowest: nobody waits for it.
    pub(crate) overlap_s: f64,
    /// Billed time beyond that, in seconds; it does not depend on the processor.
    pub(crate) shim_s: f64,
    /// CPU time, in seconds at a speed of 1.
    pub(crate) cpu_s: f64,
    /// Attempts.
    pub(crate) attempts: f64,
    /// Store reads.
    pub(crate) reads: f64,
    /// Store writes, less those that its edges account for.
    pub(crate) writes: f64,
    /// Traffic with ends outside the graph, in GB: the client's at the entry, the user's code's at a stage.
    pub(crate) outside_gb: f64,
}

/// Quantities of an edge, or a coefficient for each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct EdgeUse {
    /// 1 if the edge was taken.
    pub(crate) taken: f64,
    /// Bytes moved, in GB.
    pub(crate) gb: f64,
    /// Billed messages.
    pub(crate) messages: f64,
    /// Store write units.
    pub(crate) write_units: f64,
    /// Store read units.
    pub(crate) read_units: f64,
    /// 1 if the payload travelled as a blob; of a map one for each item.
    pub(crate) blobs: f64,
}

impl NodeUse {
    /// Number of quantities.
    pub(crate) const LEN: usize = 9;
    /// Which of them are times.
    pub(crate) const IS_TIME: [bool; Self::LEN] = [false, true, true, true, true, false, false, false, false];
    /// Position of the traffic with ends outside the graph.
    pub(crate) const OUTSIDE_GB: usize = 8;

    /// What one observed stage used where it is `speed` times as fast as at home. `edge_writes` are the store writes that its outgoing edges account for.
    pub(crate) fn of_stage(stage: &StageSample, spec: &FunctionSpec, speed: f64, edge_writes: f64) -> Self {
        let billed_s = stage.billed_s.max(stage.duration_s);
        let limit_s = power::vcpus(spec) * billed_s;
        let cpu_s = stage.cpu_s.unwrap_or(power::ASSUMED_UTILISATION * limit_s).min(limit_s);
        Self {
            ran: 1.0,
            user_s: stage.duration_s * speed,
            overlap_s: 0.0,
            shim_s: billed_s - stage.duration_s,
            cpu_s: cpu_s * speed,
            attempts: f64::from(stage.attempts),
            reads: f64::from(stage.store_reads),
            writes: (f64::from(stage.store_writes) - edge_writes).max(0.0),
            outside_gb: stage.user_network_bytes.unwrap_or(0) as f64 / 1e9,
        }
    }

    /// The quantities in the order of their fields.
    pub(crate) fn to_array(self) -> [f64; Self::LEN] {
        let Self { ran, user_s, overlap_s, shim_s, cpu_s, attempts, reads, writes, outside_gb } = self;
        [ran, user_s, overlap_s, shim_s, cpu_s, attempts, reads, writes, outside_gb]
    }

    /// The same of a map, of which all items were counted together with the slowest one's duration. What is billed beyond
    /// that is the other items': it depends on the processor as that does, and passes at the same time.
    pub(crate) fn in_parallel(self, speed: f64) -> Self {
        let overlap_s = self.shim_s * speed;
        Self { user_s: self.user_s + overlap_s, overlap_s, shim_s: 0.0, ..self }
    }

    /// From quantities in the order of the fields.
    pub(crate) fn from_array(quantities: [f64; Self::LEN]) -> Self {
        let [ran, user_s, overlap_s, shim_s, cpu_s, attempts, reads, writes, outside_gb] = quantities;
        Self { ran, user_s, overlap_s, shim_s, cpu_s, attempts, reads, writes, outside_gb }
    }

    /// These quantities times these coefficients.
    pub(crate) fn dot(self, coefficients: Self) -> f64 {
        dot(self.to_array(), coefficients.to_array())
    }
}

impl EdgeUse {
    /// Number of quantities.
    pub(crate) const LEN: usize = 6;

    /// What one taken edge used. The items of a map count as if they were equally large.
    pub(crate) fn of_edge(edge: &EdgeSample, kind: EdgeKind) -> Self {
        let count = edge.count.max(1);
        let bytes = edge.bytes.div_ceil(count.into());
        let blob = bytes > cost::MESSAGE_LIMIT_BYTES;
        let each = |unit: u64| if blob { 1.0 } else { bytes.div_ceil(unit).max(1) as f64 };
        let count = f64::from(count);
        let units = |unit: u64| count * each(unit);
        let (messages, write_units, read_units) = match kind {
            EdgeKind::Message => (units(cost::MESSAGE_UNIT_BYTES), 0.0, 0.0),
            EdgeKind::Sync => (0.0, count + units(cost::WRITE_UNIT_BYTES), units(cost::READ_UNIT_BYTES)),
            EdgeKind::Record => (0.0, units(cost::WRITE_UNIT_BYTES), 0.0),
        };
        let blobs = if blob { count } else { 0.0 };
        Self { taken: 1.0, gb: edge.bytes as f64 / 1e9, messages, write_units, read_units, blobs }
    }

    /// The quantities in the order of their fields.
    pub(crate) fn to_array(self) -> [f64; Self::LEN] {
        let Self { taken, gb, messages, write_units, read_units, blobs } = self;
        [taken, gb, messages, write_units, read_units, blobs]
    }

    /// These quantities times these coefficients.
    pub(crate) fn dot(self, coefficients: Self) -> f64 {
        dot(self.to_array(), coefficients.to_array())
    }
}

/// The sum of the products.
pub(crate) fn dot<const N: usize>(quantities: [f64; N], coefficients: [f64; N]) -> f64 {
    quantities.iter().zip(coefficients).map(|(quantity, coefficient)| quantity * coefficient).sum()
}

#[cfg(test)]
mod tests {
    use caribou_model::Region;

    use super::*;

    #[test]
    fn each_item_of_a_map_is_a_message_and_an_arrival_of_its_own() {
        let home = Region::aws("us-east-1");
        let edge =
            |bytes, count| EdgeSample { from: home.clone(), to: home.clone(), bytes, count, latency_s: None };
        let messages = EdgeUse::of_edge(&edge(1_000_000, 1000), EdgeKind::Message);
        assert_eq!((messages.taken, messages.messages, messages.blobs), (1.0, 1000.0, 0.0));
        let arrivals = EdgeUse::of_edge(&edge(2_000_000, 1000), EdgeKind::Sync);
        assert_eq!((arrivals.write_units, arrivals.read_units), (3000.0, 1000.0));
        let large = EdgeUse::of_edge(&edge(3_000_000, 3), EdgeKind::Message);
        assert_eq!((large.messages, large.blobs), (3.0, 3.0));
    }
}
