//! A graph as text: every node with what it waits for, and every edge with its condition and what it carries.

use std::fmt::Write;

use caribou_model::{Architecture, Edge, FunctionSpec, Graph, Node, NodeId, NodeKind, Region};

/// The graph as a tree of its nodes and the edges that leave them.
pub(crate) fn tree(graph: &Graph) -> String {
    let syncs = graph.nodes.iter().filter(|node| node.slots > 1).count();
    let mut text = format!(
        "workflow {}, version {}: {}, {}, {}\n",
        graph.workflow,
        graph.version,
        count(graph.stages().count(), "stage"),
        count(graph.edges.len(), "edge"),
        count(syncs, "sync node")
    );
    for (index, node) in graph.nodes.iter().enumerate() {
        let id = NodeId(index as u16);
        let _ = writeln!(text, "\n{}", headline(graph, id, node));
        let edges: Vec<&Edge> = graph.edges_from(id).collect();
        for (position, edge) in edges.iter().enumerate() {
            let branch = if position + 1 == edges.len() { "└─" } else { "├─" };
            let _ = writeln!(text, "{branch} {}", arrow(graph, edge));
        }
    }
    text
}

/// What a function's options are, in words.
pub(crate) fn options(spec: &FunctionSpec) -> String {
    let mut options = vec![
        format!("{} MB", spec.memory_mb),
        format!("{} s", spec.timeout_s),
        count(usize::from(spec.retries), "retry"),
    ];
    if spec.architecture == Architecture::Arm64 {
        options.push("arm64".into());
    }
    if spec.idempotent {
        options.push("idempotent".into());
    }
    for (rule, regions) in [("only in", &spec.allow), ("not in", &spec.deny)] {
        if !regions.is_empty() {
            options.push(format!("{rule} {}", codes(regions)));
        }
    }
    options.join(", ")
}

/// Region codes, separated by commas.
pub(crate) fn codes(regions: &[Region]) -> String {
    regions.iter().map(Region::code).collect::<Vec<_>>().join(", ")
}

/// A number of things: `1 stage`, `2 stages`, `no retries`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = thing.strip_suffix('y').map_or_else(|| format!("{thing}s"), |stem| format!("{stem}ies"));
    match number {
        0 => format!("no {plural}"),
        1 => format!("1 {thing}"),
        _ => format!("{number} {plural}"),
    }
}

fn headline(graph: &Graph, id: NodeId, node: &Node) -> String {
    let mut line = node.name.clone();
    match node.kind {
        NodeKind::Entry | NodeKind::Result => {}
        NodeKind::Stage { each, caught, .. } => {
            let (failed, many) =
                (if caught { " or its failure" } else { "" }, if each { "each " } else { "" });
            let _ = write!(line, " -> {many}{}{failed}", node.output);
        }
        NodeKind::Gate { host } => {
            let host = graph.node(host).map_or("?", |host| &host.name);
            let _ = write!(line, " (gate, decided where `{host}` runs)");
        }
        NodeKind::Collect { of, host } => {
            let [of, host] = [of, host].map(|id| graph.node(id).map_or("?", |node| &node.name));
            let _ = write!(line, " (collects the map `{of}` where `{host}` runs)");
        }
    }
    if let Some(spec) = graph.function_of(id).filter(|spec| spec.name != node.name)
        && matches!(node.kind, NodeKind::Stage { .. })
    {
        let _ = write!(line, " (function {})", spec.name);
    }
    if node.slots > 1 {
        let slots = (0..node.slots).map(|slot| {
            let from = graph.edges_into(id).filter(|edge| edge.slot == slot);
            let names: Vec<&str> =
                from.filter_map(|edge| Some(graph.node(edge.from)?.name.as_str())).collect();
            names.join(" or ")
        });
        let _ = write!(line, "  [sync node, waits for {}]", slots.collect::<Vec<_>>().join(" + "));
    }
    line
}

fn arrow(graph: &Graph, edge: &Edge) -> String {
    let mut line = graph.node(edge.to).map_or_else(|| edge.to.to_string(), |node| node.name.clone());
    if graph.is_sync(edge.to) {
        let _ = write!(line, ", slot {}", edge.slot);
    }
    if let Some(when) = &edge.when {
        let _ = write!(line, "  if {when}");
    }
    if edge.carries.is_empty() {
        line.push_str("  (no value)");
    } else {
        let _ = write!(line, "  carries {}", edge.carries.join(", "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_as_people_count_them() {
        assert_eq!(count(0, "retry"), "no retries");
        assert_eq!(count(1, "stage"), "1 stage");
        assert_eq!(count(2, "retry"), "2 retries");
    }

    #[test]
    fn only_options_that_differ_from_the_usual_are_told() {
        let mut spec = FunctionSpec::new("f");
        assert_eq!(options(&spec), "1769 MB, 60 s, 2 retries");
        spec.idempotent = true;
        spec.deny.push(Region::aws("us-west-1"));
        assert_eq!(options(&spec), "1769 MB, 60 s, 2 retries, idempotent, not in us-west-1");
    }
}
