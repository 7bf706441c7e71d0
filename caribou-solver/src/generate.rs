//! Seeded cases for benchmarks and tests: a workflow, its regions and its runs.
//!
//! What is drawn, and why so:
//!
//! - *Graph.* Every stage reads one to three earlier ones (most read one), the nearest more likely. Some stages are
//!   conditional: their one predecessor decides in each run. Where nothing follows, the result waits.
//! - *Regions* lie in seven clusters on the globe. A round trip takes light in fibre, with a detour of half the way,
//!   and 4 ms. Grids have a base of 20 to 750 gCO2eq/kWh and a share of sun that lowers them by day. Processors are 1 % slower
//!   than at home, give or take 2 %, as in the reference cases; prices up to 30 % higher.
//! - *Runs* were observed at home. A run's size scales all its stages and payloads, each on top of its own spread, so
//!   that times and bytes are correlated as those of real runs are.
//! - *Pins.* Two stages may run at home only, as those that read a database do.

use std::str::FromStr;

use caribou_model::manifest::RegionRules;
use caribou_model::{
    CarbonProfile, Edge, EdgeSample, FunctionSpec, Graph, HOURS, LatencyTable, Manifest, Node, NodeId,
    NodeKind, Prices, Region, RegionFacts, RoundTrip, RunSample, Seconds, StageSample, Timestamp, Workload,
};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::problem::{Problem, ProblemError};

/// How large a case is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Stages, 3 or more.
    pub stages: usize,
    /// Regions, 1 to 62.
    pub regions: usize,
    /// Runs.
    pub runs: usize,
    /// Share of the stages that are conditional, 0 to 1.
    pub conditional: f64,
    /// Stages that must stay at home.
    pub pinned: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { stages: 30, regions: 20, runs: 2000, conditional: 0.15, pinned: 2 }
    }
}

/// A generated case: everything that a [`Problem`] is made of.
#[derive(Clone, Debug)]
pub struct Case {
    /// The graph.
    pub graph: Graph,
    /// The runs.
    pub workload: Workload,
    /// The regions, home first.
    pub regions: Vec<RegionFacts>,
    /// Round trips between all of them.
    pub latencies: LatencyTable,
    /// Home, pins, and no limits.
    pub manifest: Manifest,
}

impl Case {
    /// The case of a shape and a seed.
    pub fn new(shape: Shape, seed: u64) -> Self {
        let mut random = Random(Pcg64Mcg::seed_from_u64(seed));
        let graph = graph(shape, &mut random);
        let (regions, latencies) = regions(shape.regions.max(1), &mut random);
        let workload = workload(&graph, &regions[0].region, shape.runs, &mut random);
        let mut manifest = Manifest::at_home(regions[0].region.clone());
        let mut names: Vec<&str> = graph.functions.iter().map(|function| function.name.as_str()).collect();
        names.shuffle(&mut random.0);
        for name in names.into_iter().take(shape.pinned) {
            let rules = RegionRules { pin: Some(manifest.home.clone()), ..RegionRules::default() };
            manifest.functions.insert(name.to_owned(), rules);
        }
        Self { graph, workload, regions, latencies, manifest }
    }

    /// The problem of this case in January.
    ///
    /// # Errors
    ///
    /// [`ProblemError`] if the case was changed to something that is none.
    pub fn problem(&self) -> Result<Problem, ProblemError> {
        Problem::new(&self.graph, &self.workload, &self.regions, &self.latencies, &self.manifest, 1)
    }
}

/// An id that is made here, of letters, digits and hyphens.
fn named<T: FromStr>(name: &str) -> T {
    name.parse().unwrap_or_else(|_| unreachable!("`{name}` is a name"))
}

struct Random(Pcg64Mcg);

impl Random {
    fn share(&mut self) -> f64 {
        self.0.random()
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// As likely to lie between 1 and 2 as between 2 and 4.
    fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// Log-normal with median 1 (Box and Muller).
    fn spread(&mut self, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        (sigma * radius * (std::f64::consts::TAU * self.share()).cos()).exp()
    }

    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end.max(1))
    }
}

