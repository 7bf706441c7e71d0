//! What a placement is worth.
//!
//! Carbon and cost are linear in what a run used , so their means come from tables of mean
//! terms by node and region, and by edge and pair of regions; a placement's energy by region is summed once and priced
//! for all 24 hours. Percentiles and runtime need the samples, and are computed only when they are asked for.

use caribou_model::{HOURS, Metric, Transmission};

use crate::coefficient::{EdgeCoefficients, NodeCoefficients};
use crate::estimate::Estimate;
use crate::model::runtime;
use crate::model::transmission::{Ends, UNKNOWN_GRID};
use crate::problem::{HOME, Problem};
use crate::sample::Samples;
use crate::solution::Figures;

mod combine;
mod distribution;
mod evaluation;
mod tail;

use combine::Combination;
use distribution::Distributions;
pub use evaluation::Evaluation;
use tail::Tail;

/// Scores placements of one problem on one set of samples.
///
/// A placement is a slice of region numbers by stage index, as [`Problem::region_index`] gives them (home is 0). One that
/// has too few stages, or the number of a region that a stage is not permitted, panics.
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

/// What the columns of an edge are worth between two regions.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// At each end.
    kwh_per_gb: f64,
    /// At the sender, which waits.
    kwh_taken: f64,
    /// At the receiver, which waits for a blob.
    kwh_per_blob: f64,
    usd_per_gb: f64,
    usd_taken: f64,
    usd_per_blob: f64,
}

