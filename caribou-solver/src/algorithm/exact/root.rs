//! What is done once for an hour before the search branches: good placements, and the bounds.

use std::collections::BTreeMap;

use caribou_model::{Metric, Statistic};

use super::linear;
use super::local::{exchanges, minimise, moves};
use super::pace::Pace;
use super::pairwise::Pairwise;
use super::relaxation::{Flow, Length, Relaxation};
use super::timing::{Path, Timing};
use super::tree::{Bounds, Judge, Tail};
use crate::algorithm::{Budget, Target};
use crate::limit::TOLERANCE;

/// What a runtime of single precision may be off, as a share.
const ROUNDING: f64 = 4e-6;
/// Rounds of tightening a function from scratch, and one that was tightened and has changed a little.
const ROUNDS: usize = 200;
const MORE_ROUNDS: usize = 30;
/// Tightening stops when a round raises the bound by less than this share.
const WORTH: f64 = 1e-7;
/// Paths that bound a percentile.
const PATHS: usize = 8;
/// Paths of which the length alone is bounded.
const EXCESSES: usize = 4;
/// Relaxations that bound a percentile.
const RELAXATIONS: usize = 16;
/// What the relaxations of an hour may take, in bytes.
const MEMORY_OF_AN_HOUR: usize = 12 << 20;
/// Exchanges that are tried from one placement.
const EXCHANGES: usize = 200;
/// Whole placements that are tried one move from the best.
const TRIED_MOVES: usize = 4000;

/// An hour's problem as functions of the placement.
pub(super) struct Root<'a> {
    target: Target<'a>,
    all: &'a Timing<'a>,
    budget: Budget,
    /// A lower bound of the objective, and the same tightened.
    objective: Pairwise,
    tightened: Pairwise,
    /// Functions that may not be larger than a figure.
    linear: Vec<(Pairwise, f64)>,
    /// Limits on percentiles of the runtime, in seconds, and how many samples may exceed them.
    tails: Vec<(f64, usize)>,
}

impl<'a> Root<'a> {
    pub(super) fn new(target: &Target<'a>, hour: usize, all: &'a Timing<'a>, budget: &Budget) -> Self {
        let scorer = target.scorer;
        let mut root = Self {
            target: *target,
            all,
            budget: *budget,
            objective: linear::known_part(scorer, target.objective, hour),
            tightened: linear::zero(scorer.problem()),
            linear: Vec::new(),
            tails: Vec::new(),
        };
        if target.objective.needs_runtime() {
            let weight = target.objective.weight(Metric::Runtime, hour);
            let known = root.objective.clone();
            root.objective = root.with_mean_runtime(known, weight);
        }
        root.tightened = tight(root.objective.clone(), ROUNDS);
        for ceiling in target.limits.ceilings() {
            let mut function = linear::known_part(scorer, &ceiling.objective, hour);
            if ceiling.objective.needs_runtime() {
                function = root.with_mean_runtime(function, ceiling.objective.weight(Metric::Runtime, hour));
            }
            root.linear.push((function, ceiling.at_most[hour] * TOLERANCE));
        }
        for bound in target.limits.hard() {
            let at_most = bound.at_most[hour] * TOLERANCE;
            match (bound.metric, bound.statistic) {
                (Metric::Runtime, Statistic::Average) => {
                    let function = root.with_mean_runtime(linear::zero(scorer.problem()), 1.0);
                    root.linear.push((function, at_most));
                }
                (Metric::Runtime, statistic) if all.is_bounded() => {
                    root.tails.push((at_most, may_exceed(statistic, scorer.samples().len())));
                }
                (metric, Statistic::Average) => {
                    let objective = crate::objective::Objective::of(metric);
                    root.linear.push((linear::known_part(scorer, &objective, hour), at_most));
                }
                // Percentiles of carbon and cost, and all that cannot be bounded, are judged on whole placements alone.
                _ => {}
            }
        }
        root
    }

    /// A function plus `weight` times a lower bound of the mean runtime, chosen so that the least of the sum is large:
    /// mean lengths of the critical paths of placements that are near the least themselves.
    fn with_mean_runtime(&self, known: Pairwise, weight: f64) -> Pairwise {
        if !self.all.is_bounded() {
            return known;
        }
        let rows: Vec<usize> = (0..self.all.rows().len()).collect();
        let stages = known.single.len();
        let length = |placement: &[usize]| self.all.mean_length(&self.all.critical(placement), &rows);
        let mut mixed = length(&vec![0; stages]);
        let mut best: Option<(f64, Pairwise)> = None;
        for step in 1..=12_u32 {
            let mut sum = known.clone();
            sum.add(weight, &mixed);
            // The score adds runtimes of single precision.
            sum.constant -= ROUNDING * weight * mixed.bound().abs();
            let tightened = tight(sum.clone(), MORE_ROUNDS);
            let bound = tightened.bound();
            let least = minimise(&sum, &tightened);
            if best.as_ref().is_none_or(|(most, _)| bound > *most) {
                best = Some((bound, sum));
            }
            let share = 1.0 / f64::from(step + 1);
            let mut next = linear::zero(self.target.scorer.problem());
            next.add(1.0 - share, &mixed);
            next.add(share, &length(&least));
            mixed = next;
        }
        best.map_or(known, |(_, sum)| sum)
    }