/// How many stages before its own one reads from.
const WINDOW: usize = 6;

fn graph(size: Shape, random: &mut Random) -> Graph {
    let stages = size.stages.max(1);
    let mut parents: Vec<Vec<usize>> = vec![Vec::new()];
    let mut decider: Vec<Option<usize>> = vec![None];
    for stage in 1..stages {
        let degree = match random.share() {
            drawn if drawn < 0.6 => 1,
            drawn if drawn < 0.9 => 2,
            _ => 3,
        };
        let mut from: Vec<usize> = Vec::new();
        for _ in 0..degree {
            let back = 1 + random.below(WINDOW.min(stage)).min(random.below(WINDOW.min(stage)));
            from.push(stage - back);
        }
        from.sort_unstable();
        from.dedup();
        let conditional =
            from.len() == 1 && decider[from[0]].is_none() && random.share() < 2.0 * size.conditional;
        decider.push(conditional.then(|| from[0]));
        parents.push(from);
    }
    let mut edges = vec![edge(0, 1, 0, false)];
    let last = stages + 1;
    // What a stage leaves for another is left by whoever decided against the stage, in the runs where it does not run.
    let mut connect = |from: usize, to: usize, slot: u8| {
        edges.push(edge(from + 1, to, slot, decider[from].is_some()));
        if let Some(decider) = decider[from] {
            edges.push(edge(decider + 1, to, slot, true));
        }
    };
    let mut slots = vec![0, 1];
    for stage in 1..stages {
        for (slot, &parent) in parents[stage].iter().enumerate() {
            if decider[stage].is_none() {
                connect(parent, stage + 1, slot as u8);
            }
        }
        slots.push(parents[stage].len() as u8);
    }
    let ends: Vec<usize> =
        (0..stages).filter(|stage| !parents.iter().any(|from| from.contains(stage))).collect();
    for (slot, &end) in ends.iter().enumerate() {
        connect(end, last, slot as u8);
    }
    slots.push(ends.len() as u8);
    for stage in 1..stages {
        if let Some(decider) = decider[stage] {
            edges.push(edge(decider + 1, stage + 1, 0, true));
        }
    }
    edges.sort_by_key(|edge| (edge.from, edge.to, edge.slot));
    let node = |name: String, kind, slots| Node { name, kind, slots, output: "()".into() };
    let mut nodes = vec![node("input".into(), NodeKind::Entry, 0)];
    let mut functions = Vec::new();
    for stage in 0..stages {
        let mut function = FunctionSpec::new(format!("stage_{stage}"));
        function.memory_mb = [512, 1024, 1769, 3008][random.below(4)];
        nodes.push(node(function.name.clone(), NodeKind::stage(stage as u16), slots[stage + 1]));
        functions.push(function);
    }
    nodes.push(node("result".into(), NodeKind::Result, slots[last]));
    Graph { workflow: "generated".into(), version: "0.1.0".into(), functions, nodes, edges }
}

fn edge(from: usize, to: usize, slot: u8, conditional: bool) -> Edge {
    let when = conditional.then(|| "drawn".to_owned());
    Edge { from: NodeId(from as u16), to: NodeId(to as u16), slot, when, carries: Vec::new() }
}

/// Centres of clusters: degrees north and east.
const CLUSTERS: [[f64; 2]; 7] =
    [[39.0, -77.0], [40.0, -120.0], [50.0, 5.0], [60.0, 17.0], [20.0, 77.0], [35.0, 138.0], [-30.0, 150.0]];
/// Kilometres that light covers in fibre in a second.
const FIBRE_KM_PER_S: f64 = 200_000.0;

