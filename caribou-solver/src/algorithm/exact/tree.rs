//! Branch and bound over the regions of the stages, the most promising part first.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use super::pace::{Ends, Pace};
use super::relaxation::{FREE, Partial, Relaxation};
use super::state::{State, exceeded, scalar};

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
pub(super) struct Tree<'a> {
    bounds: Bounds,
    /// By limited percentile: how fast a part can be.
    paces: Vec<Pace<'a>>,
    domains: Vec<u8>,
    open: BinaryHeap<Node>,
    /// The best placement so far, as a position in each stage's domain, and its objective.
    best: Option<(Vec<u8>, f64)>,
    /// No placement that was left out is below.
    left_out: f64,
    seen: HashSet<Vec<u8>>,
    expanded: u64,
    /// Parts that are looked into below an open one, depth first, before what is left is put back.
    dive: u32,
}

/// More open parts than this are not kept: the search of the hour ends with a gap.
const MOST_OPEN: usize = 100_000;
/// Placements that are remembered as judged.
const MOST_SEEN: usize = 20_000;
/// How far a dive goes.
const DIVE: u32 = 300;

/// Rounds in which the bounds of a part are tightened.
const ROUNDS: usize = 10;

/// Relaxations that are asked which stage to decide next: those that bound the decisive sample best.
const VIEWS: usize = 6;

#[derive(Clone, Debug, PartialEq)]
struct Node {
    bound: f64,
    partial: Box<Partial>,
}

impl Eq for Node {}

