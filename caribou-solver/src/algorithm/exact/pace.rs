//! How fast a partial placement can still become for what may be spent.
//!
//! A stage that is not decided may only go where its own terms stay within what is left between the bound and the best
//! placement. The fastest of these regions, for each stage on its own, give a lower bound of every sample's runtime; if
//! too many exceed the limit, nothing below the part is better. With every stage decided it is the runtime itself.

use super::pairwise::{Pairwise, least};
use super::relaxation::{FREE, Partial};
use super::timing::Timing;

/// The samples of a limited percentile with what each stage takes at the least for what it may cost.
#[derive(Clone, Debug)]
pub(super) struct Pace<'a> {
    timing: Timing<'a>,
    limit_s: f32,
    may_exceed: usize,
    /// By stage: what its regions cost beyond the cheapest, the cheapest first, and which they are.
    costs: Vec<Vec<(f64, usize)>>,
    /// By node and number of regions, the cheapest first: the least time of each row.
    least_times: Vec<Vec<Vec<f32>>>,
    /// By edge: the least distance between so many of the sender's cheapest regions and of the receiver's.
    least_distances: Vec<Vec<Vec<f32>>>,
    /// By node: the stage that decides where it runs.
    hosts: Vec<Option<usize>>,
    edges: Vec<(usize, usize)>,
    into: Vec<Vec<usize>>,
}

/// Buffers that are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends(Vec<f32>);

impl<'a> Pace<'a> {
    /// `cost` is the tightened function that the bounds of the cost are taken from.
    pub(super) fn new(timing: Timing<'a>, limit_s: f64, may_exceed: usize, cost: &Pairwise) -> Self {
        let problem = timing.problem();
        let costs: Vec<Vec<(f64, usize)>> = cost
            .single
            .iter()
            .map(|terms| {
                let cheapest = least(terms);
                let mut costs: Vec<(f64, usize)> =
                    terms.iter().enumerate().map(|(region, term)| (term - cheapest, region)).collect();
                costs.sort_by(|a, b| a.0.total_cmp(&b.0));
                costs
            })
            .collect();
        let hosts: Vec<Option<usize>> = (0..problem.nodes()).map(|node| problem.host(node)).collect();
        let order = |node: usize| -> Vec<usize> {
            hosts[node].map_or(vec![0], |stage| costs[stage].iter().map(|&(_, region)| region).collect())
        };
        let least_times = (0..problem.nodes())
            .map(|node| {
                let mut so_far = vec![f32::INFINITY; timing.rows().len()];
                let mut columns = Vec::new();
                for region in order(node) {
                    so_far.iter_mut().zip(timing.node(node, region)).for_each(|(a, b)| *a = a.min(*b));
                    columns.push(so_far.clone());
                }
                columns
            })
            .collect();
        let least_distances = problem
            .edges()
            .iter()
            .enumerate()
            .map(|(index, edge)| {
                let [from, to] = [edge.from, edge.to].map(|node| {
                    let sites = problem.sites(node);
                    order(node).into_iter().map(|region| usize::from(sites[region])).collect::<Vec<_>>()
                });
                let mut table = vec![vec![f32::INFINITY; to.len()]; from.len()];
                for i in 0..from.len() {
                    for j in 0..to.len() {
                        let mut distance = timing.distance(index, from[i], to[j]) as f32;
                        if i > 0 {
                            distance = distance.min(table[i - 1][j]);
                        }
                        if j > 0 {
                            distance = distance.min(table[i][j - 1]);
                        }
                        // One host has one region, wherever it is.
                        let one_host = hosts[edge.from] == hosts[edge.to] && hosts[edge.from].is_some();
                        table[i][j] = if one_host { 0.0 } else { distance };
                    }
                }
                table
            })
            .collect();
        let edges = problem.edges().iter().map(|edge| (edge.from, edge.to)).collect();
        let into = (0..problem.nodes())
            .map(|node| problem.edges_into(node).map(|(index, _)| index).collect())
            .collect();
        let limit_s = ((limit_s * (1.0 + 1e-6)) as f32).next_up();
        Self { timing, limit_s, may_exceed, costs, least_times, least_distances, hosts, edges, into }
    }

    /// Whether too many samples exceed the limit wherever the free stages go for no more than `left` each.
    pub(super) fn is_too_slow(&self, partial: &Partial, left: f64, ends: &mut Ends) -> bool {
        let count = self.timing.rows().len();
        let problem = self.timing.problem();
        let nodes = self.hosts.len();
        ends.0.resize(count * nodes, 0.0);
        let affordable: Vec<usize> = self
            .costs
            .iter()
            .map(|costs| costs.partition_point(|(cost, _)| *cost <= left).clamp(1, costs.len()) - 1)
            .collect();
        let region = |node: usize| match self.hosts[node] {
            None => Ok(0),
            Some(stage) if partial[stage] == FREE => Err(affordable[stage]),
            Some(stage) => Ok(usize::from(partial[stage])),
        };
        for node in 0..nodes {
            let (before, rest) = ends.0.split_at_mut(node * count);
            let end = &mut rest[..count];
            end.fill(if node == 0 { 0.0 } else { f32::NEG_INFINITY });
            for &index in &self.into[node] {
                let (from, to) = self.edges[index];
                let position = |node: usize| match (region(node), self.hosts[node]) {
                    (Err(affordable), _) => Err(affordable),
                    (Ok(region), _) => Ok(usize::from(problem.sites(node)[region])),
                };
                let distance = match (position(from), position(to)) {
                    (Ok(from), Ok(to)) => self.timing.distance(index, from, to) as f32,
                    (Err(a), Err(b)) => self.least_distances[index][a][b],
                    (Ok(site), Err(affordable)) => self.least_from(index, site, to, affordable, false),
                    (Err(affordable), Ok(site)) => self.least_from(index, site, from, affordable, true),
                };
                let path = self.timing.overhead(index).iter().zip(self.timing.trips(index));
                let from = &before[from * count..][..count];
                for ((end, from), (overhead, trips)) in end.iter_mut().zip(from).zip(path) {
                    *end = end.max(from + overhead + trips * distance);
                }
            }
            let times = match region(node) {
                Ok(region) => self.timing.node(node, region),
                Err(affordable) => &self.least_times[node][affordable],
            };
            end.iter_mut().zip(times).for_each(|(end, time)| *end += time);
        }
        let result = &ends.0[(nodes - 1) * count..][..count];
        let slow =
            result.iter().zip(self.timing.residual()).filter(|(end, rest)| *end + *rest > self.limit_s);
        slow.count() > self.may_exceed
    }

    /// The least distance between a region and the cheapest ones of a node.
    fn least_from(&self, edge: usize, site: usize, node: usize, affordable: usize, towards: bool) -> f32 {
        let problem = self.timing.problem();
        let Some(stage) = self.hosts[node] else { return 0.0 };
        let regions = self.costs[stage][..=affordable].iter();
        let distance = |&(_, region): &(f64, usize)| {
            let other = usize::from(problem.sites(node)[region]);
            let [from, to] = if towards { [other, site] } else { [site, other] };
            self.timing.distance(edge, from, to)
        };
        regions.map(distance).fold(f64::INFINITY, f64::min) as f32
    }
}
