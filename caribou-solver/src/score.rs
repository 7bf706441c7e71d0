//! What a placement is worth.
//!
//! Carbon and cost are linear in what a run used , so their means come from tables of mean
//! terms by node and region, and by edge and pair of regions; a placement's energy by region is summed once and priced
//! for all 24 hours. Percentiles and runtime need the samples, and are computed only when they are asked for.

use caribou_model::{HOURS, Metric, Statistic, Transmission};

use crate::coefficient::{EdgeCoefficients, NodeCoefficients};
use crate::estimate::{self, Estimate};
use crate::model::runtime;
use crate::model::transmission::{Ends, UNKNOWN_GRID};
use crate::problem::{HOME, Problem};
use crate::sample::Samples;
use crate::solution::Figures;
use crate::usage::{EdgeUse, NodeUse, dot};

/// Scores placements of one problem on one set of samples.
///
/// A placement is a slice of region numbers by stage index, as [`Problem::region_index`] gives them (home is 0). One that
/// has too few stages, or a number that no region has, panics.
#[derive(Clone, Debug)]
pub struct Scorer<'a> {
    problem: &'a Problem,
    samples: &'a Samples,
    /// By node and region.
    node_terms: Vec<NodeTerm>,
    /// By edge, sender's region and receiver's.
    edge_terms: Vec<EdgeTerm>,
}

/// Mean energy (kWh) and cost (USD) of a node in a region.
#[derive(Clone, Copy, Debug, Default)]
struct NodeTerm {
    energy: Ends,
    usd: f64,
}

/// Mean energy (kWh) at both ends, and cost (USD), of an edge between two regions.
#[derive(Clone, Copy, Debug, Default)]
struct EdgeTerm {
    at_from: f64,
    at_to: f64,
    usd: f64,
}

/// Buffers that scoring reuses, one set a thread.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// When each node ends: a row of samples for each node.
    pub(crate) ends: Vec<f64>,
    /// Runtime of each sample.
    pub(crate) runtimes: Vec<f64>,
    /// kWh by region, a row of samples each, and a last row for ends that are not known.
    energy: Vec<f64>,
    /// One row of samples.
    row: Vec<f64>,
}

/// The means of a placement that the tables give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Means {
    /// gCO2eq per run, by hour, for the transmission case that the manifest chooses.
    pub carbon: [f64; HOURS],
    /// USD per run.
    pub cost: f64,
}

impl<'a> Scorer<'a> {
    /// Prepares the tables.
    pub fn new(problem: &'a Problem, samples: &'a Samples) -> Self {
        let regions = problem.regions().len();
        let case = problem.transmission();
        let mut node_terms = Vec::with_capacity(problem.nodes() * regions);
        for (node, columns) in samples.nodes.iter().enumerate() {
            for region in 0..regions {
                let of = |coefficients: NodeUse| dot(columns.means(), coefficients.to_array());
                let c = NodeCoefficients::at(problem, node, region, case);
                let energy = Ends { own: of(c.own), home: of(c.home), unknown: of(c.unknown) };
                node_terms.push(NodeTerm { energy, usd: of(c.usd) });
            }
        }
        let mut edge_terms = Vec::with_capacity(problem.edges().len() * regions * regions);
        for (edge, columns) in samples.edges.iter().enumerate() {
            for (from, to) in (0..regions).flat_map(|from| (0..regions).map(move |to| (from, to))) {
                let of = |coefficients: EdgeUse| dot(columns.means(), coefficients.to_array());
                let c = EdgeCoefficients::between(problem, edge, from, to, case);
                edge_terms.push(EdgeTerm { at_from: of(c.at_from), at_to: of(c.at_to), usd: of(c.usd) });
            }
        }
        Self { problem, samples, node_terms, edge_terms }
    }

