//! The graph as inline SVG, each stage coloured by its region.

use std::fmt::Write;

use caribou_model::{Graph, Hour, Node, NodeId, NodeKind, Plan};

use super::layout::{HEIGHT, Layout, WIDTH};
use super::legend::Legend;
use super::text::escape;

/// Draws the graph. A stage shows its region at `hour`, and below it a strip of the day's 24 hours.
pub(super) fn draw(graph: &Graph, plan: &Plan, hour: Hour, legend: &Legend) -> String {
    let layout = Layout::of(graph);
    let (width, height) = (layout.width, layout.height);
    let mut svg = format!(
        "<svg class=\"graph\" viewBox=\"0 0 {width:.0} {height:.0}\" style=\"max-width:{width:.0}px\" role=\"img\" \
         aria-label=\"Graph of {}\">\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
        escape(&graph.workflow)
    );
    for (edge, points) in graph.edges.iter().zip(&layout.edges) {
        let class = if edge.when.is_some() { "edge conditional" } else { "edge" };
        let carries = if edge.carries.is_empty() { "no value".to_owned() } else { edge.carries.join(", ") };
        let names = [edge.from, edge.to].map(|id| escape(graph.node(id).map_or("", |node| &node.name)));
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" d=\"{}\" marker-end=\"url(#tip)\"><title>{} → {}: {}</title></path>",
            curve(points),
            names[0],
            names[1],
            escape(&carries)
        );
    }
    for (index, (node, &(x, y))) in graph.nodes.iter().zip(&layout.nodes).enumerate() {
        let _ = write!(svg, "<g transform=\"translate({:.1} {:.1})\">", x - WIDTH / 2.0, y - HEIGHT / 2.0);
        draw_node(&mut svg, graph, plan, hour, legend, NodeId(index as u16), node);
        svg.push_str("</g>\n");
    }
    for (edge, points) in graph.edges.iter().zip(&layout.edges) {
        if let (Some(when), Some((x, y))) = (&edge.when, middle(points)) {
            let _ = writeln!(
                svg,
                "<text class=\"when\" x=\"{x:.1}\" y=\"{y:.1}\">{}<title>{}</title></text>",
                escape(&shorten(when, 26)),
                escape(when)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_node(
    svg: &mut String,
    graph: &Graph,
    plan: &Plan,
    hour: Hour,
    legend: &Legend,
    id: NodeId,
    node: &Node,
) {
    let name = escape(&shorten(&node.name, 19));
    let Some(stage) = graph.stage_index(id) else {
        let between = matches!(node.kind, NodeKind::Gate { .. } | NodeKind::Collect { .. });
        let class = if between { "gate" } else { "end" };
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"38\" y=\"12\" width=\"{:.0}\" height=\"34\" rx=\"17\"/>\
             <text class=\"name middle\" x=\"{:.0}\" y=\"34\">{name}</text>",
            WIDTH - 76.0,
            WIDTH / 2.0
        );
        return;
    };
    let region = plan.placement(hour).and_then(|placement| placement.region_of(stage)).unwrap_or(&plan.home);
    let colour = legend.colour(region);
    let waits = if node.slots > 1 { format!(", waits for {}", node.slots) } else { String::new() };
    let _ = write!(
        svg,
        "<rect class=\"stage\" width=\"{WIDTH:.0}\" height=\"{HEIGHT:.0}\" rx=\"7\" style=\"stroke:{colour}\"/>\
         <rect width=\"7\" height=\"{HEIGHT:.0}\" rx=\"3\" style=\"fill:{colour}\"/>\
         <text class=\"name\" x=\"18\" y=\"21\">{name}</text>\
         <text class=\"where\" x=\"18\" y=\"38\">{}{waits}</text>",
        escape(region.code())
    );
    let cell = (WIDTH - 30.0) / 24.0;
    for (index, placement) in plan.hours.iter().enumerate() {
        if let Some(region) = placement.region_of(stage) {
            let _ = write!(
                svg,
                "<rect x=\"{:.2}\" y=\"46\" width=\"{:.2}\" height=\"5\" style=\"fill:{}\"><title>{index:02}:00 UTC: \
                 {}</title></rect>",
                18.0 + cell * index as f64,
                cell - 0.8,
                legend.colour(region),
                escape(region.code())
            );
        }
    }
}

/// A smooth line through the points of an edge: straight across a layer, curved between layers.
fn curve(points: &[(f64, f64)]) -> String {
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

/// Where the label of an edge stands: beside a bend if it has one, else halfway.
fn middle(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    match points {
        [a, b] | [_, a, b, ..] => Some((f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1) + 4.0)),
        _ => None,
    }
}

/// At most so many characters, the rest as an ellipsis.
fn shorten(text: &str, most: usize) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= most {
        return flat;
    }
    flat.chars().take(most - 1).chain(['…']).collect()
}
