//! A graph in short.

use std::fmt::Write as _;

use caribou_model::Graph;

use crate::pin::hash;

/// The same number for the same graph in every process, and most likely another for any other: its nodes with their kinds,
/// functions, slots and types, and its edges with what they carry. Options of the functions do not count.
pub(crate) fn fingerprint(graph: &Graph) -> u32 {
    let mut text = String::new();
    for function in &graph.functions {
        let _ = writeln!(text, "{:?}", function.name);
    }
    for node in &graph.nodes {
        let _ = writeln!(text, "{:?} {:?} {} {:?}", node.name, node.kind, node.slots, node.output);
    }
    for edge in &graph.edges {
        let _ = writeln!(text, "{} {} {} {:?} {:?}", edge.from, edge.to, edge.slot, edge.when, edge.carries);
    }
    (hash(text.as_bytes()) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use caribou_model::{Edge, FunctionSpec, Node, NodeId, NodeKind};

    use super::*;

    fn graph() -> Graph {
        let node = |name: &str, kind, slots| Node { name: name.into(), kind, slots, output: "u64".into() };
        let edge =
            |from, to| Edge { from: NodeId(from), to: NodeId(to), slot: 0, when: None, carries: vec![] };
        Graph {
            workflow: "w".into(),
            version: "1".into(),
            functions: vec![FunctionSpec::new("f")],
            nodes: vec![
                node("input", NodeKind::Entry, 0),
                node("f", NodeKind::stage(0), 1),
                node("result", NodeKind::Result, 1),
            ],
            edges: vec![edge(0, 1), edge(1, 2)],
        }
    }

    #[test]
    fn it_is_stable_and_knows_every_part_of_the_body() {
        assert_eq!(fingerprint(&graph()), 2_881_673_144);
        let changes: [fn(&mut Graph); 7] = [
            |graph| graph.nodes[1].name = "g".into(),
            |graph| graph.nodes[1].kind = NodeKind::Stage { function: 0, each: false, caught: true },
            |graph| graph.nodes[1].output = "u32".into(),
            |graph| graph.nodes[2].slots = 2,
            |graph| graph.functions[0].name = "g".into(),
            |graph| graph.edges[1].carries = vec!["x".into()],
            |graph| graph.edges[1].when = Some("x > 1".into()),
        ];
        for change in changes {
            let mut other = graph();
            change(&mut other);
            assert_ne!(fingerprint(&other), fingerprint(&graph()), "{other:?}");
        }
        let mut faster = graph();
        faster.functions[0].memory_mb = 4_096;
        assert_eq!(fingerprint(&faster), fingerprint(&graph()));
    }
}
