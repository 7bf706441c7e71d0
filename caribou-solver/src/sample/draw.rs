//! Samples from observed runs.
//!
//! Runs are drawn in an order that a seed determines, each at most once. With fewer runs than samples asked for, every
//! run is drawn, and the estimate is the empirical distribution itself: nothing is added by drawing a run twice but a
//! false precision.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use caribou_model::{NodeId, RunSample, Transmission};

use super::cold::{self, ColdStarts};
use super::measured::Measured;
use super::{Columns, Path, Samples, Site};
use crate::coefficient::NodeCoefficients;
use crate::model::cost;
use crate::model::runtime::{
    round_trips_before_hand_over, round_trips_of_receiver, round_trips_of_sender, round_trips_on_path,
};
use crate::problem::{HOME, IndexedEdge, Problem};
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
        Self::of_runs(problem, &order)
    }

    /// Draws `count` runs with replacement, so that there can be more samples than runs (the bootstrap). It adds nothing
    /// to what is known: intervals are then narrower than the runs warrant.
    pub fn resample(problem: &Problem, count: usize, seed: u64) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let runs = problem.runs();
        let drawn = |_| runs.get(random.random_range(0..runs.len().max(1)));
        let drawn: Vec<&RunSample> = (0..count.max(1)).filter_map(drawn).collect();
        Self::of_runs(problem, &drawn)
    }

    fn of_runs(problem: &Problem, runs: &[&RunSample]) -> Self {
        let measured = Measured::of(problem);
        let mut observed = Observations::new(problem.nodes(), problem.edges().len());
        for &run in runs {
            observed.push(&observe(problem, run, &measured));
        }
        Self::of(problem, &observed, runs)
    }

    /// Works out what of each score depends on one region only.
    fn of(problem: &Problem, observed: &Observations, runs: &[&RunSample]) -> Self {
        let mut samples = Self::nothing(problem, runs.len());
        let nothing = samples.nothing;
        let columns = &mut samples.columns;
        for (node, observed) in observed.nodes.iter().enumerate() {
            let id = NodeId(node as u16);
            let cold = problem
                .runs_per_month()
                .zip(problem.graph().stage_index(id))
                .and_then(|(count, stage)| Some((count, ColdStarts::of(stage, runs, observed)?)));
            samples.traffic[node] = columns.keep(&observed[NodeUse::OUTSIDE_GB]);
            for site in problem.sites(node).iter().map(|&site| usize::from(site)) {
                let expected = cold.as_ref().map(|(count, cold)| {
                    cold.expected(cold::runs_to(problem, site == HOME, *count), observed)
                });
                let quantities = expected.as_ref().unwrap_or(observed);
                let slowness = 1.0 / problem.speed(node, site);
                let time =
                    NodeUse { user_s: slowness, overlap_s: -slowness, shim_s: 1.0, ..NodeUse::default() };
                let worth = NodeCoefficients::at(problem, node, site, Transmission::Best);
                let executed = NodeUse { outside_gb: 0.0, ..worth.own };
                let kept = [time, executed, worth.usd]
                    .map(|worth| columns.keep(&combined(quantities, worth.to_array())));
                samples.sites[node * samples.regions + site] = Some(Site::new(kept, nothing));
            }
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
pub(super) fn overhead(problem: &Problem, run: &RunSample, edge: usize) -> Option<f64> {
    let kind = problem.edges()[edge].kind;
    // The latency is measured from the hand-over, after a sync node's store writes and before a blob is fetched.
    let measured_trips = round_trips_on_path(kind, false) - round_trips_before_hand_over(kind);
    let latency = run.edges[edge].as_ref()?.latency_s?;
    Some((latency - measured_trips * observed_distance(problem, run, edge)).max(0.0))
}

fn observe(problem: &Problem, run: &RunSample, measured: &Measured) -> Observation {
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
        let overhead =
            overhead(problem, run, index).unwrap_or_else(|| measured.latency_s(problem, run, index));
        paths[index] = Some((overhead, round_trips_on_path(edge.kind, used.blobs > 0.0)));
        edges[index] = used;
    }
    for (index, node) in nodes.iter_mut().enumerate() {
        node.ran =
            f64::from(u8::from(index == 0 || problem.edges_into(index).any(|(e, _)| paths[e].is_some())));
    }
    for (stage, (id, spec)) in problem.graph().stages().enumerate() {
        let Some(sample) = &run.stages[stage] else { continue };
        let index = id.index();
        let sample = measured.complete(problem, run, [stage, index], sample);
        let speed = problem.speed(index, problem.region_index(&sample.region).unwrap_or(HOME));
        nodes[index] = NodeUse::of_stage(&sample, spec, speed, edge_writes[index]);
        nodes[index].shim_s = (nodes[index].shim_s - waited_s[index]).max(0.0);
        if problem.graph().nodes[index].kind.is_map() {
            nodes[index] = nodes[index].in_parallel(speed);
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
    let mut speeds = vec![1.0; problem.nodes()];
    for ((id, _), stage) in problem.graph().stages().zip(&run.stages) {
        let Some(stage) = stage else { continue };
        let region = problem.region_index(&stage.region).unwrap_or(HOME);
        speeds[id.index()] = problem.speed(id.index(), region);
    }
    let mut ends = vec![0.0_f64; problem.nodes()];
    for (index, speed) in speeds.into_iter().enumerate() {
        let arrival = |(edge, indexed): (usize, IndexedEdge)| {
            let (overhead, trips) = paths[edge]?;
            Some(ends[indexed.from] + overhead + trips * observed_distance(problem, run, edge))
        };
        let ready = problem.edges_into(index).filter_map(arrival).fold(0.0, f64::max);
        ends[index] = ready + (nodes[index].user_s - nodes[index].overlap_s) / speed + nodes[index].shim_s;
    }
    ends.last().copied().unwrap_or(0.0)
}