    /// The problem.
    pub fn problem(&self) -> &'a Problem {
        self.problem
    }

    /// The samples.
    pub fn samples(&self) -> &'a Samples {
        self.samples
    }

    /// Buffers for one thread.
    pub fn scratch(&self) -> Scratch {
        let count = self.samples.len();
        Scratch {
            ends: vec![0.0; count * self.problem.nodes()],
            runtimes: vec![0.0; count],
            energy: vec![0.0; count * (self.problem.regions().len() + 1)],
            row: vec![0.0; count],
        }
    }

    /// Mean carbon for 24 hours and mean cost of a placement.
    pub fn means(&self, placement: &[u8], scratch: &mut Scratch) -> Means {
        let regions = self.problem.regions().len();
        let energy = &mut scratch.energy[..=regions];
        energy.fill(0.0);
        let mut cost = 0.0;
        for node in 0..self.problem.nodes() {
            let site = self.problem.site(node, placement);
            let term = &self.node_terms[node * regions + site];
            energy[site] += term.energy.own;
            energy[HOME] += term.energy.home;
            energy[regions] += term.energy.unknown;
            cost += term.usd;
        }
        for (index, edge) in self.problem.edges().iter().enumerate() {
            let [from, to] = [edge.from, edge.to].map(|node| self.problem.site(node, placement));
            let term = &self.edge_terms[(index * regions + from) * regions + to];
            energy[from] += term.at_from;
            energy[to] += term.at_to;
            cost += term.usd;
        }
        let mut carbon = [energy[regions] * UNKNOWN_GRID.0; HOURS];
        for (region, energy) in energy[..regions].iter().enumerate() {
            for (hour, carbon) in carbon.iter_mut().enumerate() {
                *carbon += energy * self.problem.intensity(region, hour);
            }
        }
        Means { carbon, cost }
    }

    /// The full score of a placement, each figure computed when it is first asked for.
    pub fn evaluate<'s>(&'s self, placement: &'s [u8], scratch: &'s mut Scratch) -> Evaluation<'s> {
        let means = self.means(placement, scratch);
        Evaluation {
            scorer: self,
            placement,
            scratch,
            means,
            runtime: None,
            cost_p95: None,
            has_energy: false,
        }
    }

    /// Every figure of a placement with its interval, for each of these hours.
    pub fn figures(&self, placement: &[u8], hours: &[usize], scratch: &mut Scratch) -> Vec<Figures> {
        runtime::of_placement(self.problem, self.samples, placement, scratch);
        let runtime = Estimate::of(&mut scratch.runtimes);
        self.fill_cost(placement, scratch);
        let cost = Estimate::of(&mut scratch.row);
        let mut figures = vec![Figures { cost, runtime, ..Figures::default() }; hours.len()];
        for case in [Transmission::Best, Transmission::Worst] {
            self.fill_energy(placement, case, scratch);
            for (figures, &hour) in figures.iter_mut().zip(hours) {
                self.price_energy(hour, scratch);
                let carbon = Estimate::of(&mut scratch.row);
                match case {
                    Transmission::Best => figures.carbon_best = carbon,
                    Transmission::Worst => figures.carbon_worst = carbon,
                }
            }
        }
        figures
    }

    /// The mean of carbon or cost of a node in a region at an hour; over nodes and edges these sum up to
    /// [`means`](Self::means). Runtime is no such sum: 0.
    pub(crate) fn node_mean(&self, metric: Metric, hour: usize, node: usize, region: usize) -> f64 {
        let term = &self.node_terms[node * self.problem.regions().len() + region];
        match metric {
            Metric::Carbon => {
                term.energy.own * self.problem.intensity(region, hour)
                    + term.energy.home * self.problem.intensity(HOME, hour)
                    + term.energy.unknown * UNKNOWN_GRID.0
            }
            Metric::Cost => term.usd,
            Metric::Runtime => 0.0,
        }
    }

    /// The same of an edge between two regions.
    pub(crate) fn edge_mean(&self, metric: Metric, hour: usize, edge: usize, from: usize, to: usize) -> f64 {
        let regions = self.problem.regions().len();
        let term = &self.edge_terms[(edge * regions + from) * regions + to];
        match metric {
            Metric::Carbon => {
                term.at_from * self.problem.intensity(from, hour)
                    + term.at_to * self.problem.intensity(to, hour)
            }
            Metric::Cost => term.usd,
            Metric::Runtime => 0.0,
        }
    }

    /// Proven lower bounds of the mean of a metric by hour, whatever the placement and the limits: every node and every
    /// edge where it costs least, on its own.
    pub fn lower_bound(&self, metric: Metric, scratch: &mut Scratch) -> [f64; HOURS] {
        let problem = self.problem;
        let regions = problem.regions().len();
        if metric == Metric::Runtime {
            runtime::lower_bound(problem, self.samples, scratch);
            return [estimate::mean(&scratch.runtimes); HOURS];
        }
        std::array::from_fn(|hour| {
            let grams = |kwh: f64, region: usize| kwh * problem.intensity(region, hour);
            let node_value = |node: usize, site: usize| {
                let term = &self.node_terms[node * regions + site];
                if metric == Metric::Cost {
                    return term.usd;
                }
                grams(term.energy.own, site)
                    + grams(term.energy.home, HOME)
                    + term.energy.unknown * UNKNOWN_GRID.0
            };
            let edge_value = |edge: usize, from: usize, to: usize| {
                let term = &self.edge_terms[(edge * regions + from) * regions + to];
                if metric == Metric::Cost {
                    return term.usd;
                }
                grams(term.at_from, from) + grams(term.at_to, to)
            };
            let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
            let nodes = (0..problem.nodes()).map(|node| {
                least(&mut problem.sites(node).iter().map(|&site| node_value(node, usize::from(site))))
            });
            let edges = problem.edges().iter().enumerate().map(|(index, edge)| {
                let pairs = problem.sites(edge.from).iter().flat_map(|from| {
                    problem.sites(edge.to).iter().map(move |to| (usize::from(*from), usize::from(*to)))
                });
                least(&mut pairs.map(|(from, to)| edge_value(index, from, to)))
            });
            nodes.sum::<f64>() + edges.sum::<f64>()
        })
    }

    /// Writes the cost of every sample to the row.
    fn fill_cost(&self, placement: &[u8], scratch: &mut Scratch) {
        let case = self.problem.transmission();
        scratch.row.fill(0.0);
        for (node, columns) in self.samples.nodes.iter().enumerate() {
            let site = self.problem.site(node, placement);
            columns.add_to(
                &mut scratch.row,
                NodeCoefficients::at(self.problem, node, site, case).usd.to_array(),
            );
        }
        for (index, columns) in self.samples.edges.iter().enumerate() {
            let [from, to] = self.ends(index, placement);
            columns.add_to(
                &mut scratch.row,
                EdgeCoefficients::between(self.problem, index, from, to, case).usd.to_array(),
            );
        }
    }

    /// Writes the energy of every sample by region.
    fn fill_energy(&self, placement: &[u8], case: Transmission, scratch: &mut Scratch) {
        let count = self.samples.len();
        let unknown = self.problem.regions().len();
        scratch.energy.fill(0.0);
        let mut rows: Vec<&mut [f64]> = scratch.energy.chunks_exact_mut(count).collect();
        for (node, columns) in self.samples.nodes.iter().enumerate() {
            let site = self.problem.site(node, placement);
            let c = NodeCoefficients::at(self.problem, node, site, case);
            columns.add_to(rows[site], c.own.to_array());
            columns.add_to(rows[HOME], c.home.to_array());
            columns.add_to(rows[unknown], c.unknown.to_array());
        }
        for (index, columns) in self.samples.edges.iter().enumerate() {
            let [from, to] = self.ends(index, placement);
            let c = EdgeCoefficients::between(self.problem, index, from, to, case);
            columns.add_to(rows[from], c.at_from.to_array());
            columns.add_to(rows[to], c.at_to.to_array());
        }
    }

    /// Writes the carbon of every sample at an hour to the row, from the energy by region.
    fn price_energy(&self, hour: usize, scratch: &mut Scratch) {
        let regions = self.problem.regions().len();
        scratch.row.fill(0.0);
        for (region, energy) in scratch.energy.chunks_exact(self.samples.len()).enumerate() {
            let intensity =
                if region == regions { UNKNOWN_GRID.0 } else { self.problem.intensity(region, hour) };
            for (grams, kwh) in scratch.row.iter_mut().zip(energy) {
                *grams += kwh * intensity;
            }
        }
    }

    fn ends(&self, edge: usize, placement: &[u8]) -> [usize; 2] {
        let edge = self.problem.edges()[edge];
        [edge.from, edge.to].map(|node| self.problem.site(node, placement))
    }
}