    /// The bound without any limit.
    pub(super) fn free_bound(&self) -> f64 {
        self.tightened.bound()
    }

    /// Tries placements that are likely to be good, and moves from the best of them; `offer` says whether one is the
    /// best so far. Returns it, and what the tails' multipliers were where they mattered.
    pub(super) fn improve(&self, start: &[usize], judge: &mut dyn Judge) -> (Option<(Vec<usize>, f64)>, f64) {
        let mut best = Best { placement: None, value: f64::INFINITY };
        best.offer(start, judge);
        let free = minimise(&self.objective, &self.tightened);
        best.offer(&free, judge);
        let mut multiplier = 0.0;
        if best.placement.as_ref() != Some(&free) && !self.budget.is_spent() {
            multiplier = self.price_limits(&free, &mut best, judge);
            self.walk(&mut best, judge);
        }
        (best.placement.map(|placement| (placement, best.value)), multiplier)
    }

    /// Tries the placements that are best when what is limited has a price.
    fn price_limits(&self, free: &[usize], best: &mut Best, judge: &mut dyn Judge) -> f64 {
        let mut multiplier = 0.0;
        let zero = linear::zero(self.target.scorer.problem());
        let mut at = free.to_vec();
        for _ in 0..4 {
            let mut limited: Vec<(Pairwise, f64)> = self.linear.clone();
            for &(limit, may_exceed) in &self.tails {
                let critical = self.all.critical(&at);
                let order = slowest(&critical);
                let near = &order[may_exceed / 2..(2 * may_exceed + 8).min(order.len())];
                limited.push((self.all.mean_length(&critical, near), limit));
            }
            for (function, limit) in &limited {
                let scale = self.free_bound().abs() / limit.max(f64::MIN_POSITIVE);
                for step in 0..24 {
                    if self.budget.is_spent() {
                        return multiplier;
                    }
                    let price = scale * 0.02 * 2_f64.powf(f64::from(step) * 0.6);
                    let mut sum = zero.clone();
                    sum.add(1.0, &self.objective);
                    sum.add(price, function);
                    let mut tightened = self.tightened.clone();
                    tightened.add(price, function);
                    let tightened = tight(tightened, MORE_ROUNDS / 3);
                    let placement = minimise(&sum, &tightened);
                    if best.offer(&placement, judge) {
                        multiplier = price;
                    }
                }
            }
            match &best.placement {
                Some(placement) if *placement != at => at.clone_from(placement),
                _ => break,
            }
        }
        multiplier
    }

    /// Makes single moves, moves of two neighbours, and exchanges, as long as one is better and keeps the limits.
    fn walk(&self, best: &mut Best, judge: &mut dyn Judge) {
        let regions = self.target.scorer.problem().permitted();
        let mut tried = 0;
        while let Some(placement) = best.placement.clone() {
            let mut offer = |next: Vec<usize>| {
                tried += 1;
                tried < TRIED_MOVES && !self.budget.is_spent() && best.offer(&next, judge)
            };
            let moves = moves(&self.objective, regions, &placement);
            if moves.into_iter().any(|(_, next)| offer(next)) {
                continue;
            }
            let better = self.tails.iter().any(|&(limit, may_exceed)| {
                let critical = self.all.critical(&placement);
                let order = slowest(&critical);
                let Some(&quantile) = order.get(may_exceed) else { return false };
                let room = limit - f64::from(critical[quantile].0);
                let near = &order[may_exceed / 2..(2 * may_exceed + 8).min(order.len())];
                let length = self.all.mean_length(&critical, near);
                exchanges(&self.objective, &length, room, &placement, EXCHANGES).into_iter().any(&mut offer)
            });
            if !better {
                break;
            }
        }
    }

