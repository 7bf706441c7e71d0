//! The solver's input, checked once and indexed for speed.

use caribou_model::manifest::Weights;
use caribou_model::{
    Constraint, FreeTier, FunctionSpec, Graph, HOURS, LatencyTable, Manifest, Metric, NodeId, NodeKind,
    Placement, Region, RegionFacts, RunSample, Transmission, Workload,
};

pub(crate) mod check;
mod error;
mod free_tier;
mod region;
mod speed;

pub use error::ProblemError;

/// A validated problem: what to place, where it may go, what was observed, and what counts.
#[derive(Clone, Debug)]
pub struct Problem {
    graph: Graph,
    runs: Vec<RunSample>,
    /// Regions in play; the home region is the first.
    regions: Vec<RegionFacts>,
    intensities: Vec<[f64; HOURS]>,
    /// Speed relative to home, by node and region.
    speeds: Vec<f64>,
    /// Round trips in seconds, by from and to; nothing within a region.
    distances: Vec<f64>,
    /// Regions by stage index, home first.
    permitted: Vec<Vec<u8>>,
    /// By node: the stage index that decides where it runs; `None` for the home region.
    hosts: Vec<Option<usize>>,
    edges: Vec<IndexedEdge>,
    /// By node: the edges that lead to it.
    into: Vec<Vec<usize>>,
    priority: Vec<Metric>,
    tolerance: f64,
    smoothness: f64,
    weights: Option<Weights>,
    transmission: Transmission,
    constraints: Vec<Constraint>,
    month: u8,
    probe_share: f64,
    runs_per_month: Option<f64>,
}

/// How what flows along an edge reaches its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// A message to a node that waits for nothing else.
    Message,
    /// An arrival in the store of a sync node's region.
    Sync,
    /// The run record, written to the home region's store.
    Record,
}

impl EdgeKind {
    /// The kind of an edge that leads to this node.
    pub fn into_node(graph: &Graph, to: NodeId) -> Self {
        if graph.is_sync(to) {
            Self::Sync
        } else if to == graph.result() {
            Self::Record
        } else {
            Self::Message
        }
    }

