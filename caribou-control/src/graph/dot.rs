//! A graph in the DOT language of Graphviz.

use std::fmt::Write;

use caribou_model::Graph;

use super::label::{self, Shape};

/// The graph for `dot`: sync nodes have a double border, gates are hexagons, dashed edges are taken in some runs only.
pub fn dot(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.workflow));
    text.push_str(
        "    rankdir=TB;\n    \
         node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=12];\n    \
         edge [fontname=\"Helvetica\", fontsize=10];\n\n",
    );
    for (index, node) in graph.nodes.iter().enumerate() {
        let shape = match Shape::of(node) {
            Shape::End => ", shape=oval, style=solid",
            Shape::Stage => "",
            Shape::Sync => ", style=solid, peripheries=2",
            Shape::Gate => ", shape=hexagon, style=solid, peripheries=2",
        };
        let lines = [vec![node.name.clone()], label::notes(graph, node)].concat();
        let _ = writeln!(text, "    n{index} [label={}{shape}];", quoted(&lines.join("\n")));
    }
    text.push('\n');
    for arrow in label::arrows(graph) {
        let _ = write!(text, "    n{} -> n{}", arrow.from.index(), arrow.to.index());
        if let Some(condition) = &arrow.condition {
            let _ = write!(text, " [style=dashed, label={}]", quoted(condition));
        }
        text.push_str(";\n");
    }
    text.push_str("}\n");
    text
}

/// Text as a string of DOT.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            // dot reads entities of HTML even in plain labels
            '&' => quoted.push_str("&amp;"),
            other if other.is_control() => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
