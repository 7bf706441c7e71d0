//! The graph that the compiler finds in a workflow's body.

use serde::{Deserialize, Serialize};

use crate::{FunctionSpec, NodeId};

/// A workflow's graph. The macros build it; everything else reads it.
///
/// Nodes stand in the author's order, which is a topological order: node 0 is the entry, the last node is the
/// result, and every edge goes from a smaller to a larger id. A node waits for all of its *slots*; each slot is
/// filled by exactly one of the edges that lead to it (the others belong to branches that were not taken).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version, as its attribute says.
    pub version: String,
    /// The functions that its stages call, each once.
    pub functions: Vec<FunctionSpec>,
    /// Entry, stages and gates in the author's order, then the result.
    pub nodes: Vec<Node>,
    /// What flows between the nodes, ordered by `from`, `to` and `slot`, each such triple once.
    pub edges: Vec<Edge>,
}

/// A place in the graph where something is decided or done once per run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Unique in the graph: `input` for the entry, the function's name for a stage (with `#2`, `#3` for its
    /// further call sites), `gate#1`.. for gates, `result` for the result.
    pub name: String,
    /// What kind of node it is.
    pub kind: NodeKind,
    /// How many slots it waits for: 0 for the entry, 1 for an ordinary stage, 2 and more for a sync node.
    pub slots: u8,
    /// The type it yields, as the author wrote it.
    pub output: String,
}

/// The kinds of node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Receives the request, pins the run and does what depends on the input alone. Hosted by the function of
    /// the first stage.
    Entry,
    /// One call site of a function.
    Stage {
        /// Index of the function in [`Graph::functions`].
        function: u16,
    },
    /// A sync node without a function: it decides a branch where several producers are read.
    Gate {
        /// The stage whose function and region it uses.
        host: NodeId,
    },
    /// Completes the run record, in the home region. Where it is a sync node it is hosted by the function of
    /// the first stage.
    Result,
}

/// Data or a condition flowing from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The node that sends.
    pub from: NodeId,
    /// The node that receives.
    pub to: NodeId,
    /// Which of the receiver's slots it fills.
    pub slot: u8,
    /// The condition under which it is taken, as the author wrote it; `None` if it always is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The names of the values it carries, as the author wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<String>,
}

/// What is wrong with a graph that did not come from the macros.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the graph of workflow `{workflow}` is not sound: {fault}; rebuild the workflow with this version of caribou"
)]
pub struct GraphError {
    workflow: String,
    fault: String,
}