fn regions(count: usize, random: &mut Random) -> (Vec<RegionFacts>, LatencyTable) {
    let mut regions: Vec<RegionFacts> = Vec::new();
    for index in 0..count {
        let [north, east] = CLUSTERS[index % CLUSTERS.len()];
        let [north, east] = [north + random.between(-8.0, 8.0), east + random.between(-12.0, 12.0)];
        let base = if index == 0 { random.between(350.0, 500.0) } else { random.scale(20.0, 750.0) };
        let sun = random.between(0.0, 0.5);
        let day = (0..HOURS).map(|hour| {
            let local = hour as f64 + east / 15.0;
            let height = (std::f64::consts::TAU * (local - 6.0) / 24.0).sin().max(0.0);
            base * (1.0 - sun * height) * random.between(0.97, 1.03)
        });
        let day: Vec<f64> = day.collect();
        let dear = if index == 0 { 1.0 } else { random.between(1.0, 1.3) };
        regions.push(RegionFacts {
            region: named(&format!("us-made-{index}")),
            name: format!("Made up {index}"),
            latitude: north,
            longitude: east,
            grid_zone: "XX".into(),
            carbon: CarbonProfile { months: vec![day; 12] },
            pue: random.between(1.06, 1.2),
            prices: Prices {
                x86_usd_per_gb_s: 1.66667e-5 * dear,
                arm_usd_per_gb_s: 1.33334e-5 * dear,
                usd_per_request: 2e-7 * dear,
                usd_per_message: 5e-7 * dear,
                usd_per_write: 6.25e-7 * dear,
                usd_per_read: 1.25e-7 * dear,
                usd_per_blob_write: 5e-6 * dear,
                usd_per_blob_read: 4e-7 * dear,
                usd_per_gb_between_regions: [0.02, 0.02, 0.08, 0.12][random.below(4)],
                usd_per_gb_to_internet: 0.09,
            },
            carbon_free: 0.0,
            relative_speed: if index == 0 { 1.0 } else { random.spread(0.02) / 1.01 },
        });
    }
    let mut latencies = LatencyTable::new();
    for from in &regions {
        for to in &regions {
            let seconds = Seconds(0.004 + 2.0 * 1.5 * kilometres(from, to) / FIBRE_KM_PER_S);
            latencies.insert(
                from.region.clone(),
                to.region.clone(),
                RoundTrip { p50: seconds, p90: Seconds(seconds.0 * 1.2) },
            );
        }
    }
    (regions, latencies)
}

/// The great circle between two regions.
fn kilometres(from: &RegionFacts, to: &RegionFacts) -> f64 {
    let [a, b] = [from, to].map(|region| region.latitude.to_radians());
    let half_turn = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let height =
        half_turn(to.latitude - from.latitude) + a.cos() * b.cos() * half_turn(to.longitude - from.longitude);
    2.0 * 6371.0 * height.sqrt().min(1.0).asin()
}

/// What is typical of a stage.
struct Typical {
    duration_s: f64,
    utilisation: f64,
    /// How much of a run's size it feels.
    grows: f64,
    bytes: f64,
}

fn workload(graph: &Graph, home: &Region, runs: usize, random: &mut Random) -> Workload {
    let typical: Vec<Typical> = graph
        .nodes
        .iter()
        .map(|_| Typical {
            duration_s: random.scale(0.1, 4.0),
            utilisation: random.between(0.3, 0.95),
            grows: random.between(0.2, 1.0),
            bytes: random.scale(1e3, 3e6),
        })
        .collect();
    let chance: Vec<f64> = graph.nodes.iter().map(|_| random.between(0.2, 0.9)).collect();
    Workload {
        workflow: graph.workflow.clone(),
        version: graph.version.clone(),
        runs: (0..runs).map(|number| run(graph, home, number, &typical, &chance, random)).collect(),
    }
}