impl Ord for Node {
    /// The least bound is the greatest node.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then_with(|| other.partial.cmp(&self.partial))
    }
}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(
        bounds: Bounds,
        paces: Vec<Pace<'a>>,
        domains: Vec<u8>,
        start: Option<(Vec<u8>, f64)>,
    ) -> Self {
        let partial = vec![FREE; domains.len()].into_boxed_slice();
        let bound = State::new(&bounds, &partial).bound(&bounds);
        Self {
            bounds,
            paces,
            domains,
            open: BinaryHeap::from([Node { bound, partial }]),
            best: start,
            left_out: f64::INFINITY,
            seen: HashSet::new(),
            expanded: 0,
            dive: DIVE,
        }
    }

    /// The same with dives of so many parts.
    #[cfg(test)]
    pub(super) fn with_dives(self, dive: u32) -> Self {
        Self { dive, ..self }
    }

    pub(super) fn best(&self) -> Option<&(Vec<u8>, f64)> {
        self.best.as_ref()
    }

    /// How many parts were looked into.
    pub(super) fn expanded(&self) -> u64 {
        self.expanded
    }

    fn value(&self) -> f64 {
        self.best.as_ref().map_or(f64::INFINITY, |(_, value)| *value)
    }

    /// What the objective of no placement is below.
    pub(super) fn bound(&self) -> f64 {
        let open = self.open.peek().map_or(f64::INFINITY, |node| node.bound);
        self.value().min(open).min(self.left_out)
    }

    /// Whether no placement can be better than the best by more than a share of its objective, or more was left out than
    /// could still be proven.
    pub(super) fn is_done(&self, gap: f64) -> bool {
        let threshold = self.threshold(gap);
        let lost = self.best.is_some() && self.left_out < threshold;
        lost || self.open.peek().is_none_or(|node| node.bound >= threshold)
    }

    fn threshold(&self, gap: f64) -> f64 {
        let value = self.value();
        if value.is_finite() { value - gap * value.abs() } else { value }
    }

    /// Takes a placement as the best if it is better.
    pub(super) fn offer(&mut self, placement: &[u8], judge: &mut dyn Judge) {
        if let Some(value) = judge.judge(placement, self.value()) {
            self.best = Some((placement.to_vec(), value));
        }
    }

    /// Looks into open parts until the answer is proven up to the gap, or until `stop` says so.
    pub(super) fn grow(&mut self, gap: f64, judge: &mut dyn Judge, stop: &dyn Fn() -> bool) {
        while !self.is_done(gap) && !stop() {
            let Some(node) = self.open.pop() else { break };
            self.enter(node, gap, judge, stop);
        }
    }

    /// Looks into an open part with bounds of its own.
    fn enter(&mut self, node: Node, gap: f64, judge: &mut dyn Judge, stop: &dyn Fn() -> bool) {
        let Node { bound, partial } = node;
        self.expanded += 1;
        let kept = self.affordable(&partial);
        let bounds = self.bounds.restrict(&kept);
        let local: Vec<u8> = partial.iter().map(|&region| if region == FREE { FREE } else { 0 }).collect();
        let mut states = vec![State::new(&bounds, &local)];
        let bound = bound.max(states[0].bound(&bounds));
        if bound >= self.threshold(gap) {
            self.left_out = self.left_out.min(self.threshold(gap));
            return;
        }
        let domains: Vec<u8> = kept.iter().map(|kept| kept.len() as u8).collect();
        let (order, completion) = bounds.order(&states[0], &local, &domains);
        let completion: Vec<u8> =
            completion.iter().zip(&kept).map(|(&region, kept)| kept[usize::from(region)]).collect();
        if self.seen.len() < MOST_SEEN && self.seen.insert(completion.clone()) {
            self.offer(&completion, judge);
        }
        states.resize(order.len() + 1, states[0].clone());
        let mut dive = Dive {
            bounds: &bounds,
            order: &order,
            kept: &kept,
            above: bound,
            left: self.dive,
            gap,
            ends: Ends::default(),
            judge,
            stop,
        };
        let mut at = At { local, whole: partial.into_vec() };
        let cost = self.bounds.scalar.first().map_or(f64::NEG_INFINITY, |cost| scalar(cost, &at.whole));
        self.dive(&mut dive, &mut at, &mut states, 0, cost);
    }

    /// By stage: the regions that are left to it in a part, as far as their own cost tells: in the others nothing is
    /// better than the best placement so far.
    fn affordable(&self, partial: &Partial) -> Vec<Vec<u8>> {
        let cost = self.bounds.scalar.first();
        let left = cost.map_or(f64::INFINITY, |cost| self.value() - scalar(cost, partial));
        let is_affordable =
            |stage: usize, region: u8| cost.is_none_or(|cost| cost.extra(stage, usize::from(region)) <= left);
        partial
            .iter()
            .enumerate()
            .map(|(stage, &region)| {
                if region != FREE {
                    return vec![region];
                }
                let kept: Vec<u8> =
                    (0..self.domains[stage]).filter(|&region| is_affordable(stage, region)).collect();
                // Nothing is affordable where the bound has passed the best: the bounds will say so.
                if kept.is_empty() { (0..self.domains[stage]).collect() } else { kept }
            })
            .collect()
    }

    /// Looks into what is below a part, whose state is the first one, depth first. Its cost is at least `cost`.
    fn dive(&mut self, dive: &mut Dive<'_>, at: &mut At, states: &mut [State], depth: usize, cost: f64) {
        self.expanded += 1;
        let (Some(&stage), Some((above, below))) = (dive.order.get(depth), states.split_first_mut()) else {
            return;
        };
        for (region, &whole) in dive.kept[stage].iter().enumerate() {
            let threshold = self.threshold(dive.gap);
            if !below[0].decide(above, dive.bounds, &at.local, (stage, region), threshold) {
                self.left_out = self.left_out.min(threshold);
                continue;
            }
            // What regions cost is only told beside a bound of the same terms.
            let cost = self.bounds.scalar.first().map_or(f64::NEG_INFINITY, |relaxation| {
                cost + relaxation.growth(&at.whole, stage, usize::from(whole))
            });
            (at.local[stage], at.whole[stage]) = (region as u8, whole);
            let left = threshold - cost;
            if self.paces.iter().any(|pace| pace.is_too_slow(&at.whole, left, &mut dive.ends)) {
                self.left_out = self.left_out.min(threshold);
            } else if depth + 1 == dive.order.len() {
                self.offer(&at.whole, dive.judge);
            } else if dive.left > 0 {
                dive.left -= 1;
                if dive.left.is_multiple_of(32) && (dive.stop)() {
                    dive.left = 0;
                }
                self.dive(dive, at, below, depth + 1, cost);
            } else {
                let bound = below[0].bound(dive.bounds).max(dive.above);
                if self.open.len() < MOST_OPEN {
                    self.open.push(Node { bound, partial: at.whole.clone().into_boxed_slice() });
                } else {
                    self.left_out = self.left_out.min(bound);
                }
            }
            (at.local[stage], at.whole[stage]) = (FREE, FREE);
        }
    }
}

