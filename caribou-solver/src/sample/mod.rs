//! Joint samples of whole runs, one column per quantity.
//!
//! Every placement is judged on the same samples (common random numbers). All of a sample's quantities stay together, so
//! sizes, branches and times keep their correlation. [`Samples::draw`] takes them from a problem's observed runs;
//! [`SamplesBuilder`] takes them from anywhere else.
//!
//! A sample of a plan is scored by adding up columns, so what can be is worked out beforehand:
//!
//! | of | columns |
//! |---|---|
//! | a node in a region | seconds from its start to its end, kWh and USD of its execution |
//! | a node | GB that it exchanges with ends outside the graph |
//! | an edge | seconds within a region, round trips that distance adds, GB, blobs |
//! | an edge and its receiver's region | USD for messages and store units |
//! | an edge and both regions, where measured | seconds between them |
//!
//! A column is `4 B x samples`, and one that is the same for all samples is kept once. So at most
//! `4 B x samples x (3 x S + N + 5 x E + R)`, with `S` the permitted regions of all nodes, `R` those of the receivers of
//! all edges, `N` nodes and `E` edges: for 2,000 samples of 100 stages and 150 edges in 30 regions 115 MB.

use std::collections::BTreeMap;

mod builder;
mod cold;
mod column;
mod draw;
mod measured;

use crate::problem::Problem;

pub use builder::{EdgeColumns, NodeColumns, SampleError, SamplesBuilder};
pub(crate) use column::{ColumnId, Columns};

/// The samples that every placement is judged on.
#[derive(Clone, Debug)]
pub struct Samples {
    len: usize,
    regions: usize,
    columns: Columns,
    /// By node and region; `None` where the node may not run.
    sites: Vec<Option<Site>>,
    /// A column of zeros.
    nothing: ColumnId,
    /// GB to ends outside the graph, by node.
    traffic: Vec<ColumnId>,
    edges: Vec<Path>,
    /// USD by edge and the receiver's region; `None` where the receiver may not run.
    edge_usd: Vec<Option<ColumnId>>,
    /// Latencies measured, by edge, sender's region and receiver's.
    measured: BTreeMap<(usize, usize, usize), ColumnId>,
    /// Seconds from a sender's start to the departure, by edge and the sender's region.
    departures: BTreeMap<(usize, usize), ColumnId>,
    /// Observed runtime less the modelled one, in seconds.
    residual: ColumnId,
    /// Round trips in seconds, by sender's region and receiver's.
    distances: Vec<f64>,
    sync_start: SyncStart,
    waits: bool,
}

/// Which arrival a sync node starts at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncStart {
    /// The last one.
    #[default]
    LastArrival,
    /// That of the edge which departed last, as the original solver has it.
    LastDeparture,
}

/// A node in a region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) time_s: ColumnId,
    pub(crate) kwh: ColumnId,
    pub(crate) usd: ColumnId,
    /// kWh that it spends in the home region.
    pub(crate) kwh_at_home: ColumnId,
    /// kWh that it spends where the grid is not known.
    pub(crate) kwh_elsewhere: ColumnId,
}

impl Site {
    /// Of a node that spends energy where it runs alone.
    fn new([time_s, kwh, usd]: [ColumnId; 3], nothing: ColumnId) -> Self {
        Self { time_s, kwh, usd, kwh_at_home: nothing, kwh_elsewhere: nothing }
    }
}

/// An edge, wherever its ends are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    /// Seconds within a region; `-inf` where it was not taken.
    pub(crate) latency_s: ColumnId,
    /// Round trips before the receiver starts.
    pub(crate) trips: ColumnId,
    pub(crate) gb: ColumnId,
    /// 1 where it was taken.
    pub(crate) taken: ColumnId,
    pub(crate) blobs: ColumnId,
}

