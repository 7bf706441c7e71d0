//! Branch and bound over the regions of the stages, the most promising part first.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use super::relaxation::{FREE, Partial, Relaxation};

/// The bounds of one hour's search.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    /// Bounds of the objective that are the same for all samples.
    pub(super) scalar: Vec<Relaxation>,
    /// Bounds of the objective by limited percentile.
    pub(super) tails: Vec<Tail>,
    /// Functions that may not be larger than a figure.
    pub(super) ceilings: Vec<(Relaxation, f64)>,
}

/// The bounds that follow from a limit on a percentile of the runtime.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    /// How many samples may exceed the limit.
    pub(super) may_exceed: usize,
    /// How many samples the bounds look at.
    pub(super) rows: usize,
    pub(super) relaxations: Vec<Relaxation>,
    /// Lower bounds of the runtime less the limit, by row.
    pub(super) excess: Vec<Relaxation>,
}

/// What the search knows of its placements.
pub(super) trait Judge {
    /// The objective of a whole placement, if it keeps all limits and is smaller than `below`.
    fn judge(&mut self, placement: &[u8], below: f64) -> Option<f64>;
}

/// The part of the search that is still open.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    bounds: Bounds,
    domains: Vec<u8>,
    open: BinaryHeap<Node>,
    /// The best placement so far, as a position in each stage's domain, and its objective.
    best: Option<(Vec<u8>, f64)>,
    /// No placement that was left out is below.
    left_out: f64,
    seen: HashSet<Vec<u8>>,
    expanded: u64,
}

/// More open parts than this are not kept: the search of the hour ends with a gap.
const MOST_OPEN: usize = 400_000;

/// Relaxations that are asked which stage to decide next: those that bound the decisive sample best.
const VIEWS: usize = 6;

#[derive(Clone, Debug, PartialEq)]
struct Node {
    bound: f64,
    partial: Box<Partial>,
}

impl Eq for Node {}

impl Ord for Node {
    /// The least bound is the greatest node; of equal bounds the one that is decided further.
    fn cmp(&self, other: &Self) -> Ordering {
        let free = |node: &Self| node.partial.iter().filter(|&&region| region == FREE).count();
        other
            .bound
            .total_cmp(&self.bound)
            .then_with(|| free(other).cmp(&free(self)))
            .then_with(|| other.partial.cmp(&self.partial))
    }
}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The bounds of one node, from which those of its children follow.
struct State {
    scalar: Vec<f64>,
    ceilings: Vec<f64>,
    /// By tail and relaxation: the scalar part and the rows.
    tails: Vec<Vec<(f64, Vec<f32>)>>,
    /// The same for the excess over the tails' limits.
    excess: Vec<Vec<(f64, Vec<f32>)>>,
}

impl Tree {
    pub(super) fn new(bounds: Bounds, domains: Vec<u8>, start: Option<(Vec<u8>, f64)>) -> Self {
        let partial = vec![FREE; domains.len()].into_boxed_slice();
        let mut tree = Self {
            bounds,
            domains,
            open: BinaryHeap::new(),
            best: start,
            left_out: f64::INFINITY,
            seen: HashSet::new(),
            expanded: 0,
        };
        let state = tree.state(&partial);
        let bound = tree.bounds.of(&state);
        tree.open.push(Node { bound, partial });
        tree
    }

    pub(super) fn best(&self) -> Option<&(Vec<u8>, f64)> {
        self.best.as_ref()
    }

    pub(super) fn expanded(&self) -> u64 {
        self.expanded
    }

    pub(super) fn sizes(&self) -> Vec<(usize, usize, usize)> { self.bounds.tails.iter().map(|t| (t.rows, t.relaxations.len(), self.open.len())).collect() }

    fn value(&self) -> f64 {
        self.best.as_ref().map_or(f64::INFINITY, |(_, value)| *value)
    }

    /// What the objective of no placement is below.
    pub(super) fn bound(&self) -> f64 {
        let open = self.open.peek().map_or(f64::INFINITY, |node| node.bound);
        self.value().min(open).min(self.left_out)
    }

    /// Whether no placement can be better than the best by more than a share of its objective.
    pub(super) fn is_done(&self, gap: f64) -> bool {
        self.open.peek().is_none_or(|node| node.bound >= self.threshold(gap))
    }

    fn threshold(&self, gap: f64) -> f64 {
        let value = self.value();
        if value.is_finite() { value - gap * value.abs() } else { value }
    }

    /// Takes a placement as the best if it is better.
    pub(super) fn offer(&mut self, placement: &[u8], judge: &mut dyn Judge) -> bool {
        let Some(value) = judge.judge(placement, self.value()) else { return false };
        self.best = Some((placement.to_vec(), value));
        true
    }

