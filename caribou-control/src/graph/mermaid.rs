//! A graph as Mermaid, which GitHub, GitLab and many editors draw.

use std::fmt::Write;

use caribou_model::Graph;

use super::label::{self, Shape};

/// The graph as a Mermaid flowchart: sync nodes have a double border, gates are hexagons, dotted edges are taken in
/// some runs only.
///
/// Nodes are numbered, since Mermaid gives a meaning to many words that a function may have for a name.
pub fn mermaid(graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    for (index, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match Shape::of(node) {
            Shape::End => ("([", "])"),
            Shape::Stage => ("[", "]"),
            Shape::Sync => ("[[", "]]"),
            Shape::Gate => ("{{", "}}"),
        };
        let lines = [vec![node.name.clone()], label::remarks(graph, node)].concat();
        let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
        let _ = writeln!(text, "    n{index}{open}\"{}\"{close}", lines.join("<br/>"));
    }
    for arrow in label::arrows(graph) {
        let (from, to) = (arrow.from.index(), arrow.to.index());
        let _ = match &arrow.condition {
            Some(condition) => writeln!(text, "    n{from} -.->|\"{}\"| n{to}", escape(condition)),
            None => writeln!(text, "    n{from} --> n{to}"),
        };
    }
    text
}

/// What Mermaid or the HTML that it makes would read as more than text, as Mermaid's own entities.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("#quot;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '&' => escaped.push_str("#amp;"),
            '#' | '|' | '`' | '\\' | '[' | ']' | '{' | '}' | '*' | '~' | ';' | '%' | '$' => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
