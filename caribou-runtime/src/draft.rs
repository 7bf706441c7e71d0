//! How a workflow's graph is written down by `#[caribou::workflow]`.

use std::any::TypeId;

use caribou_model::{Edge, Graph, Node, NodeId, NodeKind};

use crate::Function;

/// A graph in the making, node after node in the author's order.
#[derive(Debug)]
pub struct Draft {
    graph: Graph,
    functions: Vec<TypeId>,
}

impl Draft {
    /// An empty graph of a workflow.
    #[must_use]
    pub fn new(workflow: &str, version: &str) -> Self {
        let graph = Graph {
            workflow: workflow.to_owned(),
            version: version.to_owned(),
            functions: Vec::new(),
            nodes: Vec::new(),
            edges: Vec::new(),
        };
        Self { graph, functions: Vec::new() }
    }

    /// Adds the entry; `output` names the types of the workflow's parameters.
    #[must_use]
    pub fn entry(self, output: &str) -> Self {
        self.node("input".to_owned(), NodeKind::Entry, 0, output.to_owned())
    }

    /// Adds a call site of a function.
    #[must_use]
    pub fn stage<F: Function>(self, slots: u8) -> Self {
        self.call::<F>(slots, false)
    }

    /// Adds a call site of a function in a map. What collects it is added next.
    #[must_use]
    pub fn map<F: Function>(self, slots: u8) -> Self {
        self.call::<F>(slots, true)
    }

    /// Says that the failure of the stage added last is a value.
    #[must_use]
    pub fn caught(mut self) -> Self {
        let last = self.graph.nodes.iter_mut().rev().find(|node| node.kind.is_stage());
        if let Some(NodeKind::Stage { caught, .. }) = last.map(|node| &mut node.kind) {
            *caught = true;
        }
        self
    }

    /// Adds what collects the map `of`; it uses the function and region of the stage `host`.
    #[must_use]
    pub fn collect(self, of: NodeId, host: NodeId) -> Self {
        let output = self.graph.node(of).map_or_else(String::new, |map| format!("Vec<{}>", map.output));
        let name = self.unused_name("collect");
        self.node(name, NodeKind::Collect { of, host }, 2, output)
    }

    fn call<F: Function>(mut self, slots: u8, each: bool) -> Self {
        let known = self.functions.iter().position(|id| *id == TypeId::of::<F>());
        let function = known.unwrap_or_else(|| {
            self.functions.push(TypeId::of::<F>());
            self.graph.functions.push(F::spec());
            self.functions.len() - 1
        });
        let function = u16::try_from(function).unwrap_or(u16::MAX);
        let name = self.unused_name(F::NAME);
        let kind = NodeKind::Stage { function, each, caught: false };
        self.node(name, kind, slots, type_text(std::any::type_name::<F::Output>()))
    }

    /// Adds a gate that uses the function and region of the stage `host`.
    #[must_use]
    pub fn gate(self, host: NodeId, slots: u8) -> Self {
        let gates = self.graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Gate { .. })).count();
        self.node(format!("gate#{}", gates + 1), NodeKind::Gate { host }, slots, "()".to_owned())
    }

    /// Adds the result; `output` names its type.
    #[must_use]
    pub fn result(self, output: &str, slots: u8) -> Self {
        self.node("result".to_owned(), NodeKind::Result, slots, output.to_owned())
    }

    /// Adds an edge that is always taken.
    #[must_use]
    pub fn edge(mut self, from: NodeId, to: NodeId, slot: u8, carries: &[&str]) -> Self {
        let carries = carries.iter().map(|&name| name.to_owned()).collect();
        self.graph.edges.push(Edge { from, to, slot, when: None, carries });
        self
    }

    /// Says when the edge added last is taken.
    #[must_use]
    pub fn when(mut self, condition: &str) -> Self {
        if let Some(edge) = self.graph.edges.last_mut() {
            edge.when = Some(condition.to_owned());
        }
        self
    }

    /// The graph.
    #[must_use]
    pub fn finish(self) -> Graph {
        self.graph
    }

    fn node(mut self, name: String, kind: NodeKind, slots: u8, output: String) -> Self {
        self.graph.nodes.push(Node { name, kind, slots, output });
        self
    }

    /// `base`, or `base#2`, `base#3` for further call sites.
    fn unused_name(&self, base: &str) -> String {
        let taken = |name: &str| matches!(name, "input" | "result") || self.graph.find(name).is_some();
        let mut name = base.to_owned();
        let mut number = 2;
        while taken(&name) {
            name = format!("{base}#{number}");
            number += 1;
        }
        name
    }
}

/// A type's name without the paths of modules.
fn type_text(full: &str) -> String {
    let mut text = String::new();
    let mut word = String::new();
    let mut characters = full.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ':' if characters.peek() == Some(&':') => {
                characters.next();
                word.clear();
            }
            _ if character.is_alphanumeric() || character == '_' => word.push(character),
            _ => {
                text.push_str(&word);
                word.clear();
                text.push(character);
            }
        }
    }
    text + &word
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Parse;

    impl Function for Parse {
        type Input = (String,);
        type Output = u32;
        type Failure = crate::Error;

        const NAME: &'static str = "parse";

        fn spec() -> caribou_model::FunctionSpec {
            caribou_model::FunctionSpec::new(Self::NAME)
        }

        fn take(values: &crate::Values) -> std::result::Result<Self::Input, crate::ValueError> {
            crate::Arguments::take(values)
        }

        async fn call(_: crate::Context, (text,): (String,)) -> crate::Result<u32> {
            Ok(text.parse()?)
        }
    }

    #[test]
    fn a_map_is_drawn_with_what_collects_it() {
        let map = |draft: Draft, at| {
            let [stage, collect] = [at, at + 1].map(NodeId);
            let draft = draft.map::<Parse>(1).caught().collect(stage, stage);
            let draft = draft.edge(NodeId::ENTRY, stage, 0, &[]).edge(NodeId::ENTRY, collect, 0, &[]);
            draft.edge(stage, collect, 1, &[]).edge(collect, NodeId(5), u8::from(at == 3), &[])
        };
        let draft = map(map(Draft::new("parsing", "0.1.0").entry("Vec<String>"), 1), 3);
        let mut graph = draft.result("Vec<u32>", 2).finish();
        graph.edges.sort_by_key(|edge| (edge.from, edge.to, edge.slot));
        graph.validate().unwrap();
        let names: Vec<_> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["input", "parse", "collect", "parse#2", "collect#2", "result"]);
        assert_eq!(graph.nodes[2].output, "Vec<u32>");
        assert!(graph.nodes[3].kind.is_map() && graph.nodes[3].kind.is_caught());
    }

    #[test]
    fn a_type_is_named_as_an_author_would() {
        assert_eq!(type_text("alloc::vec::Vec<(u8, core::option::Option<a::b::C>)>"), "Vec<(u8, Option<C>)>");
        assert_eq!(type_text("()"), "()");
    }
}