impl Graph {
    /// The result node: the last.
    pub fn result(&self) -> NodeId {
        NodeId(self.nodes.len().saturating_sub(1) as u16)
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index())
    }

    /// The node with this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(|index| NodeId(index as u16))
    }

    /// Every stage in the author's order, with its function. The position in this sequence is the *stage index*
    /// that placements and samples use.
    pub fn stages(&self) -> impl Iterator<Item = (NodeId, &FunctionSpec)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| match node.kind {
            NodeKind::Stage { function } => {
                self.functions.get(usize::from(function)).map(|spec| (NodeId(index as u16), spec))
            }
            _ => None,
        })
    }

    /// The stage index of a node that is a stage.
    pub fn stage_index(&self, id: NodeId) -> Option<usize> {
        self.stages().position(|(stage, _)| stage == id)
    }

    /// The stage whose function and region a node uses: itself for a stage, the host for a gate, the first stage
    /// for the entry and the result.
    pub fn host(&self, id: NodeId) -> Option<NodeId> {
        match self.node(id)?.kind {
            NodeKind::Stage { .. } => Some(id),
            NodeKind::Gate { host } => Some(host),
            NodeKind::Entry | NodeKind::Result => self.stages().next().map(|(stage, _)| stage),
        }
    }

    /// The function in which a node runs.
    pub fn function_of(&self, id: NodeId) -> Option<&FunctionSpec> {
        match self.node(self.host(id)?)?.kind {
            NodeKind::Stage { function } => self.functions.get(usize::from(function)),
            _ => None,
        }
    }

    /// Whether a node waits for several arrivals.
    pub fn is_sync(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|node| node.slots > 1)
    }

    /// The edges that lead to a node.
    pub fn edges_into(&self, id: NodeId) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.to == id)
    }

    /// The edges that leave a node.
    pub fn edges_from(&self, id: NodeId) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.from == id)
    }

    /// Checks that the graph is what its documentation says.
    ///
    /// # Errors
    ///
    /// [`GraphError`] names the first fault: a node of the wrong kind, an index out of range, an edge against the
    /// order, a slot that nothing fills, two nodes or functions of one name.
    pub fn validate(&self) -> Result<(), GraphError> {
        let fail = |fault: String| Err(GraphError { workflow: self.workflow.clone(), fault });
        let last = self.nodes.len().saturating_sub(1);
        if self.nodes.len() < 3 {
            return fail("it needs an entry, a stage and a result".into());
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let kind_fits = match &node.kind {
                NodeKind::Entry => index == 0,
                NodeKind::Result => index == last,
                NodeKind::Stage { function } => {
                    index != 0 && index != last && usize::from(*function) < self.functions.len()
                }
                NodeKind::Gate { host } => {
                    let hosted = self.node(*host).is_some_and(|n| matches!(n.kind, NodeKind::Stage { .. }));
                    index != 0 && index != last && hosted
                }
            };
            if !kind_fits {
                return fail(format!("node {index} (`{}`) is of the wrong kind", node.name));
            }
            if self.nodes[..index].iter().any(|other| other.name == node.name) {
                return fail(format!("two nodes are called `{}`", node.name));
            }
            for slot in 0..node.slots {
                if !self.edges.iter().any(|e| e.to.index() == index && e.slot == slot) {
                    return fail(format!("nothing fills slot {slot} of `{}`", node.name));
                }
            }
            if (index == 0) != (node.slots == 0) {
                return fail(format!("`{}` cannot have {} slots", node.name, node.slots));
            }
        }
        for (index, function) in self.functions.iter().enumerate() {
            if self.functions[..index].iter().any(|other| other.name == function.name) {
                return fail(format!("two functions are called `{}`", function.name));
            }
        }
        for edge in &self.edges {
            let slots = self.node(edge.to).map_or(0, |node| node.slots);
            if edge.from >= edge.to || edge.slot >= slots {
                return fail(format!("edge {} -> {} (slot {})", edge.from, edge.to, edge.slot));
            }
        }
        let key = |e: &Edge| (e.from, e.to, e.slot);
        if !self.edges.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])) {
            return fail("its edges are not in order, each once".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, kind: NodeKind, slots: u8) -> Node {
        Node { name: name.into(), kind, slots, output: "()".into() }
    }

    fn edge(from: u16, to: u16, slot: u8) -> Edge {
        Edge { from: NodeId(from), to: NodeId(to), slot, when: None, carries: Vec::new() }
    }

    fn diamond() -> Graph {
        Graph {
            workflow: "diamond".into(),
            version: "0.1.0".into(),
            functions: ["a", "b", "c"].map(FunctionSpec::new).into(),
            nodes: vec![
                node("input", NodeKind::Entry, 0),
                node("a", NodeKind::Stage { function: 0 }, 1),
                node("b", NodeKind::Stage { function: 1 }, 1),
                node("c", NodeKind::Stage { function: 2 }, 2),
                node("result", NodeKind::Result, 1),
            ],
            edges: vec![edge(0, 1, 0), edge(0, 2, 0), edge(1, 3, 0), edge(2, 3, 1), edge(3, 4, 0)],
        }
    }

    #[test]
    fn a_diamond_is_sound_and_its_last_stage_is_a_sync_node() {
        let graph = diamond();
        graph.validate().unwrap();
        assert!(graph.is_sync(NodeId(3)));
        assert_eq!(graph.function_of(NodeId::ENTRY).unwrap().name, "a");
        assert_eq!(graph.host(graph.result()), Some(NodeId(1)));
    }

    #[test]
    fn a_slot_that_nothing_fills_is_a_fault() {
        let mut graph = diamond();
        graph.edges.remove(3);
        assert!(graph.validate().unwrap_err().to_string().contains("slot 1 of `c`"));
    }

    #[test]
    fn an_edge_against_the_order_is_a_fault() {
        let mut graph = diamond();
        graph.edges[4] = edge(3, 1, 0);
        assert!(graph.validate().is_err());
    }
}
