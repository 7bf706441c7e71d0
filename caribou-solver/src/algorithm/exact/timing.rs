//! Runtimes of some of the samples, as the search for a proof needs them.

use super::linear;
use super::pairwise::Pairwise;
use crate::problem::{HOME, IndexedEdge, Problem};
use crate::sample::SyncStart;
use crate::score::Scorer;

/// What nodes and edges take in some of the samples, over the regions of each stage's domain.
#[derive(Clone, Debug)]
pub(super) struct Timing<'a> {
    problem: &'a Problem,
    /// Which samples.
    rows: Vec<usize>,
    /// Seconds by node and region of its domain.
    nodes: Vec<Vec<Vec<f32>>>,
    /// Seconds within a region by edge; `-inf` where it was not taken.
    overheads: Vec<Vec<f32>>,
    /// Round trips by edge.
    trips: Vec<Vec<f32>>,
    /// What the model does not see.
    residual: Vec<f32>,
    /// By edge and pair of regions: seconds of a round trip, such that no latency is less than the overhead and the
    /// round trips. `None` where the samples' runtimes are no longest paths, and nothing can be bounded.
    distances: Option<Vec<Vec<f64>>>,
}

/// A way from the entry to the result, as its edges in order.
pub(super) type Path = Vec<usize>;

impl<'a> Timing<'a> {
    pub(super) fn new(scorer: &Scorer<'a>, rows: Vec<usize>) -> Self {
        let problem = scorer.problem();
        let samples = scorer.samples();
        let pick = |column: &[f32]| -> Vec<f32> { rows.iter().map(|&row| column[row]).collect() };
        let edges = 0..problem.edges().len();
        let nodes = (0..problem.nodes())
            .map(|node| {
                let sites = problem.sites(node).iter();
                sites.map(|&site| pick(samples.node_time_s(node, usize::from(site)))).collect()
            })
            .collect();
        Self {
            problem,
            nodes,
            overheads: edges.clone().map(|edge| pick(samples.edge_latency_s(edge, HOME, HOME))).collect(),
            trips: edges.map(|edge| pick(samples.edge_trips(edge))).collect(),
            residual: pick(samples.residual_s()),
            distances: distances(scorer),
            rows,
        }
    }

    /// Whether runtimes are the lengths of longest paths, so that the length of any path is a bound.
    pub(super) fn is_bounded(&self) -> bool {
        self.distances.is_some()
    }

    /// Seconds of a round trip of an edge between two regions.
    pub(super) fn distance(&self, edge: usize, from: usize, to: usize) -> f64 {
        let regions = self.problem.regions().len();
        self.distances.as_ref().map_or(0.0, |distances| distances[edge][from * regions + to])
    }