/// The score of one placement.
#[derive(Debug)]
pub struct Evaluation<'s> {
    scorer: &'s Scorer<'s>,
    placement: &'s [u8],
    scratch: &'s mut Scratch,
    means: Means,
    runtime: Option<(f64, f64)>,
    cost_p95: Option<f64>,
    has_energy: bool,
}

impl Evaluation<'_> {
    /// The means that cost nothing.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// A statistic of a metric at an hour (0 to 23).
    pub fn value(&mut self, metric: Metric, statistic: Statistic, hour: usize) -> f64 {
        match (metric, statistic) {
            (Metric::Carbon, Statistic::Average) => self.means.carbon[hour],
            (Metric::Carbon, Statistic::P95) => {
                if !self.has_energy {
                    self.scorer.fill_energy(self.placement, self.scorer.problem.transmission(), self.scratch);
                    self.has_energy = true;
                }
                self.scorer.price_energy(hour, self.scratch);
                estimate::p95(&mut self.scratch.row)
            }
            (Metric::Cost, Statistic::Average) => self.means.cost,
            (Metric::Cost, Statistic::P95) => *self.cost_p95.get_or_insert_with(|| {
                self.scorer.fill_cost(self.placement, self.scratch);
                estimate::p95(&mut self.scratch.row)
            }),
            (Metric::Runtime, _) => {
                let (mean, p95) = *self.runtime.get_or_insert_with(|| {
                    runtime::of_placement(
                        self.scorer.problem,
                        self.scorer.samples,
                        self.placement,
                        self.scratch,
                    );
                    (estimate::mean(&self.scratch.runtimes), estimate::p95(&mut self.scratch.runtimes))
                });
                if statistic == Statistic::Average { mean } else { p95 }
            }
        }
    }
}