/// Where a dive is.
struct At {
    /// The region of each stage among those that the dive has left.
    local: Vec<u8>,
    /// The region of each stage in its whole domain.
    whole: Vec<u8>,
}

/// A search below one open part.
struct Dive<'d> {
    bounds: &'d Bounds,
    /// The free stages in the order in which they are decided.
    order: &'d [usize],
    /// By stage: the regions that are left.
    kept: &'d [Vec<u8>],
    /// The bound of the open part.
    above: f64,
    /// How many parts may still be looked into.
    left: u32,
    gap: f64,
    ends: Ends,
    judge: &'d mut dyn Judge,
    stop: &'d dyn Fn() -> bool,
}

impl Bounds {
    /// The same bounds where each stage has only these of its regions left.
    pub(super) fn restrict(&self, kept: &[Vec<u8>]) -> Self {
        let all = |relaxations: &[Relaxation]| -> Vec<Relaxation> {
            relaxations.iter().map(|relaxation| relaxation.restrict(kept, ROUNDS)).collect()
        };
        let ceilings = self.ceilings.iter();
        Self {
            scalar: all(&self.scalar),
            tails: self
                .tails
                .iter()
                .map(|tail| Tail {
                    relaxations: all(&tail.relaxations),
                    excess: all(&tail.excess),
                    may_exceed: tail.may_exceed,
                    rows: tail.rows,
                })
                .collect(),
            ceilings: ceilings
                .map(|(function, at_most)| (function.restrict(kept, ROUNDS), *at_most))
                .collect(),
        }
    }

    /// The free stages, those first whose decision raises the bound most as far as the decisive sample tells; and a whole
    /// placement that the relaxation suggests which bounds it.
    fn order(&self, state: &State, partial: &Partial, domains: &[u8]) -> (Vec<usize>, Vec<u8>) {
        let mut views: Vec<View<'_>> = self
            .scalar
            .iter()
            .zip(&state.scalar)
            .map(|(relaxation, &value)| View { relaxation, value, row: None })
            .collect();
        for (tail, part) in self.tails.iter().zip(&state.tails) {
            let mut best = vec![f32::NEG_INFINITY; tail.rows];
            part.raise(&mut best);
            let decisive = exceeded(&mut best.clone(), tail.may_exceed);
            let Some(row) = best.iter().position(|&bound| bound.total_cmp(&decisive).is_eq()) else {
                continue;
            };
            for (index, relaxation) in tail.relaxations.iter().enumerate() {
                let value = part.scalars[index] + f64::from(part.row(index)[row]);
                views.push(View { relaxation, value, row: Some(row) });
            }
        }
        views.sort_by(|a, b| b.value.total_cmp(&a.value));
        views.truncate(VIEWS);
        let mut scores: Vec<(f64, usize)> = Vec::new();
        let mut completion = partial.to_vec();
        for stage in (0..partial.len()).filter(|&stage| partial[stage] == FREE) {
            let [mut least, mut second] = [f64::INFINITY; 2];
            let mut likely = (f64::INFINITY, 0);
            for region in 0..domains[stage] {
                let mut bound = f64::NEG_INFINITY;
                for (index, view) in views.iter().enumerate() {
                    let growth = view.growth(partial, stage, usize::from(region));
                    bound = bound.max(view.value + growth);
                    if index == 0 && growth < likely.0 {
                        likely = (growth, region);
                    }
                }
                if bound < least {
                    (least, second) = (bound, least);
                } else {
                    second = second.min(bound);
                }
            }
            completion[stage] = likely.1;
            let second = if second.is_finite() { second } else { least };
            scores.push((least + 0.1 * (second - least), stage));
        }
        scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        (scores.into_iter().map(|(_, stage)| stage).collect(), completion)
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
