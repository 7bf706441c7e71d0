//! A workflow with a parallel section, a branch and a sync node, its regions, and runs of it.

use caribou_model::{
    CarbonProfile, Edge, EdgeSample, FunctionSpec, GramsPerKwh, Graph, LatencyTable, Manifest, Node, NodeId,
    NodeKind, Prices, Region, RegionFacts, RoundTrip, RunSample, Seconds, StageSample, Timestamp, Workload,
};

pub(crate) const HOME: Region = Region::aws("us-east-1");
pub(crate) const CLEAN: Region = Region::aws("ca-central-1");
pub(crate) const OTHER: Region = Region::aws("us-west-2");

/// `input -> a`; `a -> b -> d`; `a -> c -> d` in some runs and `a -> d` in the others; `d -> result`.
pub(crate) fn graph() -> Graph {
    let node = |name: &str, kind, slots| Node { name: name.into(), kind, slots, output: "()".into() };
    let stage = |name: &str, function, slots| node(name, NodeKind::stage(function), slots);
    let edge = |from, to, slot, when: Option<&str>| Edge {
        from: NodeId(from),
        to: NodeId(to),
        slot,
        when: when.map(Into::into),
        carries: Vec::new(),
    };
    let graph = Graph {
        workflow: "photo".into(),
        version: "0.1.0".into(),
        functions: ["a", "b", "c", "d"].map(FunctionSpec::new).into(),
        nodes: vec![
            node("input", NodeKind::Entry, 0),
            stage("a", 0, 1),
            stage("b", 1, 1),
            stage("c", 2, 1),
            stage("d", 3, 2),
            node("result", NodeKind::Result, 1),
        ],
        edges: vec![
            edge(0, 1, 0, None),
            edge(1, 2, 0, None),
            edge(1, 3, 0, Some("large")),
            edge(1, 4, 1, Some("!large")),
            edge(2, 4, 0, None),
            edge(3, 4, 1, Some("large")),
            edge(4, 5, 0, None),
        ],
    };
    graph.validate().unwrap();
    graph
}

/// A chain of stages `s0 -> s1 -> ..`.
pub(crate) fn chain(stages: u16) -> Graph {
    let mut graph = graph();
    graph.functions = (0..stages).map(|n| FunctionSpec::new(format!("s{n}"))).collect();
    let node = |name: String, kind, slots| Node { name, kind, slots, output: "()".into() };
    graph.nodes = vec![node("input".into(), NodeKind::Entry, 0)];
    graph.nodes.extend((0..stages).map(|n| node(format!("s{n}"), NodeKind::stage(n), 1)));
    graph.nodes.push(node("result".into(), NodeKind::Result, 1));
    let edge = |n| Edge { from: NodeId(n), to: NodeId(n + 1), slot: 0, when: None, carries: Vec::new() };
    graph.edges = (0..=stages).map(edge).collect();
    graph.validate().unwrap();
    graph
}

pub(crate) fn region(region: Region, intensity: f64) -> RegionFacts {
    RegionFacts {
        name: region.code().to_owned(),
        region,
        latitude: 0.0,
        longitude: 0.0,
        grid_zone: "X".into(),
        carbon: CarbonProfile::constant(GramsPerKwh(intensity)),
        pue: 1.1,
        prices: Prices {
            x86_usd_per_gb_s: 1.66667e-5,
            arm_usd_per_gb_s: 1.33334e-5,
            usd_per_request: 2e-7,
            usd_per_message: 5e-7,
            usd_per_write: 6.25e-7,
            usd_per_read: 1.25e-7,
            usd_per_blob_write: 5e-6,
            usd_per_blob_read: 4e-7,
            usd_per_gb_between_regions: 0.02,
            usd_per_gb_to_internet: 0.09,
        },
        carbon_free: 0.0,
        relative_speed: 1.0,
    }
}

pub(crate) fn regions() -> Vec<RegionFacts> {
    vec![region(HOME, 400.0), region(CLEAN, 30.0), region(OTHER, 250.0)]
}

/// The same round trip, in seconds, between every two regions.
pub(crate) fn latencies(regions: &[RegionFacts], seconds: f64) -> LatencyTable {
    let mut table = LatencyTable::new();
    for from in regions {
        for to in regions {
            let round_trip = RoundTrip { p50: Seconds(seconds), p90: Seconds(seconds) };
            table.insert(from.region.clone(), to.region.clone(), round_trip);
        }
    }
    table
}

pub(crate) fn manifest() -> Manifest {
    Manifest::at_home(HOME)
}

pub(crate) fn stage(duration_s: f64) -> StageSample {
    StageSample {
        region: HOME,
        duration_s,
        billed_s: duration_s + 0.01,
        cpu_s: Some(duration_s * 0.8),
        cold: false,
        attempts: 1,
        store_reads: 1,
        store_writes: 4,
        user_network_bytes: None,
    }
}

pub(crate) fn edge(bytes: u64, latency_s: Option<f64>) -> EdgeSample {
    EdgeSample { from: HOME, to: HOME, bytes, count: 1, latency_s }
}

/// A run of a graph at home in which every stage took `duration_s`, every edge carried `bytes`, and everything that
/// `taken` names by edge index was taken.
pub(crate) fn run(graph: &Graph, number: usize, duration_s: f64, bytes: u64, taken: &[usize]) -> RunSample {
    let edges: Vec<Option<EdgeSample>> =
        (0..graph.edges.len()).map(|index| taken.contains(&index).then(|| edge(bytes, Some(0.02)))).collect();
    let reached =
        |id: NodeId| graph.edges.iter().zip(&edges).any(|(edge, sample)| edge.to == id && sample.is_some());
    RunSample {
        run: format!("run-{number}").parse().unwrap(),
        at: Timestamp::from_millis(1_668_342_300_000),
        probe: true,
        entry: HOME,
        client_bytes: bytes,
        client_latency_s: None,
        runtime_s: 5.0 * duration_s,
        stages: graph.stages().map(|(id, _)| reached(id).then(|| stage(duration_s))).collect(),
        edges,
    }
}

/// Runs of [`graph`] that differ in time, size and branch.
pub(crate) fn workload(graph: &Graph, runs: usize) -> Workload {
    let every: Vec<usize> = (0..graph.edges.len()).collect();
    let taken = |n: usize| {
        if graph.workflow == "photo" && graph.nodes.len() == 6 {
            if n.is_multiple_of(3) { vec![0, 1, 2, 4, 5, 6] } else { vec![0, 1, 3, 4, 6] }
        } else {
            every.clone()
        }
    };
    Workload {
        workflow: graph.workflow.clone(),
        version: graph.version.clone(),
        runs: (0..runs)
            .map(|n| {
                run(graph, n, 0.2 + (n * 37 % 100) as f64 / 200.0, (n * 7919 % 500_000) as u64, &taken(n))
            })
            .collect(),
    }
}