    /// The bounds that the search branches on.
    pub(super) fn bounds(
        &self,
        best: Option<&(Vec<usize>, f64)>,
        multiplier: f64,
    ) -> (Bounds, Vec<Pace<'a>>) {
        let mut bounds = Bounds::default();
        let mut paces = Vec::new();
        bounds.scalar.push(Relaxation::new(self.tightened.clone()));
        let mut priced = self.tightened.clone();
        for (function, at_most) in &self.linear {
            let own = tight(function.clone(), ROUNDS);
            let rounding = 1e-12 * at_most.abs();
            bounds.ceilings.push((Relaxation::new(own.clone()), at_most + rounding));
            priced = priced_up(&priced, function, *at_most, &mut bounds.scalar);
        }
        let free = minimise(&self.objective, &self.tightened);
        for &(limit, may_exceed) in &self.tails {
            let mut seen: Vec<&[usize]> = vec![&free];
            seen.extend(best.map(|(placement, _)| placement.as_slice()));
            let value = best.map_or(f64::INFINITY, |(_, value)| *value);
            let (tail, pace) = self.tail(limit, may_exceed, &seen, &priced, multiplier, value);
            bounds.tails.push(tail);
            paces.push(pace);
        }
        (bounds, paces)
    }

    fn tail(
        &self,
        limit: f64,
        may_exceed: usize,
        placements: &[&[usize]],
        priced: &Pairwise,
        multiplier: f64,
        value: f64,
    ) -> (Tail, Pace<'a>) {
        let home = vec![0; priced.single.len()];
        let mut rows: Vec<usize> = Vec::new();
        let mut paths: BTreeMap<Path, usize> = BTreeMap::new();
        for placement in placements.iter().copied().chain([home.as_slice()]) {
            let critical = self.all.critical(placement);
            let order = slowest(&critical);
            rows.extend(&order[..(2 * may_exceed + 32).min(order.len())]);
            for &row in &order[may_exceed / 2..(2 * may_exceed + 8).min(order.len())] {
                *paths.entry(critical[row].1.clone()).or_default() += 1;
            }
        }
        rows.sort_unstable();
        rows.dedup();
        let timing = self.all.subset(&rows);
        let mut paths: Vec<(usize, Path)> = paths.into_iter().map(|(path, count)| (count, path)).collect();
        paths.sort_by(|a, b| b.cmp(a));
        paths.truncate(PATHS);
        let scale = if multiplier > 0.0 {
            multiplier
        } else {
            self.free_bound().abs() / limit.max(f64::MIN_POSITIVE)
        };
        let edges = self.target.scorer.problem().edges().len();
        let along = |path: &Path| {
            let mut flow = vec![0.0; edges];
            for &edge in path {
                flow[edge] = 1.0;
            }
            flow
        };
        let mut flows: Vec<Flow> = paths.iter().map(|(_, path)| along(path)).collect();
        flows.extend(self.mixed_flows(&timing, limit, may_exceed, placements, priced, scale));
        let mut relaxations = Vec::new();
        let mut excess = Vec::new();
        for flow in &flows {
            // Fewer bounds are bounds too.
            if self.budget.is_spent() {
                break;
            }
            let length = Length::new(&timing, flow, limit);
            if value.is_infinite() && excess.len() < EXCESSES {
                let function = tight(length.beyond_home.clone(), ROUNDS);
                excess.push(Relaxation::of_rows(function, 1.0, limit, &length.base, &length.times));
            }
            let mut function = priced.clone();
            let mut before = 0.0;
            for step in -4..=5 {
                let price = scale * 2_f64.powf(0.6 * f64::from(step));
                function.add(price - before, &length.beyond_home);
                before = price;
                function = tight(function, MORE_ROUNDS);
                relaxations.push(Relaxation::of_rows(
                    function.clone(),
                    price,
                    limit,
                    &length.base,
                    &length.times,
                ));
            }
            let bytes = relaxations.iter().map(Relaxation::bytes).max().unwrap_or(0);
            let most = (MEMORY_OF_AN_HOUR / bytes.max(1)).clamp(1, RELAXATIONS);
            relaxations = decisive(relaxations, rows.len(), may_exceed, most);
        }
        let keep = undecided(&relaxations, rows.len(), value);
        let may_exceed = may_exceed.saturating_sub(rows.len() - keep.len());
        relaxations.iter_mut().chain(&mut excess).for_each(|relaxation| relaxation.keep_rows(&keep));
        let pace = Pace::new(timing.subset(&keep), limit, may_exceed, &self.tightened);
        (Tail { may_exceed, rows: keep.len(), relaxations, excess }, pace)
    }

