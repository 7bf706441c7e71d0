//! The graph as inline SVG, each stage coloured by its region.

use std::fmt::Write;

use caribou_model::{Graph, Hour, Node, NodeId, NodeKind, Plan};

use super::legend::Legend;
use crate::graph::layout::{Layout, Link, Size};
use crate::graph::{condition, curve, shorten};
use crate::text::escape;

/// Width of a node, in the units of the drawing.
const WIDTH: f64 = 176.0;
/// Height of a node.
const HEIGHT: f64 = 58.0;
/// The longest condition, in characters, and the width of one.
const CONDITION: (usize, f64) = (26, 7.0);

/// Draws the graph. A stage shows its region at `hour`, and below it a strip of the day's 24 hours.
pub(super) fn draw(graph: &Graph, plan: &Plan, hour: Hour, legend: &Legend) -> String {
    let layout = layout(graph);
    let (width, height) = (layout.width, layout.height);
    let mut svg = format!(
        "<svg class=\"graph\" viewBox=\"0 0 {width:.0} {height:.0}\" style=\"max-width:{width:.0}px\" role=\"img\" \
         aria-label=\"Graph of {}\">\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
        escape(&graph.workflow)
    );
    for (edge, way) in graph.edges.iter().zip(&layout.links) {
        let class = if edge.when.is_some() { "edge conditional" } else { "edge" };
        let carries = if edge.carries.is_empty() { "no value".to_owned() } else { edge.carries.join(", ") };
        let names = [edge.from, edge.to].map(|id| escape(graph.node(id).map_or("", |node| &node.name)));
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" d=\"{}\" marker-end=\"url(#tip)\"><title>{} → {}: {}</title></path>",
            curve(&way.points),
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
    for (edge, way) in graph.edges.iter().zip(&layout.links) {
        if let (Some(when), Some(told), Some((x, y))) = (&edge.when, condition(graph, edge), way.label) {
            let y = y + 4.0;
            let _ = writeln!(
                svg,
                "<text class=\"when\" x=\"{x:.1}\" y=\"{y:.1}\">{}<title>{}</title></text>",
                escape(&shorten(&told, CONDITION.0)),
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

/// Where nodes, edges and their conditions stand.
fn layout(graph: &Graph) -> Layout {
    let links = graph.edges.iter().map(|edge| Link {
        from: edge.from.index(),
        to: edge.to.index(),
        port: edge.slot,
        label: condition(graph, edge).map(|when| Size {
            width: shorten(&when, CONDITION.0).chars().count() as f64 * CONDITION.1 + 8.0,
            height: 16.0,
        }),
    });
    let nodes = graph.nodes.iter().map(|node| match node.kind {
        NodeKind::Stage { .. } => Size { width: WIDTH, height: HEIGHT },
        _ => Size { width: WIDTH - 76.0, height: HEIGHT - 24.0 },
    });
    Layout::of(&nodes.collect::<Vec<_>>(), &links.collect::<Vec<_>>())
}
