//! Places a graph's nodes on a page: layers from top to bottom, few crossings, short edges.

use caribou_model::{Graph, NodeId};

/// Width of a node, in the units of the drawing.
pub(super) const WIDTH: f64 = 176.0;
/// Height of a node.
pub(super) const HEIGHT: f64 = 58.0;
const GAP: f64 = 28.0;
const LAYER: f64 = 104.0;
const BEND: f64 = 96.0;
const MARGIN: f64 = 14.0;
const SWEEPS: usize = 12;

/// Where everything stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    /// The centre of each node, by id.
    pub(super) nodes: Vec<(f64, f64)>,
    /// The points that each edge passes, by index into the graph's edges: from the sender's lower end to the
    /// receiver's upper end.
    pub(super) edges: Vec<Vec<(f64, f64)>>,
    /// Width of the whole.
    pub(super) width: f64,
    /// Height of the whole.
    pub(super) height: f64,
}

/// A node, or the bend of an edge that passes a layer.
struct Item {
    layer: usize,
    width: f64,
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

impl Layout {
    /// Lays a graph out.
    pub(super) fn of(graph: &Graph) -> Self {
        let layers = layers(graph);
        let mut items: Vec<Item> = layers.iter().map(|&layer| Item::new(layer, WIDTH)).collect();
        let mut paths = Vec::with_capacity(graph.edges.len());
        for edge in &graph.edges {
            let (from, to) = (edge.from.index(), edge.to.index());
            let mut path = vec![from];
            for layer in layers[from] + 1..layers[to] {
                items.push(Item::new(layer, BEND));
                path.push(items.len() - 1);
            }
            path.push(to);
            for pair in path.windows(2) {
                items[pair[0]].below.push(pair[1]);
                items[pair[1]].above.push(pair[0]);
            }
            paths.push(path);
        }
        let depth = layers.iter().max().map_or(0, |last| last + 1);
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
        for (index, item) in items.iter().enumerate() {
            rows[item.layer].push(index);
        }
        for row in &rows {
            pack(&mut items, row);
        }
        for sweep in 0..SWEEPS {
            let downwards = sweep % 2 == 0;
            for step in 0..depth {
                let layer = if downwards { step } else { depth - 1 - step };
                arrange(&mut items, &mut rows[layer], downwards);
            }
        }
        finish(&items, &paths, graph.nodes.len(), depth)
    }
}

impl Item {
    fn new(layer: usize, width: f64) -> Self {
        Self { layer, width, x: 0.0, above: Vec::new(), below: Vec::new() }
    }
}

/// Each node one layer below its lowest predecessor.
fn layers(graph: &Graph) -> Vec<usize> {
    let mut layers = vec![0; graph.nodes.len()];
    for index in 0..layers.len() {
        let above = graph.edges_into(NodeId(index as u16)).map(|edge| layers[edge.from.index()] + 1);
        layers[index] = above.max().unwrap_or(0);
    }
    layers
}

/// Puts a row's items side by side, around zero.
fn pack(items: &mut [Item], row: &[usize]) {
    let total: f64 = row.iter().map(|&index| items[index].width + GAP).sum::<f64>() - GAP;
    let mut left = -total / 2.0;
    for &index in row {
        items[index].x = left + items[index].width / 2.0;
        left += items[index].width + GAP;
    }
}

/// Moves a row's items towards their neighbours above (or below), in the order of what they wish, and keeps them apart.
fn arrange(items: &mut [Item], row: &mut [usize], downwards: bool) {
    let wish = |index: usize| {
        let item = &items[index];
        let neighbours = if downwards { &item.above } else { &item.below };
        let sum: f64 = neighbours.iter().map(|&other| items[other].x).sum();
        if neighbours.is_empty() { item.x } else { sum / neighbours.len() as f64 }
    };
    let mut wishes: Vec<(f64, usize)> = row.iter().map(|&index| (wish(index), index)).collect();
    wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut right = f64::NEG_INFINITY;
    let mut drift = 0.0;
    for (place, &(wanted, index)) in row.iter_mut().zip(&wishes) {
        let half = items[index].width / 2.0;
        let x = wanted.max(right + GAP + half);
        drift += x - wanted;
        right = x + half;
        items[index].x = x;
        *place = index;
    }
    let back = drift / row.len().max(1) as f64;
    for &index in &*row {
        items[index].x -= back;
    }
}

fn finish(items: &[Item], paths: &[Vec<usize>], nodes: usize, depth: usize) -> Layout {
    let left = items.iter().map(|item| item.x - item.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = items.iter().map(|item| item.x + item.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let centre = |index: usize| {
        let item = &items[index];
        (item.x - left + MARGIN, item.layer as f64 * LAYER + HEIGHT / 2.0 + MARGIN)
    };
    let edges = paths.iter().map(|path| {
        let last = path.len() - 1;
        let mut points = Vec::with_capacity(path.len() + 2);
        for (step, &index) in path.iter().enumerate() {
            let (x, y) = centre(index);
            if step > 0 {
                points.push((x, y - HEIGHT / 2.0));
            }
            if step < last {
                points.push((x, y + HEIGHT / 2.0));
            }
        }
        points
    });
    Layout {
        nodes: (0..nodes).map(centre).collect(),
        edges: edges.collect(),
        width: right - left + 2.0 * MARGIN,
        height: depth.saturating_sub(1) as f64 * LAYER + HEIGHT + 2.0 * MARGIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::diamond;

    #[test]
    fn every_edge_goes_down_and_no_two_nodes_overlap() {
        let layout = Layout::of(&diamond());
        for points in &layout.edges {
            assert!(points.windows(2).all(|pair| pair[0].1 < pair[1].1), "{points:?}");
        }
        for (index, a) in layout.nodes.iter().enumerate() {
            for b in &layout.nodes[index + 1..] {
                let apart = (a.0 - b.0).abs() >= WIDTH || (a.1 - b.1).abs() >= HEIGHT;
                assert!(apart, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn everything_is_on_the_page() {
        let layout = Layout::of(&diamond());
        for &(x, y) in layout.nodes.iter().chain(layout.edges.iter().flatten()) {
            assert!((0.0..=layout.width).contains(&x) && (0.0..=layout.height).contains(&y), "{x} {y}");
        }
    }

    #[test]
    fn an_edge_that_passes_a_layer_bends_around_its_nodes() {
        let graph = diamond();
        let layout = Layout::of(&graph);
        let around = graph.edges.iter().position(|edge| edge.from.index() == 0 && edge.to.index() == 3);
        assert!(layout.edges[around.unwrap()].len() > 2);
    }
}
