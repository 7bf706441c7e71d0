//! Places a graph on a page: layers from top to bottom, few crossings, short edges, and room for every label.
//!
//! Between two layers of nodes lies a row for the labels of the edges that start in the upper one. An edge is a chain
//! of items, one in each row that it passes, and items of a row never overlap: so no label lies on another, and no
//! edge runs through a node.

/// Width and height of something on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// An edge to be placed. It goes from a smaller to a larger index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Links that arrive at one port meet in one point.
    pub(crate) port: u8,
    /// The size of its label, if it has one.
    pub(crate) label: Option<Size>,
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    /// The centre of each node.
    pub(crate) nodes: Vec<(f64, f64)>,
    /// The way of each link.
    pub(crate) links: Vec<Way>,
    /// Width of the whole.
    pub(crate) width: f64,
    /// Height of the whole.
    pub(crate) height: f64,
}

/// The way of a link.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    /// The points that it passes, from the sender's lower end to the receiver's upper end: it bends between the first
    /// and the second, runs straight to the third, and so on.
    pub(crate) points: Vec<(f64, f64)>,
    /// The centre of its label.
    pub(crate) label: Option<(f64, f64)>,
}

/// Between two items of a row.
const GAP: f64 = 24.0;
/// Room that an edge without a label takes in a row that it passes.
const LANE: f64 = 10.0;
/// Between two rows, at least and at most; the further an edge must go aside, the more.
const RISE: (f64, f64) = (30.0, 64.0);
/// Between two ports of a node, at most.
const PORT: f64 = 28.0;
/// Around the whole.
const MARGIN: f64 = 14.0;
const SWEEPS: usize = 40;

/// A node, or what an edge takes up in a row that it passes.
struct Item {
    row: usize,
    size: Size,
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

impl Layout {
    /// Lays out nodes of these sizes, and the links between them.
    pub(crate) fn of(nodes: &[Size], links: &[Link]) -> Self {
        let layers = layers(nodes.len(), links);
        let mut items: Vec<Item> =
            nodes.iter().zip(&layers).map(|(&size, &layer)| Item::new(2 * layer, size)).collect();
        let labelled: Vec<usize> =
            links.iter().filter(|link| link.label.is_some()).map(|link| 2 * layers[link.from] + 1).collect();
        let mut chains = Vec::with_capacity(links.len());
        for link in links {
            let (first, last) = (2 * layers[link.from], 2 * layers[link.to]);
            let mut chain = vec![link.from];
            for row in first + 1..last {
                if row % 2 == 1 && !labelled.contains(&row) {
                    continue;
                }
                let own = link.label.filter(|_| row == first + 1);
                items.push(Item::new(row, own.unwrap_or(Size { width: LANE, height: 0.0 })));
                chain.push(items.len() - 1);
            }
            chain.push(link.to);
            for pair in chain.windows(2) {
                items[pair[0]].below.push(pair[1]);
                items[pair[1]].above.push(pair[0]);
            }
            chains.push(chain);
        }
        arrange(&mut items);
        place(&items, &chains, nodes, links)
    }
}

impl Item {
    fn new(row: usize, size: Size) -> Self {
        Self { row, size, x: 0.0, above: Vec::new(), below: Vec::new() }
    }
}

/// Each node one layer below its lowest predecessor.
fn layers(nodes: usize, links: &[Link]) -> Vec<usize> {
    let mut layers = vec![0; nodes];
    for index in 0..nodes {
        let above = links.iter().filter(|link| link.to == index).map(|link| layers[link.from] + 1);
        layers[index] = above.max().unwrap_or(0);
    }
    layers
}

/// What items wish for while the rows are gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sweep {
    /// To stand below their neighbours above.
    Down,
    /// To stand above their neighbours below.
    Up,
    /// To stand between both.
    Both,
    /// Edges straight down to where they lead; nodes stay.
    Straighten,
}

impl Sweep {
    const ORDER: [Self; 4] = [Self::Down, Self::Up, Self::Both, Self::Straighten];

    fn wish(self, item: &Item, places: &[f64]) -> f64 {
        let is_node = item.row.is_multiple_of(2) && item.size.height > 0.0;
        let (above, below) = match self {
            Self::Down => (item.above.as_slice(), [].as_slice()),
            Self::Both => (item.above.as_slice(), item.below.as_slice()),
            Self::Straighten if is_node => ([].as_slice(), [].as_slice()),
            Self::Up | Self::Straighten => ([].as_slice(), item.below.as_slice()),
        };
        let count = above.len() + below.len();
        let sum: f64 = above.iter().chain(below).map(|&other| places[other]).sum();
        if count == 0 { item.x } else { sum / count as f64 }
    }
}