    /// Looks into this many open parts, or until the answer is proven up to the gap, or until `stop` says so.
    pub(super) fn grow(&mut self, nodes: u64, gap: f64, judge: &mut dyn Judge, stop: &dyn Fn() -> bool) {
        for round in 0..nodes {
            if self.is_done(gap) || (round % 16 == 0 && stop()) {
                return;
            }
            if let Some(node) = self.open.pop() {
                self.expand(&node, gap, judge);
            }
        }
    }

    fn expand(&mut self, node: &Node, gap: f64, judge: &mut dyn Judge) {
        self.expanded += 1;
        let state = self.state(&node.partial);
        let Some(choice) = self.bounds.choose(&state, &node.partial, &self.domains) else { return };
        if self.seen.len() < MOST_OPEN && self.seen.insert(choice.completion.clone()) {
            self.offer(&choice.completion, judge);
        }
        let is_last = node.partial.iter().filter(|&&region| region == FREE).count() == 1;
        let mut rows = Vec::new();
        for region in 0..self.domains[choice.stage] {
            let bound =
                self.bounds.of_child(&state, &node.partial, choice.stage, region, &mut rows).max(node.bound);
            if bound >= self.threshold(gap) {
                self.left_out = self.left_out.min(bound);
                continue;
            }
            let mut partial = node.partial.clone();
            partial[choice.stage] = region;
            if is_last {
                self.offer(&partial, judge);
            } else if self.open.len() < MOST_OPEN {
                self.open.push(Node { bound, partial });
            } else {
                self.left_out = self.left_out.min(bound);
            }
        }
    }

    fn state(&self, partial: &Partial) -> State {
        let scalar = |relaxation: &Relaxation| {
            let mut known = vec![FREE; partial.len()];
            let mut sum = relaxation.start();
            for (stage, &region) in partial.iter().enumerate().filter(|(_, region)| **region != FREE) {
                sum += relaxation.growth(&known, stage, usize::from(region));
                known[stage] = region;
            }
            sum
        };
        let rows = |relaxation: &Relaxation| {
            let mut rows = relaxation.start_rows().map_or_else(Vec::new, <[f32]>::to_vec);
            for (stage, &region) in partial.iter().enumerate().filter(|(_, region)| **region != FREE) {
                if let Some((terms, least)) = relaxation.row_terms(stage, usize::from(region)) {
                    for ((row, term), least) in rows.iter_mut().zip(terms).zip(least) {
                        *row += term - least;
                    }
                }
            }
            rows
        };
        let of_rows = |relaxations: &[Relaxation]| -> Vec<(f64, Vec<f32>)> {
            relaxations.iter().map(|relaxation| (scalar(relaxation), rows(relaxation))).collect()
        };
        let tails = &self.bounds.tails;
        State {
            scalar: self.bounds.scalar.iter().map(scalar).collect(),
            ceilings: self.bounds.ceilings.iter().map(|(relaxation, _)| scalar(relaxation)).collect(),
            tails: tails.iter().map(|tail| of_rows(&tail.relaxations)).collect(),
            // What the objective's bounds do not tell where there is no best placement to compare them with.
            excess: tails
                .iter()
                .map(|tail| if self.best.is_none() { of_rows(&tail.excess) } else { Vec::new() })
                .collect(),
        }
    }
}

/// Which stage to decide next, and a whole placement that the bounds suggest.
struct Choice {
    stage: usize,
    completion: Vec<u8>,
}

impl Bounds {
    /// The bound of a node.
    fn of(&self, state: &State) -> f64 {
        let broken = self.ceilings.iter().zip(&state.ceilings).any(|((_, at_most), &least)| least > *at_most);
        if broken {
            return f64::INFINITY;
        }
        let scalar = state.scalar.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tails = self.tails.iter().zip(&state.tails).map(|(tail, relaxations)| {
            let mut best = vec![f32::NEG_INFINITY; tail.rows];
            for (scalar, rows) in relaxations {
                raise(&mut best, rows, lowered(*scalar));
            }
            f64::from(tail.exceeded(&mut best))
        });
        tails.fold(scalar, f64::max)
    }

    /// The bound of a node's child.
    fn of_child(
        &self,
        state: &State,
        partial: &Partial,
        stage: usize,
        region: u8,
        best: &mut Vec<f32>,
    ) -> f64 {
        let region = usize::from(region);
        for ((ceiling, at_most), &least) in self.ceilings.iter().zip(&state.ceilings) {
            if least + ceiling.growth(partial, stage, region) > *at_most {
                return f64::INFINITY;
            }
        }
        let mut bound = f64::NEG_INFINITY;
        for (relaxation, &scalar) in self.scalar.iter().zip(&state.scalar) {
            bound = bound.max(scalar + relaxation.growth(partial, stage, region));
        }
        let tails = self.tails.iter().zip(&state.tails).zip(&state.excess);
        for ((tail, relaxations), excess) in tails {
            let mut exceeded = |of: &[Relaxation], known: &[(f64, Vec<f32>)]| {
                best.clear();
                best.resize(tail.rows, f32::NEG_INFINITY);
                for (relaxation, known) in of.iter().zip(known) {
                    relaxation.raise_child(best, known, partial, stage, region);
                }
                f64::from(tail.exceeded(best))
            };
            if exceeded(&tail.excess, excess) > 0.0 {
                return f64::INFINITY;
            }
            bound = bound.max(exceeded(&tail.relaxations, relaxations));
        }
        bound
    }

