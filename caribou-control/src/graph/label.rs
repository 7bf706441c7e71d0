//! What every picture of a graph says of its nodes and edges.

use caribou_model::{Edge, Graph, Node, NodeId, NodeKind};

/// How a node looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The entry and the result.
    End,
    /// A stage that starts as soon as one message arrives.
    Stage,
    /// A stage that waits for several.
    Sync,
    /// A sync node without a function.
    Gate,
}

impl Shape {
    pub(super) fn of(node: &Node) -> Self {
        match node.kind {
            NodeKind::Entry | NodeKind::Result => Self::End,
            NodeKind::Gate { .. } | NodeKind::Collect { .. } => Self::Gate,
            NodeKind::Stage { .. } if node.slots > 1 => Self::Sync,
            NodeKind::Stage { .. } => Self::Stage,
        }
    }
}

/// What is to be known of a node of its kind, a few words each.
pub(super) fn remarks(graph: &Graph, node: &Node) -> Vec<String> {
    match node.kind {
        NodeKind::Entry | NodeKind::Result => Vec::new(),
        NodeKind::Stage { each, caught, .. } => {
            let each = each.then(|| "once for each item".to_owned());
            let caught = caught.then(|| "its failure is a value".to_owned());
            each.into_iter().chain(caught).collect()
        }
        NodeKind::Gate { host, .. } => vec![format!("gate in {}", name(graph, host))],
        NodeKind::Collect { of, host } => {
            vec![format!("all of {}", name(graph, of)), format!("gate in {}", name(graph, host))]
        }
    }
}

/// Its [`remarks`], and how many arrivals it waits for.
pub(super) fn notes(graph: &Graph, node: &Node) -> Vec<String> {
    let mut notes = remarks(graph, node);
    if node.slots > 1 {
        notes.push(format!("waits for {}", node.slots));
    }
    notes
}

/// The name of a node.
pub(super) fn name(graph: &Graph, id: NodeId) -> &str {
    graph.node(id).map_or("?", |node| &node.name)
}

/// The condition under which an edge is taken, as people say it: `unless x` for `!(x)`, and `otherwise` where it is
/// clear of what.
pub(crate) fn condition(graph: &Graph, edge: &Edge) -> Option<String> {
    let when = edge.when.as_deref()?;
    let Some(inner) = negated(when) else { return Some(one_line(when)) };
    let beside: Vec<&str> = graph.edges_from(edge.from).filter_map(|other| other.when.as_deref()).collect();
    if beside.contains(&inner) && beside.iter().all(|other| [inner, when].contains(other)) {
        return Some(OTHERWISE.to_owned());
    }
    Some(format!("{UNLESS}{}", one_line(inner)))
}

pub(super) const OTHERWISE: &str = "otherwise";
pub(super) const UNLESS: &str = "unless ";

/// What stands in `!(..)`, if that is the whole of a condition.
fn negated(condition: &str) -> Option<&str> {
    let inner = condition.strip_prefix("!(")?.strip_suffix(')')?;
    let mut depth = 0_i32;
    for character in inner.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    (depth == 0).then_some(inner)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The values that an edge carries, each once; one that the author gave no name is what the node yields.
pub(super) fn values(graph: &Graph, edge: &Edge) -> Vec<String> {
    let unnamed = format!("{}_output", name(graph, edge.from).replace('#', "_"));
    let mut values: Vec<String> = Vec::new();
    for value in &edge.carries {
        let value = if *value == unnamed { "what it yields" } else { value };
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values
}

/// Edges that a picture draws as one: of the same nodes, under the same condition.
pub(super) struct Arrow {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    /// The lowest slot that it fills.
    pub(super) slot: u8,
    pub(super) condition: Option<String>,
    pub(super) values: Vec<String>,
}

/// The edges of a graph as a picture draws them.
pub(super) fn arrows(graph: &Graph) -> Vec<Arrow> {
    let mut arrows: Vec<Arrow> = Vec::new();
    for edge in &graph.edges {
        let (condition, values) = (condition(graph, edge), values(graph, edge));
        let same = |known: &&mut Arrow| {
            known.from == edge.from && known.to == edge.to && known.condition == condition
        };
        if let Some(known) = arrows.iter_mut().find(same) {
            known
                .values
                .extend(values.into_iter().filter(|value| !known.values.contains(value)).collect::<Vec<_>>());
        } else {
            arrows.push(Arrow { from: edge.from, to: edge.to, slot: edge.slot, condition, values });
        }
    }
    arrows
}

/// At most so many characters, the rest as an ellipsis.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let text = one_line(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negation_is_told_from_a_condition_that_starts_with_one() {
        assert_eq!(negated("!(a && (b || c))"), Some("a && (b || c)"));
        assert_eq!(negated("!(a) && !(b)"), None);
        assert_eq!(negated("!a"), None);
    }

    #[test]
    fn a_long_text_ends_in_an_ellipsis() {
        assert_eq!(shorten("a  b\n c", 5), "a b c");
        assert_eq!(shorten("abcdef", 5), "abcd…");
    }
}