/// Finds the best of some arrangements.
fn arrange(items: &mut [Item]) {
    let depth = items.iter().map(|item| item.row + 1).max().unwrap_or(0);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
    for (index, item) in items.iter().enumerate() {
        rows[item.row].push(index);
    }
    for row in &mut rows {
        settle(items, row, |item| item.x);
    }
    let mut best = (f64::INFINITY, Vec::new());
    for sweep in 0..SWEEPS {
        let kind = Sweep::ORDER[sweep % Sweep::ORDER.len()];
        for step in 0..depth {
            let row = if kind == Sweep::Down || kind == Sweep::Both { step } else { depth - 1 - step };
            let old: Vec<f64> = items.iter().map(|item| item.x).collect();
            settle(items, &mut rows[row], |item| kind.wish(item, &old));
        }
        let cost = cost(items);
        if cost < best.0 - 0.5 {
            best = (cost, items.iter().map(|item| item.x).collect());
        }
    }
    for (item, x) in items.iter_mut().zip(best.1) {
        item.x = x;
    }
}

/// Puts a row's items as near as can be to where they wish to be, in the order of their wishes, without overlap:
/// neighbours that press against each other share the difference.
fn settle(items: &mut [Item], row: &mut Vec<usize>, wish: impl Fn(&Item) -> f64) {
    let mut wishes: Vec<(f64, usize)> = row.iter().map(|&index| (wish(&items[index]), index)).collect();
    wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
    // a block is a run of items that touch: where it starts, how wide it is, and which items it holds
    let mut blocks: Vec<Block> = Vec::new();
    for &(wanted, index) in &wishes {
        let width = items[index].size.width;
        let mut block = Block { start: wanted - width / 2.0, width, items: vec![index], count: 1.0 };
        while let Some(before) = blocks.pop_if(|before| before.start + before.width + GAP > block.start) {
            block = before.with(block);
        }
        blocks.push(block);
    }
    row.clear();
    for block in blocks {
        let mut left = block.start;
        for index in block.items {
            let width = items[index].size.width;
            items[index].x = left + width / 2.0;
            left += width + GAP;
            row.push(index);
        }
    }
}

struct Block {
    start: f64,
    width: f64,
    items: Vec<usize>,
    count: f64,
}

impl Block {
    /// Both side by side, each as far from where it was as its weight allows.
    fn with(mut self, other: Self) -> Self {
        let shifted = other.start - self.width - GAP;
        let count = self.count + other.count;
        self.start = (self.start * self.count + shifted * other.count) / count;
        self.width += GAP + other.width;
        self.items.extend(other.items);
        self.count = count;
        self
    }
}

/// How far from a good arrangement this one is: crossings above all, then how far aside edges go and how often they
/// bend.
fn cost(items: &[Item]) -> f64 {
    let segments: Vec<(usize, f64, f64)> = items
        .iter()
        .flat_map(|item| item.below.iter().map(|&below| (item.row, item.x, items[below].x)))
        .collect();
    let bends = segments.iter().filter(|(_, from, to)| (from - to).abs() > 1.0).count();
    let aside: f64 = segments.iter().map(|(_, from, to)| (from - to).abs()).sum();
    let mut crossings = 0;
    for (index, a) in segments.iter().enumerate() {
        let crossed = segments[index + 1..].iter().filter(|b| a.0 == b.0 && (a.1 - b.1) * (a.2 - b.2) < 0.0);
        crossings += crossed.count();
    }
    f64::from(crossings as u32) * 1_000.0 + bends as f64 * 30.0 + aside
}

