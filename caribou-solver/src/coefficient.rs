//! What each quantity of a run is worth in a region: energy at each end, and money.

use caribou_model::{FunctionSpec, NodeKind, RegionFacts, Transmission};

use crate::model::runtime::{round_trips_of_receiver, round_trips_of_sender};
use crate::model::transmission::{Ends, kwh_per_gb, of_client, of_user_code};
use crate::model::{cost, power};
use crate::problem::{EdgeKind, HOME, Problem};
use crate::usage::{EdgeUse, NodeUse};

/// Coefficients of a node in a region: kWh at each end and USD for each quantity it uses.
pub(crate) struct NodeCoefficients {
    pub(crate) own: NodeUse,
    pub(crate) home: NodeUse,
    pub(crate) unknown: NodeUse,
    pub(crate) usd: NodeUse,
}

/// Coefficients of an edge between two regions: kWh at each end and USD for each quantity it uses.
pub(crate) struct EdgeCoefficients {
    pub(crate) at_from: EdgeUse,
    pub(crate) at_to: EdgeUse,
    pub(crate) usd: EdgeUse,
}

impl NodeCoefficients {
    /// Of a node of a problem in a region.
    pub(crate) fn at(problem: &Problem, node: usize, site: usize, case: Transmission) -> Self {
        let kind = &problem.graph().nodes[node].kind;
        let is_sync = problem.graph().nodes[node].slots > 1;
        let regions = [problem.region(site), problem.region(HOME)];
        Self::new(kind, is_sync, problem.spec(node), regions, problem.speed(node, site), case)
    }

    /// Of a node in the first of two regions, at its speed there; the second is home.
    pub(crate) fn new(
        kind: &NodeKind,
        is_sync: bool,
        spec: &FunctionSpec,
        [region, home]: [&RegionFacts; 2],
        speed: f64,
        case: Transmission,
    ) -> Self {
        let ends = Self::outside(kind, region.region == home.region, case);
        let mut own = match kind {
            NodeKind::Stage { .. } => power::of_stage(spec, region, speed),
            _ => NodeUse::default(),
        };
        own.outside_gb = ends.own;
        Self {
            own,
            home: NodeUse { outside_gb: ends.home, ..NodeUse::default() },
            unknown: NodeUse { outside_gb: ends.unknown, ..NodeUse::default() },
            usd: cost::of_node(kind, is_sync, spec, [region, home], speed),
        }
    }

    /// Where the energy of one GB between a node and ends outside the graph is spent, in kWh.
    pub(crate) fn outside(kind: &NodeKind, at_home: bool, case: Transmission) -> Ends {
        match kind {
            NodeKind::Stage { .. } => of_user_code(case, at_home),
            NodeKind::Entry => of_client(case),
            NodeKind::Gate { .. } | NodeKind::Collect { .. } | NodeKind::Result => Ends::default(),
        }
    }
}

impl EdgeCoefficients {
    /// Of an edge of a problem between two regions, with what sender and receiver wait.
    pub(crate) fn between(
        problem: &Problem,
        index: usize,
        from: usize,
        to: usize,
        case: Transmission,
    ) -> Self {
        let edge = problem.edges()[index];
        let [at_from, at_to] = [from, to].map(|region| problem.region(region));
        let [sender, receiver] = [edge.from, edge.to].map(|node| problem.spec(node));
        let distance = problem.distance(from, to);
        let sender_waits = round_trips_of_sender(edge.kind) * distance;
        let receiver_waits = round_trips_of_receiver(edge.kind) * distance;
        let mut coefficients = Self::transfer(edge.kind, at_from, at_to, case);
        coefficients.at_from.taken = power::of_waiting(sender, at_from, sender_waits);
        coefficients.at_to.blobs = power::of_waiting(receiver, at_to, receiver_waits);
        coefficients.usd.taken += cost::usd_per_second(sender, at_from) * sender_waits;
        coefficients.usd.blobs += cost::usd_per_second(receiver, at_to) * receiver_waits;
        coefficients
    }

    /// Of an edge between two regions, waiting left out: an observed run has waited already.
    pub(crate) fn transfer(kind: EdgeKind, from: &RegionFacts, to: &RegionFacts, case: Transmission) -> Self {
        let each = kwh_per_gb(case, from.region == to.region) / 2.0;
        let moved = EdgeUse { gb: each, ..EdgeUse::default() };
        Self { at_from: moved, at_to: moved, usd: cost::of_edge(kind, from, to) }
    }
}