impl Samples {
    /// Samples in which nothing happens. Stages have no columns yet.
    fn nothing(problem: &Problem, len: usize) -> Self {
        let mut columns = Columns::default();
        let nothing = columns.keep(&vec![0.0; len]);
        let regions = problem.regions().len();
        let (nodes, edges) = (problem.nodes(), problem.edges().len());
        let path = Path { latency_s: nothing, trips: nothing, gb: nothing, taken: nothing, blobs: nothing };
        let mut edge_usd = vec![None; edges * regions];
        for (index, edge) in problem.edges().iter().enumerate() {
            for &to in problem.sites(edge.to) {
                edge_usd[index * regions + usize::from(to)] = Some(nothing);
            }
        }
        let mut sites = vec![None; nodes * regions];
        for node in (0..nodes).filter(|&node| !problem.is_stage(node)) {
            for &region in problem.sites(node) {
                sites[node * regions + usize::from(region)] = Some(Site::new([nothing; 3], nothing));
            }
        }
        let pairs = (0..regions).flat_map(|from| (0..regions).map(move |to| (from, to)));
        Self {
            len,
            regions,
            columns,
            sites,
            nothing,
            traffic: vec![nothing; nodes],
            edges: vec![path; edges],
            edge_usd,
            measured: BTreeMap::new(),
            departures: BTreeMap::new(),
            residual: nothing,
            distances: pairs.map(|(from, to)| problem.distance(from, to)).collect(),
            sync_start: SyncStart::default(),
            waits: false,
        }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory of all columns, in bytes.
    pub fn bytes(&self) -> usize {
        self.columns.bytes()
    }

    /// Seconds from a node's start to its end in a region that it is permitted.
    pub(crate) fn node_time_s(&self, node: usize, region: usize) -> &[f32] {
        self.columns.values(self.site(node, region).time_s)
    }

    /// Seconds of an edge between two regions, before [`edge_trips`](Self::edge_trips) times
    /// [`edge_distance_s`](Self::edge_distance_s) is added; `-inf` where the edge was not taken.
    pub(crate) fn edge_latency_s(&self, edge: usize, from: usize, to: usize) -> &[f32] {
        self.columns.values(self.latency(edge, from, to).0)
    }

    /// Round trips between sender and receiver before the receiver of an edge starts.
    pub(crate) fn edge_trips(&self, edge: usize) -> &[f32] {
        self.columns.values(self.edges[edge].trips)
    }

    /// The round trip that an edge's latency is lengthened by: nothing within a region and where the latency between the
    /// two was measured.
    pub(crate) fn edge_distance_s(&self, edge: usize, from: usize, to: usize) -> f64 {
        self.latency(edge, from, to).1
    }

    /// Seconds from a sender's start to the departure along an edge; `None` where it departs at the sender's end.
    pub(crate) fn edge_departure_s(&self, edge: usize, from: usize) -> Option<&[f32]> {
        self.departures.get(&(edge, from)).map(|&id| self.columns.values(id))
    }

    /// Whether an edge departs at another time than its sender's end.
    pub(crate) fn has_departures(&self) -> bool {
        !self.departures.is_empty()
    }

    /// What is added to the end of the result, in seconds; a runtime is no less than nothing.
    pub(crate) fn residual_s(&self) -> &[f32] {
        self.columns.values(self.residual)
    }

    /// Which arrival a sync node starts at.
    pub(crate) fn sync_start(&self) -> SyncStart {
        self.sync_start
    }

    /// Whether senders and receivers are billed for the round trips that they wait.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The columns of a node in a region that it is permitted.
    pub(crate) fn site(&self, node: usize, region: usize) -> Site {
        match self.sites[node * self.regions + region] {
            Some(site) => site,
            None => panic!("node {node} may not run in region {region}"),
        }
    }

    pub(crate) fn is_permitted(&self, node: usize, region: usize) -> bool {
        self.sites[node * self.regions + region].is_some()
    }

    pub(crate) fn traffic(&self, node: usize) -> ColumnId {
        self.traffic[node]
    }

    pub(crate) fn path(&self, edge: usize) -> Path {
        self.edges[edge]
    }

    /// USD of an edge's messages and store units at its receiver, in a region that the receiver is permitted.
    pub(crate) fn edge_usd(&self, edge: usize, to: usize) -> ColumnId {
        match self.edge_usd[edge * self.regions + to] {
            Some(id) => id,
            None => panic!("the receiver of edge {edge} may not run in region {to}"),
        }
    }

    /// The latency of an edge between two regions, and the round trip that lengthens it.
    fn latency(&self, edge: usize, from: usize, to: usize) -> (ColumnId, f64) {
        if !self.measured.is_empty()
            && let Some(&id) = self.measured.get(&(edge, from, to))
        {
            return (id, 0.0);
        }
        (self.edges[edge].latency_s, self.distances[from * self.regions + to])
    }
}