/// Buffers that scoring reuses, one set a thread.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// When each node starts and ends, in a tile of samples: a row for each node.
    pub(crate) starts: Vec<f32>,
    pub(crate) ends: Vec<f32>,
    /// Runtime of each sample.
    pub(crate) runtimes: Vec<f32>,
    /// Mean kWh by region, and at ends that are not known.
    means: Vec<f64>,
    /// kWh by region, a row of samples each, and a last row for ends that are not known.
    energy: Vec<f32>,
    /// The regions whose rows are filled.
    filled: Vec<usize>,
    /// One row of samples.
    row: Vec<f32>,
    combination: Combination,
    carbon: Tail,
    cost: Tail,
    runtime: Tail,
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
        let mut scorer = Self { problem, samples, node_terms: Vec::new(), edge_terms: Vec::new() };
        let forbidden = Ends { own: f64::INFINITY, ..Ends::default() };
        scorer.node_terms =
            vec![NodeTerm { energy: forbidden, usd: f64::INFINITY }; problem.nodes() * regions];
        for node in 0..problem.nodes() {
            for site in problem.sites(node).iter().map(|&site| usize::from(site)) {
                scorer.node_terms[node * regions + site] = scorer.node_term(node, site, case);
            }
        }
        let forbidden = EdgeTerm { at_from: f64::INFINITY, at_to: 0.0, usd: f64::INFINITY };
        scorer.edge_terms = vec![forbidden; problem.edges().len() * regions * regions];
        for (index, edge) in problem.edges().iter().enumerate() {
            for from in problem.sites(edge.from).iter().map(|&site| usize::from(site)) {
                for to in problem.sites(edge.to).iter().map(|&site| usize::from(site)) {
                    scorer.edge_terms[(index * regions + from) * regions + to] =
                        scorer.edge_term(index, from, to, case);
                }
            }
        }
        scorer
    }

    /// The means of a node in a region, from those of its columns.
    fn node_term(&self, node: usize, region: usize, case: Transmission) -> NodeTerm {
        let columns = self.samples.columns();
        let site = self.samples.site(node, region);
        let gb = columns.mean(self.samples.traffic(node));
        let ends = self.outside(node, region, case);
        NodeTerm {
            energy: Ends {
                own: columns.mean(site.kwh) + gb * ends.own,
                home: columns.mean(site.kwh_at_home) + gb * ends.home,
                unknown: columns.mean(site.kwh_elsewhere) + gb * ends.unknown,
            },
            usd: columns.mean(site.usd),
        }
    }

    /// The means of an edge between two regions, from those of its columns.
    fn edge_term(&self, edge: usize, from: usize, to: usize, case: Transmission) -> EdgeTerm {
        let columns = self.samples.columns();
        let path = self.samples.path(edge);
        let [gb, taken, blobs] = [path.gb, path.taken, path.blobs].map(|id| columns.mean(id));
        let link = self.link(edge, from, to, case);
        let at_receiver = columns.mean(self.samples.edge_usd(edge, to));
        EdgeTerm {
            at_from: gb * link.kwh_per_gb + taken * link.kwh_taken,
            at_to: gb * link.kwh_per_gb + blobs * link.kwh_per_blob,
            usd: at_receiver + gb * link.usd_per_gb + taken * link.usd_taken + blobs * link.usd_per_blob,
        }
    }

    /// Where the energy of one GB that a node exchanges with ends outside the graph is spent, in kWh.
    fn outside(&self, node: usize, region: usize, case: Transmission) -> Ends {
        NodeCoefficients::outside(&self.problem.graph().nodes[node].kind, region == HOME, case)
    }

    fn link(&self, edge: usize, from: usize, to: usize, case: Transmission) -> Link {
        let c = if self.samples.waits() {
            EdgeCoefficients::between(self.problem, edge, from, to, case)
        } else {
            let [at_from, at_to] = [from, to].map(|region| self.problem.region(region));
            EdgeCoefficients::transfer(self.problem.edges()[edge].kind, at_from, at_to, case)
        };
        Link {
            kwh_per_gb: c.at_from.gb,
            kwh_taken: c.at_from.taken,
            kwh_per_blob: c.at_to.blobs,
            usd_per_gb: c.usd.gb,
            usd_taken: c.usd.taken,
            usd_per_blob: c.usd.blobs,
        }
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
        let tile = count.min(runtime::TILE) * self.problem.nodes();
        Scratch {
            starts: vec![0.0; tile],
            ends: vec![0.0; tile],
            runtimes: vec![0.0; count],
            means: vec![0.0; self.problem.regions().len() + 1],
            energy: vec![0.0; count * (self.problem.regions().len() + 1)],
            filled: Vec::new(),
            row: vec![0.0; count],
            combination: Combination::default(),
            carbon: Tail::new(count),
            cost: Tail::new(count),
            runtime: Tail::new(count),
        }
    }

    /// Mean carbon for 24 hours and mean cost of a placement.
    pub fn means(&self, placement: &[u8], scratch: &mut Scratch) -> Means {
        let regions = self.problem.regions().len();
        self.sum_means(
            placement,
            &mut scratch.means,
            |node, site| self.node_terms[node * regions + site],
            |edge, from, to| self.edge_terms[(edge * regions + from) * regions + to],
        )
    }

    fn sum_means(
        &self,
        placement: &[u8],
        energy: &mut [f64],
        node_term: impl Fn(usize, usize) -> NodeTerm,
        edge_term: impl Fn(usize, usize, usize) -> EdgeTerm,
    ) -> Means {
        let regions = self.problem.regions().len();
        energy.fill(0.0);
        let mut cost = 0.0;
        for node in 0..self.problem.nodes() {
            let site = self.problem.site(node, placement);
            let term = node_term(node, site);
            energy[site] += term.energy.own;
            energy[HOME] += term.energy.home;
            energy[regions] += term.energy.unknown;
            cost += term.usd;
        }
        for (index, edge) in self.problem.edges().iter().enumerate() {
            let [from, to] = [edge.from, edge.to].map(|node| self.problem.site(node, placement));
            let term = edge_term(index, from, to);
            energy[from] += term.at_from;
            energy[to] += term.at_to;
            cost += term.usd;
        }
        let mut carbon = [energy[regions] * UNKNOWN_GRID.0; HOURS];
        for (region, &energy) in energy[..regions].iter().enumerate().filter(|(_, energy)| **energy != 0.0) {
            for (hour, carbon) in carbon.iter_mut().enumerate() {
                *carbon += energy * self.problem.intensity(region, hour);
            }
        }
        Means { carbon, cost }
    }

    /// The full score of a placement, each figure computed when it is first asked for.
    pub fn evaluate<'s>(&'s self, placement: &'s [u8], scratch: &'s mut Scratch) -> Evaluation<'s> {
        let means = self.means(placement, scratch);
        Evaluation::new(self, placement, scratch, means)
    }

    /// Every figure of a placement with its interval, for each of these hours.
    pub fn figures(&self, placement: &[u8], hours: &[usize], scratch: &mut Scratch) -> Vec<Figures> {
        let plan = self.distributions(placement, hours, scratch);
        plan.figures(|of| {
            let (samples, mean) = of(&plan);
            Estimate::of_columns(samples, mean)
        })
    }

    /// Every figure of a placement as it is deployed: the manifest's share of runs goes wholly home, as probes.
    ///
    /// A mean is the weighted mean of both plans'. A percentile is that of all runs together: with one run in ten at
    /// home, half of the slowest twentieth can be probes.
    pub fn deployed(&self, placement: &[u8], hours: &[usize], scratch: &mut Scratch) -> Vec<Figures> {
        let share = self.problem.probe_share();
        let home = vec![HOME as u8; placement.len()];
        let home = self.distributions(&home, hours, scratch);
        let plan = self.distributions(placement, hours, scratch);
        plan.figures(|of| {
            let ((samples, mean), (others, at_home)) = (of(&plan), of(&home));
            let mean = mean.zip(at_home).map(|(mean, at_home)| (1.0 - share) * mean + share * at_home);
            Estimate::of_mixture(samples, others, share, mean)
        })
    }

    fn distributions(&self, placement: &[u8], hours: &[usize], scratch: &mut Scratch) -> Distributions {
        runtime::of_placement(self.problem, self.samples, placement, scratch);
        let runtime = scratch.runtimes.clone();
        self.fill_cost(placement, scratch);
        let cost = (scratch.row.clone(), self.means(placement, scratch).cost);
        let carbon = [Transmission::Best, Transmission::Worst].map(|case| {
            let means = self.sum_means(
                placement,
                &mut scratch.means,
                |node, site| self.node_term(node, site, case),
                |edge, from, to| self.edge_term(edge, from, to, case),
            );
            self.fill_energy(placement, case, scratch);
            let at = |&hour: &usize| {
                self.price_energy(hour, scratch);
                (scratch.row.clone(), means.carbon[hour])
            };
            hours.iter().map(at).collect()
        });
        Distributions { runtime, cost, carbon }
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
            return [combine::mean(&scratch.runtimes); HOURS];
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
        let (columns, sum) = (self.samples.columns(), &mut scratch.combination);
        sum.clear();
        for node in 0..self.problem.nodes() {
            sum.add(columns, self.samples.site(node, self.problem.site(node, placement)).usd, 1.0);
        }
        for index in 0..self.problem.edges().len() {
            let [from, to] = self.ends(index, placement);
            let (path, link) = (self.samples.path(index), self.link(index, from, to, Transmission::Best));
            sum.add(columns, self.samples.edge_usd(index, to), 1.0);
            sum.add(columns, path.gb, link.usd_per_gb);
            sum.add(columns, path.taken, link.usd_taken);
            sum.add(columns, path.blobs, link.usd_per_blob);
        }
        sum.write(self.samples, &mut scratch.row);
    }

    /// Writes the carbon of every sample at one hour to the row.
    fn fill_carbon(&self, placement: &[u8], case: Transmission, hour: usize, scratch: &mut Scratch) {
        let (columns, sum) = (self.samples.columns(), &mut scratch.combination);
        sum.clear();
        let intensity = |region| self.problem.intensity(region, hour);
        for node in 0..self.problem.nodes() {
            let region = self.problem.site(node, placement);
            let ends = self.outside(node, region, case);
            let site = self.samples.site(node, region);
            sum.add(columns, site.kwh, intensity(region));
            sum.add(columns, site.kwh_at_home, intensity(HOME));
            sum.add(columns, site.kwh_elsewhere, UNKNOWN_GRID.0);
            let outside =
                ends.own * intensity(region) + ends.home * intensity(HOME) + ends.unknown * UNKNOWN_GRID.0;
            sum.add(columns, self.samples.traffic(node), outside);
        }
        for index in 0..self.problem.edges().len() {
            let [from, to] = self.ends(index, placement);
            let (path, link) = (self.samples.path(index), self.link(index, from, to, case));
            sum.add(columns, path.gb, link.kwh_per_gb * (intensity(from) + intensity(to)));
            sum.add(columns, path.taken, link.kwh_taken * intensity(from));
            sum.add(columns, path.blobs, link.kwh_per_blob * intensity(to));
        }
        sum.write(self.samples, &mut scratch.row);
    }

    /// Writes the energy of every sample by region, for pricing at several hours.
    fn fill_energy(&self, placement: &[u8], case: Transmission, scratch: &mut Scratch) {
        let (columns, sum) = (self.samples.columns(), &mut scratch.combination);
        let unknown = self.problem.regions().len();
        let count = self.samples.len();
        scratch.filled.clear();
        for region in 0..=unknown {
            sum.clear();
            for node in 0..self.problem.nodes() {
                let site = self.problem.site(node, placement);
                let spent = self.samples.site(node, site);
                let ends = self.outside(node, site, case);
                let mut traffic = 0.0;
                if site == region {
                    sum.add(columns, spent.kwh, 1.0);
                    traffic += ends.own;
                }
                if region == HOME {
                    sum.add(columns, spent.kwh_at_home, 1.0);
                }
                if region == unknown {
                    sum.add(columns, spent.kwh_elsewhere, 1.0);
                }
                traffic += if region == HOME { ends.home } else { 0.0 };
                traffic += if region == unknown { ends.unknown } else { 0.0 };
                sum.add(columns, self.samples.traffic(node), traffic);
            }
            for index in 0..self.problem.edges().len() {
                let [from, to] = self.ends(index, placement);
                if from != region && to != region {
                    continue;
                }
                let (path, link) = (self.samples.path(index), self.link(index, from, to, case));
                let ends = f64::from(u8::from(from == region) + u8::from(to == region));
                sum.add(columns, path.gb, ends * link.kwh_per_gb);
                if from == region {
                    sum.add(columns, path.taken, link.kwh_taken);
                }
                if to == region {
                    sum.add(columns, path.blobs, link.kwh_per_blob);
                }
            }
            if !sum.is_nothing() {
                sum.write(self.samples, &mut scratch.energy[region * count..][..count]);
                scratch.filled.push(region);
            }
        }
    }

    /// Writes the carbon of every sample at an hour to the row, from the energy by region.
    fn price_energy(&self, hour: usize, scratch: &mut Scratch) {
        let regions = self.problem.regions().len();
        let count = self.samples.len();
        let mut rows: [(&[f32], f32); 8] = [(&[], 0.0); 8];
        let (mut waiting, mut first) = (0, true);
        for (at, &region) in scratch.filled.iter().enumerate() {
            let intensity =
                if region == regions { UNKNOWN_GRID.0 } else { self.problem.intensity(region, hour) };
            rows[waiting] = (&scratch.energy[region * count..][..count], intensity as f32);
            waiting += 1;
            if waiting == rows.len() || at + 1 == scratch.filled.len() {
                combine::weigh_rows(&rows[..waiting], first, &mut scratch.row);
                (waiting, first) = (0, false);
            }
        }
        if first {
            scratch.row.fill(0.0);
        }
    }

    fn ends(&self, edge: usize, placement: &[u8]) -> [usize; 2] {
        let edge = self.problem.edges()[edge];
        [edge.from, edge.to].map(|node| self.problem.site(node, placement))
    }
}
