//! What one observed run caused, by the same models that plans are scored with.

use caribou_model::{
    GramsCo2, Graph, Hour, KilowattHours, NodeId, NodeKind, Region, RegionFacts, RunSample, Seconds,
    Transmission, Usd,
};
use serde::{Deserialize, Serialize};

use crate::coefficient::{EdgeCoefficients, NodeCoefficients};
use crate::model::transmission::UNKNOWN_GRID;
use crate::problem::{EdgeKind, ProblemError, check};
use crate::usage::{EdgeUse, NodeUse};

/// Carbon, cost and runtime of one observed run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPrice {
    /// Carbon of the stages' execution.
    pub execution: GramsCo2,
    /// Carbon of execution and transmission, best case.
    pub carbon_best: GramsCo2,
    /// Carbon of execution and transmission, worst case.
    pub carbon_worst: GramsCo2,
    /// What the provider charges.
    pub cost: Usd,
    /// From the request's receipt to the result's record, as observed.
    pub runtime: Seconds,
    /// By stage index; `None` where the stage did not run.
    pub stages: Vec<Option<StagePrice>>,
    /// By index into the graph's edges; `None` where the edge was not taken.
    pub edges: Vec<Option<EdgePrice>>,
    /// What belongs to no single stage or edge: the client's bytes, and the requests and store writes of the entry, the
    /// gates and the result.
    pub overhead: EdgePrice,
}

/// One stage of an observed run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePrice {
    /// Where it ran.
    pub region: Region,
    /// Energy of its execution, the data centre's overhead included.
    pub energy: KilowattHours,
    /// Carbon of its execution.
    pub execution: GramsCo2,
    /// Carbon of its own traffic, best case.
    pub traffic_best: GramsCo2,
    /// Carbon of its own traffic, worst case.
    pub traffic_worst: GramsCo2,
    /// What the provider charges for it.
    pub cost: Usd,
}

/// One edge of an observed run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgePrice {
    /// Carbon of moving its bytes, best case.
    pub carbon_best: GramsCo2,
    /// Carbon of moving its bytes, worst case.
    pub carbon_worst: GramsCo2,
    /// What the provider charges for it.
    pub cost: Usd,
}

/// Prices one observed run where it was observed, with the grids of a month and hour.
///
/// Time that the run spent waiting for other regions is in its billed times already.
///
/// # Errors
///
/// [`ProblemError`] if the run does not fit the graph, or a region that it names has no facts.
pub fn price_run(
    graph: &Graph,
    run: &RunSample,
    regions: &[RegionFacts],
    home: &Region,
    month: u8,
    hour: Hour,
) -> Result<RunPrice, ProblemError> {
    graph.validate()?;
    check::run(graph, run)?;
    let site = |region: &Region| Site::find(regions, region, month, hour, run);
    let home = site(home)?;
    let entry = site(&run.entry)?;
    let mut price = RunPrice {
        execution: GramsCo2::ZERO,
        carbon_best: GramsCo2::ZERO,
        carbon_worst: GramsCo2::ZERO,
        cost: Usd::ZERO,
        runtime: Seconds(run.runtime_s),
        stages: Vec::with_capacity(run.stages.len()),
        edges: Vec::with_capacity(run.edges.len()),
        overhead: EdgePrice::default(),
    };

    for (edge, sample) in graph.edges.iter().zip(&run.edges) {
        let edge_price = match sample {
            None => None,
            Some(sample) => {
                let kind = EdgeKind::into_node(graph, edge.to);
                let (from, to) = (site(&sample.from)?, site(&sample.to)?);
                let used = EdgeUse::of_edge(sample, kind);
                let of = |case| EdgeCoefficients::transfer(kind, from.facts, to.facts, case);
                let grams = |case| {
                    let c = of(case);
                    GramsCo2(used.dot(c.at_from) * from.intensity + used.dot(c.at_to) * to.intensity)
                };
                Some(EdgePrice {
                    carbon_best: grams(Transmission::Best),
                    carbon_worst: grams(Transmission::Worst),
                    cost: Usd(used.dot(of(Transmission::Best).usd)),
                })
            }
        };
        price.edges.push(edge_price);
    }

    let mut samples = run.stages.iter();
    for (index, node) in graph.nodes.iter().enumerate() {
        let id = NodeId(index as u16);
        let Some(spec) = graph.function_of(id) else { continue };
        let of = |at: &Site<'_>, case| {
            let regions = [at.facts, home.facts];
            NodeCoefficients::new(&node.kind, node.slots > 1, spec, regions, at.facts.relative_speed, case)
        };
        let grams = |used: NodeUse, at: &Site<'_>, case| {
            let c = of(at, case);
            GramsCo2(
                used.dot(c.own) * at.intensity
                    + used.dot(c.home) * home.intensity
                    + used.dot(c.unknown) * UNKNOWN_GRID.0,
            )
        };
        if matches!(node.kind, NodeKind::Stage { .. }) {
            let Some(Some(stage)) = samples.next() else {
                price.stages.push(None);
                continue;
            };
            let at = site(&stage.region)?;
            let writes = writes_from(graph, run, id);
            let used = NodeUse::of_stage(stage, spec, at.facts.relative_speed, writes);
            let executed = NodeUse { outside_gb: 0.0, ..used };
            let traffic = NodeUse { outside_gb: used.outside_gb, ..NodeUse::default() };
            price.stages.push(Some(StagePrice {
                region: stage.region.clone(),
                energy: KilowattHours(executed.dot(of(&at, Transmission::Best).own)),
                execution: grams(executed, &at, Transmission::Best),
                traffic_best: grams(traffic, &at, Transmission::Best),
                traffic_worst: grams(traffic, &at, Transmission::Worst),
                cost: Usd(used.dot(of(&at, Transmission::Best).usd)),
            }));
            continue;
        }
        let (at, outside_gb) = match node.kind {
            NodeKind::Entry => (entry, run.client_bytes as f64 / 1e9),
            NodeKind::Result => (home, 0.0),
            _ => match graph
                .edges
                .iter()
                .zip(&run.edges)
                .find(|(edge, sample)| edge.to == id && sample.is_some())
            {
                Some((_, Some(arrival))) => (site(&arrival.to)?, 0.0),
                _ => continue,
            },
        };
        let used = NodeUse { ran: 1.0, outside_gb, ..NodeUse::default() };
        price.overhead.carbon_best += grams(used, &at, Transmission::Best);
        price.overhead.carbon_worst += grams(used, &at, Transmission::Worst);
        price.overhead.cost += Usd(used.dot(of(&at, Transmission::Best).usd));
    }
    price.total();
    Ok(price)
}