fn run(
    graph: &Graph,
    home: &Region,
    number: usize,
    typical: &[Typical],
    chance: &[f64],
    random: &mut Random,
) -> RunSample {
    let size = random.spread(0.35);
    let runs = |node: usize, random: &mut Random| {
        let id = NodeId(node as u16);
        let only_when_decided = graph.nodes[node].kind.is_stage()
            && graph.edges_into(id).count() == 1
            && graph.edges_into(id).all(|edge| edge.when.is_some());
        !only_when_decided || random.share() < chance[node]
    };
    let ran: Vec<bool> = (0..graph.nodes.len()).map(|node| runs(node, random)).collect();
    let mut ends = vec![0.0_f64; graph.nodes.len()];
    let mut edges: Vec<Option<EdgeSample>> = vec![None; graph.edges.len()];
    let mut stages = Vec::new();
    for (node, of) in typical.iter().enumerate() {
        let into: Vec<usize> =
            (0..graph.edges.len()).filter(|&index| graph.edges[index].to.index() == node).collect();
        let is_sync = graph.nodes[node].slots > 1;
        let mut last: Option<(f64, usize)> = None;
        for index in into.into_iter().filter(|_| ran[node]) {
            let from = graph.edges[index].from.index();
            if !ran[from] || (is_skip(graph, index) && fills_itself(graph, index, &ran)) {
                continue;
            }
            let latency = 0.03 * random.spread(0.3) * if is_sync { 2.0 } else { 1.0 };
            let bytes = typical[from].bytes * size * random.spread(0.2);
            edges[index] = Some(EdgeSample {
                from: home.clone(),
                to: home.clone(),
                bytes: if is_skip(graph, index) { 200 } else { bytes as u64 },
                count: 1,
                latency_s: (!is_sync).then_some(latency),
            });
            if last.is_none_or(|(arrival, _)| ends[from] + latency > arrival) {
                last = Some((ends[from] + latency, index));
            }
        }
        let Some((start, index)) = last.or((node == 0).then_some((0.0, 0))) else {
            if graph.nodes[node].kind.is_stage() {
                stages.push(None);
            }
            continue;
        };
        if let Some(edge) = edges[index].as_mut().filter(|_| is_sync) {
            let from = graph.edges[index].from.index();
            edge.latency_s = Some(start - ends[from]);
        }
        ends[node] = start;
        if graph.nodes[node].kind.is_stage() {
            let duration_s = of.duration_s * size.powf(of.grows) * random.spread(0.2);
            let billed_s = duration_s + random.between(0.01, 0.03);
            let vcpus = graph.function_of(NodeId(node as u16)).map_or(1.0, crate::model::power::vcpus);
            stages.push(Some(StageSample {
                region: home.clone(),
                duration_s,
                billed_s,
                cpu_s: Some(of.utilisation * vcpus * duration_s),
                cold: false,
                attempts: 1,
                store_reads: 1,
                store_writes: 2,
                user_network_bytes: None,
            }));
            ends[node] += billed_s;
        }
    }
    RunSample {
        run: named(&format!("run-{number}")),
        at: Timestamp::from_millis(1_735_689_600_000),
        probe: true,
        entry: home.clone(),
        client_bytes: (20_000.0 * size) as u64,
        client_latency_s: None,
        runtime_s: ends.last().copied().unwrap_or(0.0) + random.between(0.005, 0.02),
        stages,
        edges,
    }
}

/// Whether an edge stands in for another that fills the same slot: of those, the one from the earliest node.
fn is_skip(graph: &Graph, index: usize) -> bool {
    let edge = &graph.edges[index];
    graph.edges.iter().any(|other| (other.to, other.slot) == (edge.to, edge.slot) && other.from > edge.from)
}

/// Whether the stage for which an edge stands in ran.
fn fills_itself(graph: &Graph, index: usize, ran: &[bool]) -> bool {
    let edge = &graph.edges[index];
    graph.edges.iter().any(|other| {
        (other.to, other.slot) == (edge.to, edge.slot) && other.from > edge.from && ran[other.from.index()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_a_problem_and_a_seed_makes_it_again() {
        for seed in 0..20 {
            let shape = Shape { runs: 50, ..Shape::default() };
            let case = Case::new(shape, seed);
            case.graph.validate().unwrap();
            case.problem().unwrap();
            assert_eq!(case.workload, Case::new(shape, seed).workload);
        }
    }

    #[test]
    fn cases_hold_branches_sync_nodes_and_pins() {
        let case = Case::new(Shape::default(), 1);
        assert!(case.graph.nodes.iter().any(|node| node.slots == 3));
        assert!(case.workload.runs.iter().any(|run| run.stages.iter().any(Option::is_none)));
        assert_eq!(case.manifest.functions.len(), 2);
    }
}