fn place(items: &[Item], chains: &[Vec<usize>], nodes: &[Size], links: &[Link]) -> Layout {
    let left = items.iter().map(|item| item.x - item.size.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = items.iter().map(|item| item.x + item.size.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let x = |index: usize| items[index].x - left + MARGIN;
    let rows = rows(items);
    let ends: Vec<f64> =
        links.iter().zip(chains).map(|(link, chain)| port(items, chains, links, link, chain)).collect();
    let ways = chains.iter().zip(links).zip(&ends).map(|((chain, link), end)| {
        let last = chain.len() - 1;
        let mut points = Vec::new();
        for (step, &index) in chain.iter().enumerate() {
            let (top, bottom) = rows[items[index].row];
            let half = items[index].size.height / 2.0;
            let middle = f64::midpoint(top, bottom);
            if step == last {
                points.push((x(index) + end, middle - half));
            } else if step == 0 {
                points.push((x(index), middle + half));
            } else {
                points.extend([(x(index), top), (x(index), bottom)]);
            }
        }
        let label = link.label.map(|_| {
            let (top, bottom) = rows[items[chain[1]].row];
            (x(chain[1]), f64::midpoint(top, bottom))
        });
        Way { points, label }
    });
    Layout {
        links: ways.collect(),
        nodes: (0..nodes.len())
            .map(|index| {
                let (top, bottom) = rows[items[index].row];
                (x(index), f64::midpoint(top, bottom))
            })
            .collect(),
        width: right - left + 2.0 * MARGIN,
        height: rows.last().map_or(0.0, |row| row.1) + MARGIN,
    }
}

/// Top and bottom of every row.
fn rows(items: &[Item]) -> Vec<(f64, f64)> {
    let depth = items.iter().map(|item| item.row + 1).max().unwrap_or(0);
    let mut rows: Vec<(f64, f64)> = Vec::with_capacity(depth);
    let mut bottom = MARGIN;
    for row in 0..depth {
        let mut here = items.iter().filter(|item| item.row == row).peekable();
        if here.peek().is_none() {
            rows.push((bottom, bottom));
            continue;
        }
        let (mut height, mut aside) = (0.0_f64, 0.0_f64);
        for item in here {
            height = height.max(item.size.height);
            aside = item.above.iter().map(|&above| (items[above].x - item.x).abs()).fold(aside, f64::max);
        }
        let top = if row == 0 { bottom } else { bottom + (aside * 0.2).clamp(RISE.0, RISE.1) };
        bottom = top + height;
        rows.push((top, bottom));
    }
    rows
}

/// How far from the middle of its receiver a link arrives.
fn port(items: &[Item], chains: &[Vec<usize>], links: &[Link], link: &Link, chain: &[usize]) -> f64 {
    let from = |chain: &[usize]| items[chain[chain.len() - 2]].x;
    let mut ports: Vec<(u8, f64, f64)> = Vec::new();
    for (other, chain) in links.iter().zip(chains).filter(|(other, _)| other.to == link.to) {
        match ports.iter_mut().find(|(port, ..)| *port == other.port) {
            Some((_, sum, count)) => {
                *sum += from(chain);
                *count += 1.0;
            }
            None => ports.push((other.port, from(chain), 1.0)),
        }
    }
    ports.sort_by(|a, b| (a.1 / a.2).total_cmp(&(b.1 / b.2)));
    let own = ports.iter().position(|(port, ..)| *port == link.port).unwrap_or(0);
    let width = items[chain[chain.len() - 1]].size.width;
    let apart = PORT.min((width - 40.0).max(0.0) / (ports.len().max(2) - 1) as f64);
    (own as f64 - (ports.len() - 1) as f64 / 2.0) * apart
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Size = Size { width: 120.0, height: 40.0 };

    fn link(from: usize, to: usize, label: Option<f64>) -> Link {
        let port = u8::try_from(from).unwrap();
        Link { from, to, port, label: label.map(|width| Size { width, height: 16.0 }) }
    }

    fn fan() -> (Vec<Size>, Vec<Link>) {
        let mut links = Vec::new();
        for middle in 1..6 {
            links.push(link(0, middle, Some(150.0)));
            links.push(link(middle, 6, None));
        }
        links.push(link(0, 6, Some(90.0)));
        (vec![NODE; 7], links)
    }

    fn apart(a: ((f64, f64), Size), b: ((f64, f64), Size)) -> bool {
        (a.0.0 - b.0.0).abs() >= f64::midpoint(a.1.width, b.1.width) - 0.01
            || (a.0.1 - b.0.1).abs() >= f64::midpoint(a.1.height, b.1.height) - 0.01
    }

    #[test]
    fn no_node_and_no_label_lies_on_another() {
        let (nodes, links) = fan();
        let layout = Layout::of(&nodes, &links);
        let mut boxes: Vec<_> = layout.nodes.iter().copied().zip(nodes.iter().copied()).collect();
        for (way, link) in layout.links.iter().zip(&links) {
            boxes.extend(way.label.zip(link.label));
        }
        assert_eq!(boxes.len(), 13);
        for (index, &a) in boxes.iter().enumerate() {
            for &b in &boxes[index + 1..] {
                assert!(apart(a, b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn every_link_goes_down_and_stays_on_the_page() {
        let (nodes, links) = fan();
        let layout = Layout::of(&nodes, &links);
        for way in &layout.links {
            assert!(way.points.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{way:?}");
            for &(x, y) in &way.points {
                assert!((0.0..=layout.width).contains(&x) && (0.0..=layout.height).contains(&y), "{x} {y}");
            }
        }
    }

    #[test]
    fn a_link_that_passes_a_layer_goes_around_its_nodes() {
        let (nodes, links) = fan();
        let layout = Layout::of(&nodes, &links);
        for &(x, y) in &layout.links.last().unwrap().points[1..] {
            for &(cx, cy) in &layout.nodes[1..6] {
                assert!((x - cx).abs() >= 60.0 || (y - cy).abs() >= 20.0, "{x} {y}");
            }
        }
    }

    #[test]
    fn links_of_one_port_meet_and_those_of_others_do_not() {
        let mut links = vec![link(0, 1, None), link(0, 2, None), link(1, 3, None), link(2, 3, None)];
        let ends = |links: &[Link]| {
            let layout = Layout::of(&[NODE; 4], links);
            [2, 3].map(|index| *layout.links[index].points.last().unwrap())
        };
        let [left, right] = ends(&links);
        assert!((left.0 - right.0).abs() > 20.0);
        links[3].port = links[2].port;
        let [left, right] = ends(&links);
        assert_eq!(left, right);
    }

    #[test]
    fn what_can_be_drawn_without_a_crossing_is() {
        // two chains whose ends are declared the wrong way round
        let links = [link(0, 1, None), link(0, 2, None), link(1, 4, None), link(2, 3, None)];
        let layout = Layout::of(&[NODE; 5], &links);
        assert_eq!(layout.nodes[1].0 < layout.nodes[2].0, layout.nodes[4].0 < layout.nodes[3].0);
    }
}