impl RunPrice {
    /// Sums stages, edges and overhead.
    fn total(&mut self) {
        self.execution = self.stages.iter().flatten().map(|stage| stage.execution).sum();
        [self.carbon_best, self.carbon_worst] = [self.execution; 2];
        for stage in self.stages.iter().flatten() {
            self.carbon_best += stage.traffic_best;
            self.carbon_worst += stage.traffic_worst;
            self.cost += stage.cost;
        }
        for edge in self.edges.iter().flatten().chain([&self.overhead]) {
            self.carbon_best += edge.carbon_best;
            self.carbon_worst += edge.carbon_worst;
            self.cost += edge.cost;
        }
    }

    /// The carbon of a transmission case.
    pub fn carbon(&self, case: Transmission) -> GramsCo2 {
        match case {
            Transmission::Best => self.carbon_best,
            Transmission::Worst => self.carbon_worst,
        }
    }
}

/// A region at the hour of the run.
#[derive(Clone, Copy)]
struct Site<'a> {
    facts: &'a RegionFacts,
    intensity: f64,
}

impl<'a> Site<'a> {
    fn find(
        regions: &'a [RegionFacts],
        region: &Region,
        month: u8,
        hour: Hour,
        run: &RunSample,
    ) -> Result<Self, ProblemError> {
        if !(1..=12).contains(&month) {
            return Err(ProblemError::InvalidMonth(month));
        }
        let facts = regions.iter().find(|facts| facts.region == *region).ok_or_else(|| {
            ProblemError::UnknownRegion { region: region.clone(), named_by: format!("run {}", run.run) }
        })?;
        let intensities = check::facts(facts, month)?;
        Ok(Self { facts, intensity: intensities[hour.index()] })
    }
}

/// Store writes that the taken edges which leave a node account for.
fn writes_from(graph: &Graph, run: &RunSample, id: NodeId) -> f64 {
    let taken = graph.edges.iter().zip(&run.edges).filter(|(edge, _)| edge.from == id);
    let writes = taken.filter_map(|(edge, sample)| {
        Some(EdgeKind::into_node(graph, edge.to).writes() * f64::from(sample.as_ref()?.count.max(1)))
    });
    writes.sum()
}