    /// The stage whose decision raises the bound most, as far as the decisive sample tells; and what the relaxation that
    /// bounds it would choose.
    fn choose(&self, state: &State, partial: &Partial, domains: &[u8]) -> Option<Choice> {
        let mut views: Vec<View<'_>> = self
            .scalar
            .iter()
            .zip(&state.scalar)
            .map(|(relaxation, &value)| View { relaxation, value, row: None })
            .collect();
        for (tail, relaxations) in self.tails.iter().zip(&state.tails) {
            let mut best = vec![f32::NEG_INFINITY; tail.rows];
            for (scalar, rows) in relaxations {
                raise(&mut best, rows, lowered(*scalar));
            }
            let decisive = tail.exceeded(&mut best.clone());
            let Some(row) = best.iter().position(|&bound| bound.total_cmp(&decisive).is_eq()) else {
                continue;
            };
            for (relaxation, (scalar, rows)) in tail.relaxations.iter().zip(relaxations) {
                let value = scalar + f64::from(rows[row]);
                views.push(View { relaxation, value, row: Some(row) });
            }
        }
        views.sort_by(|a, b| b.value.total_cmp(&a.value));
        views.truncate(VIEWS);
        let mut chosen: Option<(usize, f64)> = None;
        for stage in (0..partial.len()).filter(|&stage| partial[stage] == FREE) {
            let [mut least, mut second] = [f64::INFINITY; 2];
            for region in 0..usize::from(domains[stage]) {
                let bound = views
                    .iter()
                    .map(|view| view.value + view.growth(partial, stage, region))
                    .fold(f64::NEG_INFINITY, f64::max);
                if bound < least {
                    (least, second) = (bound, least);
                } else {
                    second = second.min(bound);
                }
            }
            let second = if second.is_finite() { second } else { least };
            let score = least + 0.1 * (second - least);
            if chosen.is_none_or(|(_, most)| score > most) {
                chosen = Some((stage, score));
            }
        }
        let (stage, _) = chosen?;
        let decisive = views.first();
        let mut completion = partial.to_vec();
        for stage in 0..partial.len() {
            if completion[stage] == FREE {
                let growth = |region: &u8| {
                    decisive.map_or(0.0, |view| view.growth(&completion, stage, usize::from(*region)))
                };
                let growths: Vec<f64> = (0..domains[stage]).map(|region| growth(&region)).collect();
                let least = super::pairwise::least(&growths);
                completion[stage] = growths.iter().position(|&growth| growth <= least).unwrap_or(0) as u8;
            }
        }
        Some(Choice { stage, completion })
    }
}

/// One relaxation as one sample sees it.
struct View<'b> {
    relaxation: &'b Relaxation,
    value: f64,
    row: Option<usize>,
}

impl View<'_> {
    fn growth(&self, partial: &Partial, stage: usize, region: usize) -> f64 {
        let scalar = self.relaxation.growth(partial, stage, region);
        match (self.row, self.relaxation.row_terms(stage, region)) {
            (Some(row), Some((terms, least))) => scalar + f64::from(terms[row] - least[row]),
            _ => scalar,
        }
    }
}

impl Relaxation {
    /// Raises each row to what it is at least in a node's child.
    fn raise_child(
        &self,
        best: &mut [f32],
        (scalar, rows): &(f64, Vec<f32>),
        partial: &Partial,
        stage: usize,
        region: usize,
    ) {
        let scalar = lowered(scalar + self.growth(partial, stage, region));
        match self.row_terms(stage, region) {
            None => raise(best, rows, scalar),
            Some((terms, least)) => {
                for (((best, row), term), least) in best.iter_mut().zip(rows).zip(terms).zip(least) {
                    *best = best.max(row + (term - least) + scalar);
                }
            }
        }
    }
}

impl Tail {
    /// What all but as many rows as may exceed the limit are at most.
    fn exceeded(&self, best: &mut [f32]) -> f32 {
        if self.may_exceed >= best.len() {
            return f32::NEG_INFINITY;
        }
        *best.select_nth_unstable_by(self.may_exceed, |a, b| b.total_cmp(a)).1
    }
}

fn raise(best: &mut [f32], rows: &[f32], scalar: f32) {
    for (best, row) in best.iter_mut().zip(rows) {
        *best = best.max(row + scalar);
    }
}

/// In single precision, and no more than it was even after a sum is rounded.
fn lowered(scalar: f64) -> f32 {
    (scalar - 4.0 * f64::from(f32::EPSILON) * scalar.abs()) as f32
}
