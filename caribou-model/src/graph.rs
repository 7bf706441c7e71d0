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
    /// further call sites), `gate#1`.. for gates, `collect`, `collect#2`.. for what collects maps, `result` for the
    /// result.
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
        /// It is a map: it runs once for each item, all in one region, and a [`Collect`](Self::Collect) stands right
        /// behind it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        each: bool,
        /// Its final failure is a value that the body reads, and does not fail the run.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        caught: bool,
    },
    /// A sync node without a function: it decides a branch where several producers are read.
    Gate {
        /// The stage whose function and region it uses.
        host: NodeId,
    },
    /// A sync node that waits for every item of a map. Slot 0 is filled by the node that dispatches the map, with what
    /// is read further on; slot 1 by the map's items together.
    Collect {
        /// The map.
        of: NodeId,
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

impl NodeKind {
    /// A call site of the function with this index: no map, and its failure fails the run.
    pub const fn stage(function: u16) -> Self {
        Self::Stage { function, each: false, caught: false }
    }

    /// Whether it is a stage.
    pub const fn is_stage(&self) -> bool {
        matches!(self, Self::Stage { .. })
    }

    /// Whether it is a stage that runs once for each item of a map.
    pub const fn is_map(&self) -> bool {
        matches!(self, Self::Stage { each: true, .. })
    }

    /// Whether it is a stage whose final failure is a value.
    pub const fn is_caught(&self) -> bool {
        matches!(self, Self::Stage { caught: true, .. })
    }
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
            NodeKind::Stage { function, .. } => {
                self.functions.get(usize::from(function)).map(|spec| (NodeId(index as u16), spec))
            }
            _ => None,
        })
    }

    /// The stage index of a node that is a stage.
    pub fn stage_index(&self, id: NodeId) -> Option<usize> {
        self.stages().position(|(stage, _)| stage == id)
    }

    /// The stage whose function and region a node uses: itself for a stage, the host for a gate and for what collects
    /// a map, the first stage for the entry and the result.
    pub fn host(&self, id: NodeId) -> Option<NodeId> {
        match self.node(id)?.kind {
            NodeKind::Stage { .. } => Some(id),
            NodeKind::Gate { host } | NodeKind::Collect { host, .. } => Some(host),
            NodeKind::Entry | NodeKind::Result => self.stages().next().map(|(stage, _)| stage),
        }
    }

    /// The function in which a node runs.
    pub fn function_of(&self, id: NodeId) -> Option<&FunctionSpec> {
        match self.node(self.host(id)?)?.kind {
            NodeKind::Stage { function, .. } => self.functions.get(usize::from(function)),
            _ => None,
        }
    }

    /// Whether a node waits for several arrivals.
    pub fn is_sync(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|node| node.slots > 1)
    }

    /// The node that collects a map.
    pub fn collect_of(&self, map: NodeId) -> Option<NodeId> {
        let collects = |node: &Node| matches!(node.kind, NodeKind::Collect { of, .. } if of == map);
        self.nodes.iter().position(collects).map(|index| NodeId(index as u16))
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
    /// order, a slot that nothing fills, two nodes or functions of one name, a map that is not collected right behind it.
    pub fn validate(&self) -> Result<(), GraphError> {
        let fail = |fault: String| Err(GraphError { workflow: self.workflow.clone(), fault });
        let last = self.nodes.len().saturating_sub(1);
        if self.nodes.len() < 3 {
            return fail("it needs an entry, a stage and a result".into());
        }
        let is_stage = |id: NodeId| self.node(id).is_some_and(|node| node.kind.is_stage());
        for (index, node) in self.nodes.iter().enumerate() {
            let within = index != 0 && index != last;
            let kind_fits = match &node.kind {
                NodeKind::Entry => index == 0,
                NodeKind::Result => index == last,
                NodeKind::Stage { function, .. } => within && usize::from(*function) < self.functions.len(),
                NodeKind::Gate { host } | NodeKind::Collect { host, .. } => within && is_stage(*host),
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
        if let Some(fault) = self.fault_of_maps() {
            return fail(fault);
        }
        let key = |e: &Edge| (e.from, e.to, e.slot);
        if !self.edges.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])) {
            return fail("its edges are not in order, each once".into());
        }
        Ok(())
    }

    /// A map takes one message for each item, and all that leaves it goes to the node behind it, which collects it.
    fn fault_of_maps(&self) -> Option<String> {
        for (index, node) in self.nodes.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| self.nodes.get(before));
            let behind = self.nodes.get(index + 1);
            let sound = match node.kind {
                NodeKind::Collect { of, .. } => {
                    let only_items = |edge: &Edge| (edge.slot == 1) == (edge.from == of);
                    of.index() + 1 == index
                        && node.slots == 2
                        && before.is_some_and(|map| map.kind.is_map())
                        && self.edges_into(NodeId(index as u16)).all(only_items)
                }
                NodeKind::Stage { each: true, .. } => {
                    let collected = behind.is_some_and(|node| matches!(node.kind, NodeKind::Collect { .. }));
                    let collects = |edge: &Edge| edge.to.index() == index + 1;
                    node.slots == 1 && collected && self.edges_from(NodeId(index as u16)).all(collects)
                }
                _ => true,
            };
            if !sound {
                return Some(format!("`{}` is not a map with what collects it right behind", node.name));
            }
        }
        None
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
                node("a", NodeKind::stage(0), 1),
                node("b", NodeKind::stage(1), 1),
                node("c", NodeKind::stage(2), 2),
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

    /// A map of `b` over what `a` gives.
    fn mapped() -> Graph {
        let map = NodeKind::Stage { function: 1, each: true, caught: false };
        let collect = NodeKind::Collect { of: NodeId(2), host: NodeId(2) };
        Graph {
            nodes: vec![
                node("input", NodeKind::Entry, 0),
                node("a", NodeKind::stage(0), 1),
                node("b", map, 1),
                node("collect", collect, 2),
                node("result", NodeKind::Result, 1),
            ],
            edges: vec![edge(0, 1, 0), edge(1, 2, 0), edge(1, 3, 0), edge(2, 3, 1), edge(3, 4, 0)],
            ..diamond()
        }
    }

    #[test]
    fn a_map_is_one_stage_and_is_collected_where_its_host_runs() {
        let graph = mapped();
        graph.validate().unwrap();
        assert_eq!(graph.stages().count(), 2);
        assert_eq!((graph.collect_of(NodeId(2)), graph.host(NodeId(3))), (Some(NodeId(3)), Some(NodeId(2))));
        assert_eq!(graph.function_of(NodeId(3)).unwrap().name, "b");
    }

    #[test]
    fn a_map_that_is_not_collected_right_behind_it_is_a_fault() {
        let with = |change: fn(&mut Graph)| {
            let mut graph = mapped();
            change(&mut graph);
            graph.validate().unwrap_err().to_string()
        };
        let why = "is not a map with what collects it right behind";
        assert!(with(|graph| graph.nodes[2].kind = NodeKind::stage(1)).contains(why));
        assert!(with(|graph| graph.nodes[3].kind = NodeKind::Gate { host: NodeId(2) }).contains(why));
        assert!(with(|graph| graph.edges[3] = edge(2, 4, 0)).contains("slot 1 of `collect`"));
        assert!(with(|graph| graph.edges[1] = edge(1, 3, 1)).contains("slot 0 of `b`"));
    }

    #[test]
    fn an_ordinary_stage_is_written_as_before_maps_were_known() {
        let json = serde_json::to_string(&NodeKind::stage(3)).unwrap();
        assert_eq!(json, r#"{"stage":{"function":3}}"#);
        assert_eq!(serde_json::from_str::<NodeKind>(&json).unwrap(), NodeKind::stage(3));
    }
}