    /// Store writes of its sender that belong to the edge rather than to the sender's own claim and outcome.
    pub(crate) fn writes(self) -> f64 {
        match self {
            Self::Message => 0.0,
            Self::Sync => 2.0,
            Self::Record => 1.0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexedEdge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: EdgeKind,
}

/// Index of the home region in a problem.
pub(crate) const HOME: usize = 0;

impl Problem {
    /// Checks the input and indexes it.
    ///
    /// Candidates are the regions of `regions` that the manifest and the functions permit. `regions` must hold the home
    /// region, every region that is allowed by name, and every region where a run of the workload was observed.
    ///
    /// What the manifest asks to be counted is: [carbon-free energy](Self::counting_carbon_free), [the runs to be
    /// expected](Self::expecting), and [the free tier](Self::counting_free_tier) that AWS gives.
    ///
    /// # Errors
    ///
    /// [`ProblemError`] says what is wrong, where, and what to do.
    pub fn new(
        graph: &Graph,
        workload: &Workload,
        regions: &[RegionFacts],
        latencies: &LatencyTable,
        manifest: &Manifest,
        month: u8,
    ) -> Result<Self, ProblemError> {
        let named = |name: &str, version: &str| format!("{name} {version}");
        let [of_workload, of_graph] =
            [named(&workload.workflow, &workload.version), named(&graph.workflow, &graph.version)];
        if of_workload != of_graph {
            return Err(ProblemError::WrongWorkload { workload: of_workload, graph: of_graph });
        }
        if workload.runs.is_empty() {
            return Err(ProblemError::NoRuns { workflow: graph.workflow.clone() });
        }
        graph.validate()?;
        for run in &workload.runs {
            check::run(graph, run)?;
        }
        Self::index(graph, workload.runs.clone(), regions, latencies, manifest, month)
    }

    /// A problem without observed runs, for samples that come from elsewhere: see
    /// [`SamplesBuilder`](crate::sample::SamplesBuilder). [`Samples::draw`](crate::Samples::draw) draws nothing from it.
    ///
    /// # Errors
    ///
    /// [`ProblemError`] says what is wrong, where, and what to do.
    pub fn without_runs(
        graph: &Graph,
        regions: &[RegionFacts],
        latencies: &LatencyTable,
        manifest: &Manifest,
        month: u8,
    ) -> Result<Self, ProblemError> {
        Self::index(graph, Vec::new(), regions, latencies, manifest, month)
    }

    fn index(
        graph: &Graph,
        runs: Vec<RunSample>,
        regions: &[RegionFacts],
        latencies: &LatencyTable,
        manifest: &Manifest,
        month: u8,
    ) -> Result<Self, ProblemError> {
        graph.validate()?;
        manifest.validate()?;
        if !(1..=12).contains(&month) {
            return Err(ProblemError::InvalidMonth(month));
        }
        region::check_names(graph, manifest, regions)?;
        let in_play = region::in_play(graph, &runs, regions, manifest)?;
        let intensities = in_play.iter().map(|facts| check::facts(facts, month)).collect::<Result<_, _>>()?;
        let distances = region::distances(&in_play, latencies)?;
        let permitted = graph
            .stages()
            .map(|(_, spec)| {
                let permits = |(_, facts): &(usize, &RegionFacts)| manifest.permits(spec, &facts.region);
                in_play.iter().enumerate().filter(permits).map(|(index, _)| index as u8).collect()
            })
            .collect();
        let ids = (0..graph.nodes.len()).map(|index| NodeId(index as u16));
        let edges: Vec<IndexedEdge> = graph
            .edges
            .iter()
            .map(|edge| IndexedEdge {
                from: edge.from.index(),
                to: edge.to.index(),
                kind: EdgeKind::into_node(graph, edge.to),
            })
            .collect();
        let into = (0..graph.nodes.len())
            .map(|node| (0..edges.len()).filter(|&index| edges[index].to == node).collect())
            .collect();
        let problem = Self {
            hosts: ids.map(|id| host_stage(graph, id)).collect(),
            graph: graph.clone(),
            speeds: speed::of_nodes(graph, &runs, &in_play),
            runs,
            regions: in_play,
            intensities,
            distances,
            permitted,
            edges,
            into,
            priority: manifest.priority(),
            tolerance: manifest.objectives.tolerance,
            smoothness: manifest.objectives.smoothness,
            weights: manifest.objectives.weights,
            transmission: manifest.objectives.transmission,
            constraints: manifest.constraints.clone(),
            month,
            probe_share: manifest.runs.probe_share,
            runs_per_month: None,
        };
        problem.counting(manifest)
    }

    /// The same problem with what a manifest asks to be counted.
    fn counting(mut self, manifest: &Manifest) -> Result<Self, ProblemError> {
        if manifest.objectives.count_carbon_free_energy {
            self = self.counting_carbon_free();
        }
        if let Some(runs_per_month) = manifest.runs.expected_per_month {
            self = self.expecting(runs_per_month as f64)?;
        }
        if manifest.objectives.count_free_tier {
            self = self.counting_free_tier(&FreeTier::AWS)?;
        }
        Ok(self)
    }

    /// The same problem with this many runs a month to be expected, instead of the manifest's `expected_per_month`, so that samples have as many
    /// [cold starts](crate::model::cold) as come of it. Without, they have those that were observed.
    ///
    /// # Errors
    ///
    /// [`ProblemError::BadExpectation`] if that is no number above 0.
    pub fn expecting(mut self, runs_per_month: f64) -> Result<Self, ProblemError> {
        if !(runs_per_month > 0.0 && runs_per_month.is_finite()) {
            return Err(ProblemError::BadExpectation(runs_per_month));
        }
        self.runs_per_month = Some(runs_per_month);
        Ok(self)
    }

    /// The same problem with the carbon-free energy that providers match their use with counted: a region's grid weighs
    /// as much less as its facts say; not to be asked for again where the manifest has `count_carbon_free_energy`. Traffic
    /// counts at the same grids. Observed runs are
    /// [priced](crate::price_run) without.
    #[must_use]
    pub fn counting_carbon_free(mut self) -> Self {
        for (facts, intensities) in self.regions.iter().zip(&mut self.intensities) {
            for intensity in intensities {
                *intensity *= 1.0 - facts.carbon_free;
            }
        }
        self
    }

    pub(crate) fn runs_per_month(&self) -> Option<f64> {
        self.runs_per_month
    }

    /// Share of runs that go wholly home.
    pub(crate) fn probe_share(&self) -> f64 {
        self.probe_share
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The home region.
    pub fn home(&self) -> &Region {
        &self.regions[HOME].region
    }

    /// The month whose grids are used, 1 to 12.
    pub fn month(&self) -> u8 {
        self.month
    }

    /// What to minimise, most important first.
    pub fn priority(&self) -> &[Metric] {
        &self.priority
    }

    /// The regions where at least one stage may run, home first.
    pub fn candidates(&self) -> impl Iterator<Item = &Region> {
        let used = |index: &usize| self.permitted.iter().any(|regions| regions.contains(&(*index as u8)));
        (0..self.regions.len()).filter(used).map(|index| &self.regions[index].region)
    }

    /// How many placements there are. Saturates.
    pub fn placements(&self) -> u64 {
        self.permitted.iter().fold(1, |product: u64, regions| product.saturating_mul(regions.len() as u64))
    }

    /// By which share an objective may be worse than it could be, so that the next is better.
    pub(crate) fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// What a move of all stages from one hour to the next must gain, as a share of home's objective.
    pub(crate) fn smoothness(&self) -> f64 {
        self.smoothness
    }

    /// The weights of the metrics, where their weighted sum is the first objective.
    pub fn weights(&self) -> Option<Weights> {
        self.weights
    }

    pub(crate) fn runs(&self) -> &[RunSample] {
        &self.runs
    }

    pub(crate) fn regions(&self) -> &[RegionFacts] {
        &self.regions
    }

    pub(crate) fn region(&self, index: usize) -> &RegionFacts {
        &self.regions[index]
    }

    /// The number of a region in the placements that are scored: 0 for home. `None` for a region not in play.
    pub fn region_index(&self, region: &Region) -> Option<usize> {
        self.regions.iter().position(|facts| facts.region == *region)
    }

    /// How fast a node runs in a region, relative to the home region: as measured where enough runs were, and else as
    /// the region's facts say.
    pub(crate) fn speed(&self, node: usize, region: usize) -> f64 {
        self.speeds[node * self.regions.len() + region]
    }

    /// Carbon intensity of a region at an hour, in gCO2eq/kWh.
    pub(crate) fn intensity(&self, region: usize, hour: usize) -> f64 {
        self.intensities[region][hour]
    }

    /// The round trip between two regions in seconds; nothing within one.
    pub(crate) fn distance(&self, from: usize, to: usize) -> f64 {
        self.distances[from * self.regions.len() + to]
    }

    pub(crate) fn nodes(&self) -> usize {
        self.graph.nodes.len()
    }

    pub(crate) fn edges(&self) -> &[IndexedEdge] {
        &self.edges
    }

    pub(crate) fn edges_into(&self, node: usize) -> impl Iterator<Item = (usize, IndexedEdge)> {
        self.into[node].iter().map(|&index| (index, self.edges[index]))
    }

    /// The regions permitted to each stage, home first.
    pub(crate) fn permitted(&self) -> &[Vec<u8>] {
        &self.permitted
    }

    /// The regions where a node may run.
    pub(crate) fn sites(&self, node: usize) -> &[u8] {
        self.hosts[node].map_or(&[HOME as u8], |stage| &self.permitted[stage])
    }

    /// The region where a placement (a region index by stage) runs a node.
    pub(crate) fn site(&self, node: usize, placement: &[u8]) -> usize {
        self.hosts[node].map_or(HOME, |stage| usize::from(placement[stage]))
    }

    /// The stage index that decides where a node runs; `None` for the home region.
    pub(crate) fn host(&self, node: usize) -> Option<usize> {
        self.hosts[node]
    }

    pub(crate) fn is_stage(&self, node: usize) -> bool {
        matches!(self.graph.nodes[node].kind, NodeKind::Stage { .. })
    }

    /// The function in which a node runs.
    pub(crate) fn spec(&self, node: usize) -> &FunctionSpec {
        self.graph.function_of(NodeId(node as u16)).unwrap_or(&self.graph.functions[0])
    }

    pub(crate) fn transmission(&self) -> Transmission {
        self.transmission
    }

    pub(crate) fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// A placement in the terms of the model.
    pub(crate) fn to_placement(&self, placement: &[u8]) -> Result<Placement, caribou_model::PlanError> {
        let regions: Vec<Region> =
            placement.iter().map(|&index| self.regions[usize::from(index)].region.clone()).collect();
        Placement::new(&regions)
    }
}

/// The stage index that decides where a node runs.
pub(crate) fn host_stage(graph: &Graph, id: NodeId) -> Option<usize> {
    match graph.node(id)?.kind {
        NodeKind::Result => None,
        _ => graph.stage_index(graph.host(id)?),
    }
}
