//! A graph as text for a terminal: every node, and below it the edges that leave it.

use std::fmt::Write;

use caribou_model::{Edge, Graph, Node, NodeId, NodeKind};

use super::label;
use crate::text::{COLUMNS, wrap};

/// The graph as a tree of its nodes and the edges that leave them, in lines of at most 100 characters where words
/// allow it. `parameters` are the names of the workflow's parameters.
pub fn tree(graph: &Graph, parameters: &[String]) -> String {
    let mut text = String::new();
    let targets = graph.edges.iter().map(|edge| label::name(graph, edge.to).chars().count());
    let column = targets.max().unwrap_or(0).min(28);
    for (index, node) in graph.nodes.iter().enumerate() {
        let id = NodeId(index as u16);
        let edges: Vec<&Edge> = graph.edges_from(id).collect();
        if index > 0 {
            text.push('\n');
        }
        wrap(&mut text, "", "    ", &headline(graph, node, parameters));
        let margin = if edges.is_empty() { "   " } else { "│  " };
        for note in notes(graph, id, node) {
            wrap(&mut text, margin, &format!("{margin}  "), &note);
        }
        let rows: Vec<Row<'_>> = edges.iter().map(|edge| Row::of(graph, edge)).collect();
        let conditional = rows.iter().filter(|row| row.condition.is_some());
        let values = conditional.map(|row| row.values.chars().count()).max().unwrap_or(0);
        for (position, row) in rows.iter().enumerate() {
            row.push(&mut text, position + 1 == rows.len(), column, values);
        }
    }
    text
}

/// The node's name and types.
fn headline(graph: &Graph, node: &Node, parameters: &[String]) -> String {
    match node.kind {
        NodeKind::Entry => format!("{} → {}", node.name, typed(parameters, &node.output)),
        NodeKind::Gate { .. } => node.name.clone(),
        NodeKind::Collect { .. } | NodeKind::Result => format!("{} → {}", node.name, node.output),
        NodeKind::Stage { function, .. } => {
            let called = graph.functions.get(usize::from(function)).map(|spec| &spec.name);
            let called = called.filter(|name| **name != node.name);
            let calls = called.map(|name| format!(" (another call of {name})")).unwrap_or_default();
            format!("{}{calls} → {}", node.name, node.output)
        }
    }
}

/// The parameters with their types. Several of them are a tuple at the entry.
fn typed(parameters: &[String], output: &str) -> String {
    let types = match parameters {
        [_] => vec![output.to_owned()],
        _ => elements(output),
    };
    if parameters.is_empty() || types.len() != parameters.len() {
        return output.to_owned();
    }
    let pairs = parameters.iter().zip(types).map(|(name, of)| format!("{name}: {of}"));
    pairs.collect::<Vec<_>>().join(", ")
}

/// The types in a tuple.
fn elements(tuple: &str) -> Vec<String> {
    let inner = tuple.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(tuple);
    let (mut depth, mut types) = (0_i32, vec![String::new()]);
    for character in inner.chars() {
        match character {
            '(' | '<' | '[' | '{' => depth += 1,
            ')' | '>' | ']' | '}' => depth -= 1,
            _ => {}
        }
        match types.last_mut() {
            Some(last) if character != ',' || depth > 0 => last.push(character),
            _ => types.push(String::new()),
        }
    }
    types.iter().map(|of| of.trim().to_owned()).filter(|of| !of.is_empty()).collect()
}

/// What is to be known of a node beside its name and its types, a line each.
fn notes(graph: &Graph, id: NodeId, node: &Node) -> Vec<String> {
    let mut notes = Vec::new();
    let gate = |host| format!("gate: runs within {}, no function of its own", label::name(graph, host));
    match node.kind {
        NodeKind::Gate { host } => notes.push(gate(host)),
        NodeKind::Collect { of, host } => {
            notes.push(format!("collects what {} gave for every item", label::name(graph, of)));
            notes.push(gate(host));
        }
        NodeKind::Stage { each, caught, .. } => {
            if each {
                notes.push("map: runs once for each item, all in one region".to_owned());
            }
            if caught {
                notes.push("caught: its final failure is a value, and does not fail the run".to_owned());
            }
        }
        NodeKind::Entry | NodeKind::Result => {}
    }
    if node.slots > 1 {
        let slots = (0..node.slots).map(|slot| {
            let from = graph.edges_into(id).filter(|edge| edge.slot == slot);
            let names: Vec<&str> = from.map(|edge| label::name(graph, edge.from)).collect();
            match names.as_slice() {
                [one] => (*one).to_owned(),
                several => format!("one of {}", several.join(" / ")),
            }
        });
        let slots: Vec<String> = slots.collect();
        notes.push(format!("sync node: waits for {}", slots.join(" + ")));
    }
    notes
}

/// An edge as it is told.
struct Row<'g> {
    target: &'g str,
    values: String,
    condition: Option<String>,
}

impl<'g> Row<'g> {
    fn of(graph: &'g Graph, edge: &Edge) -> Self {
        let values = label::values(graph, edge);
        let condition = label::condition(graph, edge);
        Self {
            target: label::name(graph, edge.to),
            values: if values.is_empty() { "no value".to_owned() } else { values.join(", ") },
            condition: condition.map(|when| {
                let told = when == label::OTHERWISE || when.starts_with(label::UNLESS);
                if told { when } else { format!("if {when}") }
            }),
        }
    }

    /// Its receiver, its values, its condition, each in a column; what is too long goes to lines of its own.
    fn push(&self, text: &mut String, last: bool, column: usize, values: usize) {
        let (branch, below) = if last { ("└─", "     ") } else { ("├─", "│    ") };
        let line = format!("{branch} {:column$}  ", self.target);
        let Some(condition) = &self.condition else { return wrap(text, &line, below, &self.values) };
        let inline = format!("{line}{:values$}  {condition}", self.values);
        if inline.chars().count() <= COLUMNS {
            let _ = writeln!(text, "{inline}");
        } else {
            wrap(text, &line, below, &self.values);
            wrap(text, below, &format!("{below}   "), condition);
        }
    }
}
