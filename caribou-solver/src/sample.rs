//! Joint samples of whole runs, one array per quantity.
//!
//! Observed runs are drawn in an order that a seed determines, each at most once, and every placement is judged on the
//! same ones (common random numbers). All of a run's quantities stay together, so sizes, branches and times keep their
//! correlation. With fewer runs than samples asked for, every run is drawn, and the estimate is the empirical
//! distribution itself: nothing is added by drawing a run twice but a false precision.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use caribou_model::{NodeKind, RunSample};

use crate::model::runtime::{
    round_trips_before_hand_over, round_trips_of_receiver, round_trips_of_sender, round_trips_on_path,
};
use crate::problem::{EdgeKind, HOME, IndexedEdge, Problem};
use crate::usage::{EdgeUse, NodeUse};

/// The runs that every placement is judged on.
#[derive(Clone, Debug)]
pub struct Samples {
    len: usize,
    pub(crate) nodes: Vec<Columns<{ NodeUse::LEN }>>,
    pub(crate) edges: Vec<Columns<{ EdgeUse::LEN }>>,
    pub(crate) paths: Vec<EdgePath>,
    /// Observed runtime less the modelled one, in seconds.
    pub(crate) residual_s: Vec<f64>,
}

/// The quantities of a node or an edge over all samples: one column each, and their means.
#[derive(Clone, Debug)]
pub(crate) struct Columns<const N: usize> {
    columns: [Vec<f64>; N],
    means: [f64; N],
}

/// What an edge adds to the path, over all samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdgePath {
    /// Seconds that the edge takes within a region; `-inf` where it was not taken.
    pub(crate) overhead_s: Vec<f64>,
    /// Round trips before the receiver starts.
    pub(crate) trips: Vec<f64>,
}

impl<const N: usize> Columns<N> {
    fn with_capacity(capacity: usize) -> Self {
        Self { columns: std::array::from_fn(|_| Vec::with_capacity(capacity)), means: [0.0; N] }
    }

    fn push(&mut self, quantities: [f64; N]) {
        for (column, quantity) in self.columns.iter_mut().zip(quantities) {
            column.push(quantity);
        }
    }

    fn close(&mut self) {
        for (mean, column) in self.means.iter_mut().zip(&self.columns) {
            *mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
        }
    }

    pub(crate) fn means(&self) -> [f64; N] {
        self.means
    }

    /// Adds `coefficients` times the quantities to every sample of `out`.
    pub(crate) fn add_to(&self, out: &mut [f64], coefficients: [f64; N]) {
        for (column, coefficient) in self.columns.iter().zip(coefficients) {
            if coefficient != 0.0 {
                for (sum, quantity) in out.iter_mut().zip(column) {
                    *sum += coefficient * quantity;
                }
            }
        }
    }
}

impl Columns<{ NodeUse::LEN }> {
    pub(crate) fn user_s(&self) -> &[f64] {
        &self.columns[1]
    }

    pub(crate) fn shim_s(&self) -> &[f64] {
        &self.columns[2]
    }
}

/// What one run used, freed of where it was observed.
struct Observation {
    nodes: Vec<NodeUse>,
    edges: Vec<EdgeUse>,
    /// Seconds within a region and round trips; `None` where the edge was not taken.
    paths: Vec<Option<(f64, f64)>>,
    residual_s: f64,
}

impl Samples {
    /// Draws `count` of the problem's runs, or all of them if there are no more.
    pub fn draw(problem: &Problem, count: usize, seed: u64) -> Self {
        let mut order: Vec<&RunSample> = problem.runs().iter().collect();
        order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        order.truncate(count.max(1));
        let typical = typical_overheads(problem);
        let len = order.len();
        let mut samples = Self {
            len,
            nodes: vec![Columns::with_capacity(len); problem.nodes()],
            edges: vec![Columns::with_capacity(len); problem.edges().len()],
            paths: vec![EdgePath::default(); problem.edges().len()],
            residual_s: Vec::with_capacity(len),
        };
        for run in order {
            samples.push(observe(problem, run, &typical));
        }
        samples.nodes.iter_mut().for_each(Columns::close);
        samples.edges.iter_mut().for_each(Columns::close);
        samples
    }

    /// How many runs were drawn.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none were drawn.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn push(&mut self, run: Observation) {
        for (columns, node) in self.nodes.iter_mut().zip(&run.nodes) {
            columns.push(node.to_array());
        }
        for (columns, edge) in self.edges.iter_mut().zip(&run.edges) {
            columns.push(edge.to_array());
        }
        for (path, taken) in self.paths.iter_mut().zip(run.paths) {
            let (overhead, trips) = taken.unwrap_or((f64::NEG_INFINITY, 0.0));
            path.overhead_s.push(overhead);
            path.trips.push(trips);
        }
        self.residual_s.push(run.residual_s);
    }
}