    pub(super) fn problem(&self) -> &'a Problem {
        self.problem
    }

    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }

    pub(super) fn node(&self, node: usize, region: usize) -> &[f32] {
        &self.nodes[node][region]
    }

    pub(super) fn overhead(&self, edge: usize) -> &[f32] {
        &self.overheads[edge]
    }

    pub(super) fn trips(&self, edge: usize) -> &[f32] {
        &self.trips[edge]
    }

    pub(super) fn residual(&self) -> &[f32] {
        &self.residual
    }

    /// The same of some of these rows, given by their position.
    pub(super) fn subset(&self, positions: &[usize]) -> Self {
        let pick = |column: &Vec<f32>| positions.iter().map(|&at| column[at]).collect::<Vec<f32>>();
        Self {
            problem: self.problem,
            rows: positions.iter().map(|&at| self.rows[at]).collect(),
            nodes: self.nodes.iter().map(|regions| regions.iter().map(pick).collect()).collect(),
            overheads: self.overheads.iter().map(pick).collect(),
            trips: self.trips.iter().map(pick).collect(),
            residual: pick(&self.residual),
            distances: self.distances.clone(),
        }
    }

    /// The mean length of the critical paths that a placement has in some rows, as a function of all placements: no
    /// mean runtime of those rows is below it, and the placement's own is equal to it.
    pub(super) fn mean_length(&self, critical: &[(f32, Path)], rows: &[usize]) -> Pairwise {
        let problem = self.problem;
        let mut sum = linear::zero(problem);
        let share = 1.0 / rows.len().max(1) as f64;
        let mut times: Vec<Vec<f64>> =
            (0..problem.nodes()).map(|node| vec![0.0; self.nodes[node].len()]).collect();
        let mut trips = vec![0.0; problem.edges().len()];
        for &row in rows {
            sum.constant += share * f64::from(self.residual[row]);
            let mut visit = |node: usize| {
                for (time, column) in times[node].iter_mut().zip(&self.nodes[node]) {
                    *time += share * f64::from(column[row]);
                }
            };
            visit(0);
            for &edge in &critical[row].1 {
                visit(problem.edges()[edge].to);
                sum.constant += share * f64::from(self.overheads[edge][row]);
                trips[edge] += share * f64::from(self.trips[edge][row]);
            }
        }
        for (node, times) in times.iter().enumerate() {
            match problem.host(node) {
                None => sum.constant += times[0],
                Some(stage) => {
                    sum.single[stage].iter_mut().zip(times).for_each(|(term, time)| *term += time);
                }
            }
        }
        for (edge, &trips) in trips.iter().enumerate().filter(|(_, trips)| **trips > 0.0) {
            linear::add_edge(&mut sum, problem, edge, |from, to| trips * self.distance(edge, from, to));
        }
        sum
    }

    fn position(&self, node: usize, placement: &[usize]) -> usize {
        self.problem.host(node).map_or(0, |stage| placement[stage])
    }

    fn site(&self, node: usize, placement: &[usize]) -> usize {
        usize::from(self.problem.sites(node)[self.position(node, placement)])
    }

    /// The runtime and the critical path of every row under a placement.
    pub(super) fn critical(&self, placement: &[usize]) -> Vec<(f32, Path)> {
        let nodes = self.problem.nodes();
        let mut found = Vec::with_capacity(self.rows.len());
        let mut ends = vec![f32::NEG_INFINITY; nodes];
        let mut last = vec![None; nodes];
        let distance = |(index, edge): (usize, &IndexedEdge)| {
            let [from, to] = [edge.from, edge.to].map(|node| self.site(node, placement));
            self.distance(index, from, to) as f32
        };
        let distances: Vec<f32> = self.problem.edges().iter().enumerate().map(distance).collect();
        for row in 0..self.rows.len() {
            for node in 0..nodes {
                let mut ready = if node == 0 { 0.0 } else { f32::NEG_INFINITY };
                last[node] = None;
                for (index, edge) in self.problem.edges_into(node) {
                    let arrival = ends[edge.from]
                        + self.overheads[index][row]
                        + self.trips[index][row] * distances[index];
                    if arrival > ready {
                        ready = arrival;
                        last[node] = Some(index);
                    }
                }
                ends[node] = ready + self.nodes[node][self.position(node, placement)][row];
            }
            let mut path = Vec::new();
            let mut node = nodes - 1;
            while let Some(edge) = last[node] {
                path.push(edge);
                node = self.problem.edges()[edge].from;
            }
            path.reverse();
            found.push((ends[nodes - 1] + self.residual[row], path));
        }
        found
    }
}

/// Where a latency was measured between two regions it stands for overhead and distance together: its distance is the
/// largest that keeps every sample's overhead and round trips below it.
fn distances(scorer: &Scorer<'_>) -> Option<Vec<Vec<f64>>> {
    let samples = scorer.samples();
    if samples.has_departures() || samples.sync_start() == SyncStart::LastDeparture {
        return None;
    }
    let regions = scorer.problem().regions().len();
    let of_edge = |edge: usize| -> Option<Vec<f64>> {
        let at_home = samples.edge_latency_s(edge, HOME, HOME);
        let trips = samples.edge_trips(edge);
        let pairs = (0..regions).flat_map(|from| (0..regions).map(move |to| (from, to)));
        pairs
            .map(|(from, to)| {
                let latency = samples.edge_latency_s(edge, from, to);
                let distance = samples.edge_distance_s(edge, from, to);
                if std::ptr::eq(latency, at_home) {
                    return Some(distance);
                }
                let mut least = f64::INFINITY;
                for ((&latency, &at_home), &trips) in latency.iter().zip(at_home).zip(trips) {
                    let more = f64::from(latency) - f64::from(at_home) + f64::from(trips) * distance;
                    if at_home.is_finite() && latency.is_finite() {
                        match trips > 0.0 {
                            true => least = least.min(more / f64::from(trips)),
                            false if more < 0.0 => return None,
                            false => {}
                        }
                    }
                }
                // A latency that is less than at home is no distance on top of it.
                match least {
                    _ if least < 0.0 => None,
                    _ if least.is_finite() => Some(least),
                    _ => Some(0.0),
                }
            })
            .collect()
    };
    (0..scorer.problem().edges().len()).map(of_edge).collect()
}