    /// Flows along the paths that are critical under several placements at once, each placement the least of what the flow
    /// before gave a price.
    fn mixed_flows(
        &self,
        timing: &Timing<'_>,
        limit: f64,
        may_exceed: usize,
        placements: &[&[usize]],
        priced: &Pairwise,
        scale: f64,
    ) -> Vec<Flow> {
        let critical_flow = |placement: &[usize]| {
            let mut flow = vec![0.0; self.target.scorer.problem().edges().len()];
            let critical = timing.critical(placement);
            let order = slowest(&critical);
            let near = &order[may_exceed / 2..(2 * may_exceed + 8).min(order.len())];
            for &row in near {
                critical[row].1.iter().for_each(|&edge| flow[edge] += 1.0 / near.len() as f64);
            }
            flow
        };
        let mut flows = Vec::new();
        let mut mixed = critical_flow(placements.last().copied().unwrap_or(&[]));
        for step in 1..=16_u32 {
            if step % 3 == 1 {
                flows.push(mixed.clone());
            }
            let length = Length::new(timing, &mixed, limit);
            let mut tightened = priced.clone();
            tightened.add(scale, &length.beyond_home);
            let tightened = tight(tightened, MORE_ROUNDS);
            let mut sum = self.objective.clone();
            sum.add(scale, &length.beyond_home);
            let next = critical_flow(&minimise(&sum, &tightened));
            let share = 1.0 / f64::from(step + 1);
            for (mixed, next) in mixed.iter_mut().zip(next) {
                *mixed += share * (next - *mixed);
            }
        }
        flows.push(mixed);
        flows
    }
}

/// The best placement so far.
struct Best {
    placement: Option<Vec<usize>>,
    value: f64,
}

impl Best {
    fn offer(&mut self, placement: &[usize], judge: &mut dyn Judge) -> bool {
        let Some(value) = judge.judge(&bytes(placement), self.value) else { return false };
        (self.placement, self.value) = (Some(placement.to_vec()), value);
        true
    }
}

fn bytes(placement: &[usize]) -> Vec<u8> {
    placement.iter().map(|&region| region as u8).collect()
}

fn tight(mut function: Pairwise, rounds: usize) -> Pairwise {
    let worth = WORTH * function.bound().abs();
    function.tighten(rounds, worth);
    function
}

/// Adds a limited function at the price that raises the bound most; what was tried on the way bounds too.
fn priced_up(from: &Pairwise, function: &Pairwise, at_most: f64, bounds: &mut Vec<Relaxation>) -> Pairwise {
    let scale = from.bound().abs() / at_most.abs().max(f64::MIN_POSITIVE);
    let mut best = from.clone();
    for step in -6..=10 {
        let price = scale * 2_f64.powi(step);
        let mut sum = from.clone();
        sum.add(price, function);
        sum.constant -= price * at_most;
        let sum = tight(sum, MORE_ROUNDS);
        if sum.bound() > best.bound() {
            best = sum;
        } else if step > 0 {
            bounds.push(Relaxation::new(sum));
            break;
        }
    }
    bounds.push(Relaxation::new(best.clone()));
    best
}

/// The rows by their runtime, the slowest first.
fn slowest(critical: &[(f32, Path)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..critical.len()).collect();
    order.sort_by(|&a, &b| critical[b].0.total_cmp(&critical[a].0));
    order
}

/// How many of the samples may be above a limit on a percentile: it lies between two ranks, and the lower one counts.
fn may_exceed(statistic: Statistic, samples: usize) -> usize {
    let last = samples.saturating_sub(1);
    last - (crate::estimate::share(statistic) * last as f64) as usize
}

/// The rows in which a placement that is better than `value` may keep the limit: in the others none does, and as many
/// fewer may exceed it.
fn undecided(relaxations: &[Relaxation], rows: usize, value: f64) -> Vec<usize> {
    let decided = |row: usize| {
        relaxations.iter().any(|relaxation| {
            let start = relaxation.start_rows().map_or(f32::NEG_INFINITY, |rows| rows[row]);
            f64::from(start) + relaxation.start() > value
        })
    };
    (0..rows).filter(|&row| !decided(row)).collect()
}

/// The relaxations that bound the rows about the limit best.
fn decisive(relaxations: Vec<Relaxation>, rows: usize, may_exceed: usize, most: usize) -> Vec<Relaxation> {
    let values: Vec<Vec<f32>> = relaxations
        .iter()
        .map(|relaxation| {
            let scalar = relaxation.start() as f32;
            relaxation.start_rows().unwrap_or(&[]).iter().map(|row| row + scalar).collect()
        })
        .collect();
    let best = |row: usize| {
        (0..values.len()).max_by(|&a, &b| values[a][row].total_cmp(&values[b][row])).unwrap_or(0)
    };
    let mut order: Vec<usize> = (0..rows).filter(|_| !values.is_empty()).collect();
    order.sort_by(|&a, &b| values[best(b)][b].total_cmp(&values[best(a)][a]));
    let mut wins = vec![0_usize; relaxations.len()];
    for (rank, &row) in order.iter().enumerate() {
        let near = rank >= may_exceed / 2 && rank < 2 * may_exceed + 8;
        wins[best(row)] += if near { 10 } else { 1 };
    }
    let mut kept: Vec<(usize, Relaxation)> = wins.into_iter().zip(relaxations).collect();
    kept.sort_by_key(|(wins, _)| std::cmp::Reverse(*wins));
    kept.into_iter().take(most).map(|(_, relaxation)| relaxation).collect()
}