/// Between which regions a run's edge was observed, as a round trip in seconds.
fn observed_distance(problem: &Problem, run: &RunSample, edge: usize) -> f64 {
    let index = |region| problem.region_index(region).unwrap_or(HOME);
    run.edges[edge].as_ref().map_or(0.0, |sample| problem.distance(index(&sample.from), index(&sample.to)))
}

/// Seconds of an edge within a region, where a run measured them.
fn overhead(problem: &Problem, run: &RunSample, edge: usize) -> Option<f64> {
    let kind = problem.edges()[edge].kind;
    // The latency is measured from the hand-over, after a sync node's store writes and before a blob is fetched.
    let measured_trips = round_trips_on_path(kind, false) - round_trips_before_hand_over(kind);
    let latency = run.edges[edge].as_ref()?.latency_s?;
    Some((latency - measured_trips * observed_distance(problem, run, edge)).max(0.0))
}

/// For each edge the mean of its measured overheads, for the runs that did not measure it; the mean over all edges for
/// an edge that was never measured, and nothing if none was. The run record is written by its sender: nothing.
fn typical_overheads(problem: &Problem) -> Vec<f64> {
    let mean = |values: &[f64]| {
        if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
    };
    let measured: Vec<Vec<f64>> = (0..problem.edges().len())
        .map(|edge| problem.runs().iter().filter_map(|run| overhead(problem, run, edge)).collect())
        .collect();
    let overall = mean(&measured.concat()).unwrap_or(0.0);
    let typical = |(values, edge): (&Vec<f64>, &IndexedEdge)| match edge.kind {
        EdgeKind::Record => mean(values).unwrap_or(0.0),
        _ => mean(values).unwrap_or(overall),
    };
    measured.iter().zip(problem.edges()).map(typical).collect()
}

fn observe(problem: &Problem, run: &RunSample, typical: &[f64]) -> Observation {
    let mut nodes = vec![NodeUse::default(); problem.nodes()];
    let mut edges = vec![EdgeUse::default(); problem.edges().len()];
    let mut paths = vec![None; problem.edges().len()];
    let mut waited_s = vec![0.0; problem.nodes()];
    let mut edge_writes = vec![0.0; problem.nodes()];
    for (index, edge) in problem.edges().iter().enumerate() {
        let Some(sample) = &run.edges[index] else { continue };
        let distance = observed_distance(problem, run, index);
        let used = EdgeUse::of_edge(sample, edge.kind);
        waited_s[edge.from] += round_trips_of_sender(edge.kind) * distance;
        waited_s[edge.to] += round_trips_of_receiver(edge.kind) * used.blobs * distance;
        edge_writes[edge.from] += edge.kind.writes() * f64::from(sample.count.max(1));
        let overhead = overhead(problem, run, index).unwrap_or(typical[index]);
        paths[index] = Some((overhead, round_trips_on_path(edge.kind, used.blobs > 0.0)));
        edges[index] = used;
    }
    let mut stages = run.stages.iter();
    for (index, node) in problem.graph().nodes.iter().enumerate() {
        nodes[index].ran =
            f64::from(u8::from(index == 0 || problem.edges_into(index).any(|(e, _)| paths[e].is_some())));
        if matches!(node.kind, NodeKind::Stage { .. })
            && let Some(Some(stage)) = stages.next()
        {
            let region = problem.region(problem.region_index(&stage.region).unwrap_or(HOME));
            nodes[index] = NodeUse::of_stage(stage, problem.spec(index), region, edge_writes[index]);
            nodes[index].shim_s = (nodes[index].shim_s - waited_s[index]).max(0.0);
        }
    }
    nodes[0].outside_gb = run.client_bytes as f64 / 1e9;
    let modelled_s = modelled_runtime(problem, run, &nodes, &paths);
    Observation { nodes, edges, paths, residual_s: run.runtime_s - modelled_s }
}

/// The runtime that the model gives a run where it was observed, in seconds.
fn modelled_runtime(
    problem: &Problem,
    run: &RunSample,
    nodes: &[NodeUse],
    paths: &[Option<(f64, f64)>],
) -> f64 {
    let mut stages = run.stages.iter();
    let mut ends = vec![0.0_f64; problem.nodes()];
    for (index, node) in problem.graph().nodes.iter().enumerate() {
        let mut speed = 1.0;
        if matches!(node.kind, NodeKind::Stage { .. })
            && let Some(Some(stage)) = stages.next()
        {
            speed = problem.region(problem.region_index(&stage.region).unwrap_or(HOME)).relative_speed;
        }
        let arrival = |(edge, indexed): (usize, IndexedEdge)| {
            let (overhead, trips) = paths[edge]?;
            Some(ends[indexed.from] + overhead + trips * observed_distance(problem, run, edge))
        };
        let ready = problem.edges_into(index).filter_map(arrival).fold(0.0, f64::max);
        ends[index] = ready + nodes[index].user_s / speed + nodes[index].shim_s;
    }
    ends.last().copied().unwrap_or(0.0)
}
