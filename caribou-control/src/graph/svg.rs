//! A graph as an SVG that stands alone.

use std::fmt::Write;

use caribou_model::Graph;

use super::label::{self, Arrow, Shape, shorten};
use super::layout::{Layout, Link, Size, Way};
use crate::text::escape;

/// Width of a character as a part of the font's size, in every monospaced font that is in use.
const ADVANCE: f64 = 0.605;
const NAME: f64 = 13.0;
const SMALL: f64 = 11.0;
/// Between two lines of small text.
const LINE: f64 = 15.0;
/// The longest line of a condition, and how many lines it may have.
const CONDITION: (usize, usize) = (30, 3);
/// The longest line in a node.
const LONGEST: usize = 36;
const HEADER: f64 = 34.0;

/// The graph as an SVG image, readable on light and on dark pages: sync nodes have a double border, gates are hexagons,
/// dashed edges are taken in some runs only. Pointing at an edge shows the values that it carries.
pub fn svg(graph: &Graph) -> String {
    let boxes: Vec<NodeBox> = graph.nodes.iter().map(|node| NodeBox::of(graph, node)).collect();
    let arrows = label::arrows(graph);
    let conditions: Vec<Vec<String>> =
        arrows.iter().map(|arrow| arrow.condition.as_deref().map(wrap).unwrap_or_default()).collect();
    let links: Vec<Link> = arrows
        .iter()
        .zip(&conditions)
        .map(|(arrow, lines)| Link {
            from: arrow.from.index(),
            to: arrow.to.index(),
            port: arrow.slot,
            label: (!lines.is_empty()).then(|| Size {
                width: widest(lines, SMALL) + 12.0,
                height: lines.len() as f64 * LINE + 4.0,
            }),
        })
        .collect();
    let sizes: Vec<Size> = boxes.iter().map(|node| node.size).collect();
    let layout = Layout::of(&sizes, &links);
    let title = format!("{} {}", graph.workflow, graph.version);
    let width = layout.width.max(title.chars().count() as f64 * SMALL * ADVANCE + 40.0);
    let (height, aside) = (layout.height + HEADER, (width - layout.width) / 2.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\">\n<title>Workflow {title}</title>\n<style>\n{}</style>\n<defs><marker \
         id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path class=\"tip\" d=\"M0 0.5L8 4L0 7.5z\"/></marker></defs>\n<rect class=\"page\" width=\"{width:.0}\" \
         height=\"{height:.0}\" rx=\"10\"/>\n<text class=\"title\" x=\"20\" y=\"26\">{title}</text>\n\
         <g transform=\"translate({aside:.1} {HEADER:.0})\">\n",
        include_str!("style.css"),
        title = escape(&title),
    );
    for (arrow, way) in arrows.iter().zip(&layout.links) {
        draw_arrow(&mut svg, graph, arrow, way);
    }
    for (node, &(x, y)) in boxes.iter().zip(&layout.nodes) {
        node.draw(&mut svg, x, y);
    }
    for ((arrow, lines), way) in arrows.iter().zip(&conditions).zip(&layout.links) {
        if let (Some(condition), Some((x, y))) = (&arrow.condition, way.label) {
            draw_condition(&mut svg, condition, lines, x, y);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// A node, and what stands in it.
struct NodeBox {
    shape: Shape,
    name: String,
    lines: Vec<String>,
    size: Size,
}

impl NodeBox {
    fn of(graph: &Graph, node: &caribou_model::Node) -> Self {
        let shape = Shape::of(node);
        let name = shorten(&node.name, LONGEST);
        let mut lines = Vec::new();
        if shape != Shape::Gate {
            lines.push(shorten(&node.output, LONGEST));
        }
        let notes = label::notes(graph, node);
        if !notes.is_empty() {
            lines.push(notes.join(", "));
        }
        let text = widest(&lines, SMALL).max(name.chars().count() as f64 * NAME * ADVANCE);
        let padding = if shape == Shape::Gate { 56.0 } else { 36.0 };
        let size =
            Size { width: (text + padding).max(110.0).round(), height: 32.0 + lines.len() as f64 * LINE };
        Self { shape, name, lines, size }
    }

    fn draw(&self, svg: &mut String, x: f64, y: f64) {
        let Size { width, height } = self.size;
        let (left, top) = (x - width / 2.0, y - height / 2.0);
        let _ = write!(svg, "<g transform=\"translate({left:.1} {top:.1})\">");
        let mut bordered = |class: &str, inset: f64, radius: f64| {
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{inset:.0}\" y=\"{inset:.0}\" width=\"{:.0}\" height=\"{:.0}\" \
                 rx=\"{radius:.0}\"/>",
                width - 2.0 * inset,
                height - 2.0 * inset
            );
        };
        match self.shape {
            Shape::End => bordered("end", 0.0, height / 2.0),
            Shape::Stage => bordered("stage", 0.0, 7.0),
            Shape::Sync => {
                bordered("sync", 0.0, 8.0);
                bordered("sync inner", 4.0, 5.0);
            }
            Shape::Gate => {
                let (cut, half) = (16.0, height / 2.0);
                let _ = write!(
                    svg,
                    "<path class=\"gate\" d=\"M{cut:.0} 0H{:.0}L{width:.0} {half:.1}L{:.0} {height:.0}H{cut:.0}L0 \
                     {half:.1}Z\"/>",
                    width - cut,
                    width - cut
                );
            }
        }
        let centre = width / 2.0;
        let _ = write!(svg, "<text class=\"name\" x=\"{centre:.1}\" y=\"22\">{}</text>", escape(&self.name));
        for (index, line) in self.lines.iter().enumerate() {
            let y = 38.0 + index as f64 * LINE;
            let _ =
                write!(svg, "<text class=\"small\" x=\"{centre:.1}\" y=\"{y:.0}\">{}</text>", escape(line));
        }
        svg.push_str("</g>\n");
    }
}

fn draw_arrow(svg: &mut String, graph: &Graph, arrow: &Arrow, way: &Way) {
    let class = if arrow.condition.is_some() { "edge conditional" } else { "edge" };
    let values = if arrow.values.is_empty() { "no value".to_owned() } else { arrow.values.join(", ") };
    let [from, to] = [arrow.from, arrow.to].map(|id| escape(label::name(graph, id)));
    let _ = writeln!(
        svg,
        "<path class=\"{class}\" d=\"{}\" marker-end=\"url(#tip)\"><title>{from} → {to}: {}</title></path>",
        curve(&way.points),
        escape(&values)
    );
}

/// A condition on a patch of the page's colour, which interrupts its edge.
fn draw_condition(svg: &mut String, condition: &str, lines: &[String], x: f64, y: f64) {
    let (width, height) = (widest(lines, SMALL) + 10.0, lines.len() as f64 * LINE + 2.0);
    let _ = write!(
        svg,
        "<g><title>{}</title><rect class=\"page\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\"/>",
        escape(condition),
        x - width / 2.0,
        y - height / 2.0
    );
    for (index, line) in lines.iter().enumerate() {
        let y = y - height / 2.0 + index as f64 * LINE + 12.0;
        let _ = write!(svg, "<text class=\"when\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(line));
    }
    svg.push_str("</g>\n");
}

/// A smooth line through the points of a way: curved between rows, straight through a row.
pub(crate) fn curve(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        match index.checked_sub(1).and_then(|before| points.get(before)) {
            None => {
                let _ = write!(path, "M{x:.1} {y:.1}");
            }
            Some(&(x0, y0)) if index % 2 == 1 => {
                let bend = (y - y0) * 0.55;
                let _ = write!(path, "C{x0:.1} {:.1} {x:.1} {:.1} {x:.1} {y:.1}", y0 + bend, y - bend);
            }
            Some(_) => {
                let _ = write!(path, "L{x:.1} {y:.1}");
            }
        }
    }
    path
}

fn widest(lines: &[String], font: f64) -> f64 {
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    longest as f64 * font * ADVANCE
}

/// A condition in a few lines of about the same length.
fn wrap(condition: &str) -> Vec<String> {
    let (longest, most) = CONDITION;
    let mut lines: Vec<String> = Vec::new();
    for word in condition.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= longest => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines.iter().map(|line| shorten(line, longest + 2)).collect()
}
