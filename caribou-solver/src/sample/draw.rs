//! Samples from observed runs.
//!
//! Runs are drawn in an order that a seed determines, each at most once. With fewer runs than samples asked for, every
//! run is drawn, and the estimate is the empirical distribution itself: nothing is added by drawing a run twice but a
//! false precision.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use caribou_model::{NodeKind, RunSample, Transmission};

use super::{Columns, Path, Samples, Site};
use crate::coefficient::NodeCoefficients;
use crate::model::cost;
use crate::model::runtime::{
    round_trips_before_hand_over, round_trips_of_receiver, round_trips_of_sender, round_trips_on_path,
};
use crate::problem::{EdgeKind, HOME, IndexedEdge, Problem};
use crate::usage::{EdgeUse, NodeUse};

/// What one run used, freed of where it was observed.
struct Observation {
    nodes: Vec<NodeUse>,
    edges: Vec<EdgeUse>,
    /// Seconds within a region and round trips; `None` where the edge was not taken.
    paths: Vec<Option<(f64, f64)>>,
    residual_s: f64,
}

/// What all drawn runs used, a column for each quantity.
struct Observations {
    nodes: Vec<[Vec<f64>; NodeUse::LEN]>,
    edges: Vec<[Vec<f64>; EdgeUse::LEN]>,
    latency_s: Vec<Vec<f64>>,
    trips: Vec<Vec<f64>>,
    residual_s: Vec<f64>,
}

impl Observations {
    fn new(nodes: usize, edges: usize) -> Self {
        Self {
            nodes: (0..nodes).map(|_| std::array::from_fn(|_| Vec::new())).collect(),
            edges: (0..edges).map(|_| std::array::from_fn(|_| Vec::new())).collect(),
            latency_s: vec![Vec::new(); edges],
            trips: vec![Vec::new(); edges],
            residual_s: Vec::new(),
        }
    }

    fn push(&mut self, run: &Observation) {
        for (columns, node) in self.nodes.iter_mut().zip(&run.nodes) {
            columns.iter_mut().zip(node.to_array()).for_each(|(column, quantity)| column.push(quantity));
        }
        for (columns, edge) in self.edges.iter_mut().zip(&run.edges) {
            columns.iter_mut().zip(edge.to_array()).for_each(|(column, quantity)| column.push(quantity));
        }
        for ((latency_s, trips), taken) in self.latency_s.iter_mut().zip(&mut self.trips).zip(&run.paths) {
            let (latency, count) = taken.unwrap_or((f64::NEG_INFINITY, 0.0));
            latency_s.push(latency);
            trips.push(count);
        }
        self.residual_s.push(run.residual_s);
    }
}

/// The sum of columns times coefficients.
fn combined<const N: usize>(columns: &[Vec<f64>; N], coefficients: [f64; N]) -> Vec<f64> {
    let mut sums = vec![0.0; columns[0].len()];
    for (column, coefficient) in columns.iter().zip(coefficients) {
        if coefficient != 0.0 {
            sums.iter_mut().zip(column).for_each(|(sum, quantity)| *sum += coefficient * quantity);
        }
    }
    sums
}

impl Samples {
    /// Draws `count` of the problem's runs, or all of them if there are no more: none if the problem has none.
    pub fn draw(problem: &Problem, count: usize, seed: u64) -> Self {
        let mut order: Vec<&RunSample> = problem.runs().iter().collect();
        order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        order.truncate(count.max(1));
        let typical = typical_overheads(problem);
        let mut observed = Observations::new(problem.nodes(), problem.edges().len());
        for &run in &order {
            observed.push(&observe(problem, run, &typical));
        }
        Self::of(problem, &observed, order.len())
    }

    /// Works out what of each score depends on one region only.
    fn of(problem: &Problem, observed: &Observations, len: usize) -> Self {
        let mut samples = Self::nothing(problem, len);
        let nothing = samples.nothing;
        let columns = &mut samples.columns;
        for (node, quantities) in observed.nodes.iter().enumerate() {
            for site in problem.sites(node).iter().map(|&site| usize::from(site)) {
                let slowness = 1.0 / problem.region(site).relative_speed;
                let time = NodeUse { user_s: slowness, shim_s: 1.0, ..NodeUse::default() };
                let worth = NodeCoefficients::at(problem, node, site, Transmission::Best);
                let executed = NodeUse { outside_gb: 0.0, ..worth.own };
                let kept = [time, executed, worth.usd]
                    .map(|worth| columns.keep(&combined(quantities, worth.to_array())));
                samples.sites[node * samples.regions + site] = Some(Site::new(kept, nothing));
            }
            samples.traffic[node] = columns.keep(&quantities[NodeUse::OUTSIDE_GB]);
        }
        for (index, quantities) in observed.edges.iter().enumerate() {
            let keep =
                |columns: &mut Columns, of: EdgeUse| columns.keep(&combined(quantities, of.to_array()));
            let one_of = EdgeUse::default();
            samples.edges[index] = Path {
                latency_s: columns.keep(&observed.latency_s[index]),
                trips: columns.keep(&observed.trips[index]),
                gb: keep(columns, EdgeUse { gb: 1.0, ..one_of }),
                taken: keep(columns, EdgeUse { taken: 1.0, ..one_of }),
                blobs: keep(columns, EdgeUse { blobs: 1.0, ..one_of }),
            };
            let edge = problem.edges()[index];
            for to in problem.sites(edge.to).iter().map(|&site| usize::from(site)) {
                let facts = problem.region(to);
                let at_receiver = EdgeUse { blobs: 0.0, ..cost::of_edge(edge.kind, facts, facts) };
                samples.edge_usd[index * samples.regions + to] = Some(keep(columns, at_receiver));
            }
        }
        samples.residual = columns.keep(&observed.residual_s);
        samples.waits = true;
        samples
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
