//! What the tests of this crate share: a small workflow and the telemetry of its runs.

use caribou_model::{
    Architecture, AttemptOutcome, ClientRecord, Edge, Epoch, FunctionSpec, Graph, Node, NodeId, NodeKind,
    Region, StageRecord, SuccessorRecord, Timestamp,
};

/// The home region of the fixture.
pub(crate) const HOME: Region = Region::aws("us-east-1");

fn node(name: &str, kind: NodeKind, slots: u8) -> Node {
    Node { name: name.into(), kind, slots, output: "()".into() }
}

fn edge(from: u16, to: u16, slot: u8, when: Option<&str>) -> Edge {
    let when = when.map(str::to_owned);
    Edge { from: NodeId(from), to: NodeId(to), slot, when, carries: vec!["photo".into()] }
}

/// `a` and, under a condition, `b` run in parallel; `c` waits for both.
pub(crate) fn diamond() -> Graph {
    Graph {
        workflow: "diamond".into(),
        version: "0.1.0".into(),
        functions: ["a", "b", "c"].map(FunctionSpec::new).into(),
        nodes: vec![
            node("input", NodeKind::Entry, 0),
            node("a", NodeKind::stage(0), 1),
            node("b", NodeKind::stage(1), 1),
            node("c", NodeKind::stage(2), 2),
            node("result", NodeKind::Result, 1),
        ],
        edges: vec![
            edge(0, 1, 0, None),
            edge(0, 2, 0, Some("photo.large")),
            edge(0, 3, 1, Some("!(photo.large)")),
            edge(1, 3, 0, None),
            edge(2, 3, 1, None),
            edge(3, 4, 0, None),
        ],
    }
}

/// A record of the attempt of one node of [`diamond`].
pub(crate) fn record(run: &str, id: u16, received: u64, successors: &[(u16, u8, bool, u64)]) -> StageRecord {
    record_of(&diamond(), run, id, received, successors)
}

fn record_of(
    graph: &Graph,
    run: &str,
    id: u16,
    received: u64,
    successors: &[(u16, u8, bool, u64)],
) -> StageRecord {
    let at = Timestamp::from_millis;
    let node = graph.node(NodeId(id)).unwrap();
    StageRecord {
        format: 1,
        run: run.parse().unwrap(),
        workflow: graph.workflow.clone(),
        version: graph.version.clone(),
        node: NodeId(id),
        stage: node.name.clone(),
        item: None,
        function: graph.function_of(NodeId(id)).unwrap().name.clone(),
        attempt: 1,
        outcome: AttemptOutcome::Succeeded,
        region: HOME,
        epoch: Epoch(0),
        hour: at(received).hour(),
        probe: false,
        forwarded: false,
        resumed: 0,
        sent: (id > 0).then(|| at(received - 10)),
        received: at(received),
        started: at(received + 1),
        duration_ms: if matches!(node.kind, NodeKind::Stage { .. }) { 80.0 } else { 0.0 },
        billed_ms: 90.0,
        cpu_ms: Some(70.0),
        cpu_model: None,
        peak_memory_mb: None,
        memory_mb: 1769,
        architecture: Architecture::X86_64,
        cold: false,
        bytes_in: 1000,
        user_network_bytes: None,
        store_reads: 1,
        store_writes: 2,
        client: (id == 0).then_some(ClientRecord { latency_ms: Some(12.0), bytes: 5000 }),
        successors: successors
            .iter()
            .map(|&(to, slot, taken, sent)| SuccessorRecord {
                to: NodeId(to),
                slot,
                taken,
                region: taken.then_some(HOME),
                bytes: if taken { 1000 } else { 0 },
                sent: taken.then(|| at(sent)),
            })
            .collect(),
    }
}

/// The records of one run of [`diamond`] with both branches taken, starting at an instant.
pub(crate) fn records(run: &str, start: u64) -> Vec<StageRecord> {
    let t = start + 1_000;
    vec![
        record(run, 0, t, &[(1, 0, true, t + 5), (2, 0, true, t + 6), (3, 1, false, 0)]),
        record(run, 1, t + 20, &[(3, 0, true, t + 110)]),
        record(run, 2, t + 30, &[(3, 1, true, t + 140)]),
        record(run, 3, t + 165, &[(4, 0, true, t + 250)]),
        record(run, 4, t + 260, &[]),
    ]
}

/// [`records`] as lines of telemetry.
pub(crate) fn lines(run: &str, start: u64) -> Vec<String> {
    records(run, start).iter().map(|record| serde_json::to_string(record).unwrap()).collect()
}

/// `b` maps what `a` gives.
pub(crate) fn mapped() -> Graph {
    let map = NodeKind::Stage { function: 1, each: true, caught: false };
    let collect = NodeKind::Collect { of: NodeId(2), host: NodeId(2) };
    let diamond = diamond();
    Graph {
        functions: diamond.functions[..2].into(),
        nodes: vec![
            node("input", NodeKind::Entry, 0),
            node("a", NodeKind::stage(0), 1),
            node("b", map, 1),
            node("collect", collect, 2),
            node("result", NodeKind::Result, 1),
        ],
        edges: vec![
            edge(0, 1, 0, None),
            edge(1, 2, 0, None),
            edge(1, 3, 0, None),
            edge(2, 3, 1, None),
            edge(3, 4, 0, None),
        ],
        ..diamond
    }
}

/// The records of one run of [`mapped`] with so many items, one after the other and each slower than the last.
pub(crate) fn mapped_records(run: &str, start: u64, items: u32) -> Vec<StageRecord> {
    let (graph, t) = (mapped(), start + 1_000);
    let record = |id, received, successors: &[_]| record_of(&graph, run, id, received, successors);
    let mut records = vec![
        record(0, t, &[(1, 0, true, t + 5)]),
        record(1, t + 20, &[(2, 0, items > 0, t + 110), (3, 0, true, t + 111)]),
    ];
    for item in 0..items {
        let later = t + 120 + 10 * u64::from(item);
        let mut record = record(2, later, &[(3, 1, true, later + 90)]);
        record.item = Some(item);
        record.duration_ms += f64::from(item);
        records.push(record);
    }
    records.push(record(3, t + 300, &[(4, 0, true, t + 320)]));
    records
}
