//! Lower bounds of the objective that hold for every placement of a partial one.
//!
//! A placement keeps a limit on a percentile of the runtime if at most some number of samples exceed it. So for any
//! multiplier `m >= 0` and any path, in all samples but these
//!
//! `objective(x) >= objective(x) + m (length of the path(x) - limit)`,
//!
//! and the least value of the right side over `x` bounds the objective for that sample. Several paths and multipliers give
//! each sample several bounds, of which the largest counts; and of the samples' bounds that one counts which is exceeded by
//! just as many as may exceed the limit. The right side is a sum over stages and pairs of stages, and so bounded by
//! [`Pairwise`].

use super::pairwise::{Pairwise, least};
use super::timing::Timing;

/// A bound as a sum of minima: of a scalar part, and of terms that differ from sample to sample.
#[derive(Clone, Debug)]
pub(super) struct Relaxation {
    function: Pairwise,
    least_single: Vec<f64>,
    /// By pair, by which of its stages is known, by that stage's region: the least of the terms.
    least_pair: Vec<[Vec<f64>; 2]>,
    /// By pair: the least of its terms.
    least_of_all: Vec<f64>,
    pub(super) rows: Option<Rows>,
}

/// The part of a relaxation that differs between samples.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// The constant of each row.
    base: Vec<f32>,
    /// By stage: its position in `terms`, if it is on the flow.
    position: Vec<Option<usize>>,
    /// By position and region: the term of each row.
    terms: Vec<Vec<Vec<f32>>>,
    /// By position: the least term of each row.
    least: Vec<Vec<f32>>,
    /// The constant and all least terms of each row.
    start: Vec<f32>,
}

/// The region of each stage in its domain; `FREE` where it is not decided.
pub(super) type Partial = [u8];
/// A stage that is not decided.
pub(super) const FREE: u8 = u8::MAX;

impl Relaxation {
    /// Of a tightened function.
    pub(super) fn new(function: Pairwise) -> Self {
        let least_single = function.single.iter().map(|terms| least(terms)).collect();
        let least_pair = function
            .pairs
            .iter()
            .map(|pair| {
                let rows = pair.terms.chunks_exact(pair.width).map(least).collect();
                let column = |at: usize| pair.terms.iter().skip(at).step_by(pair.width).copied();
                let columns = (0..pair.width).map(|at| column(at).fold(f64::INFINITY, f64::min)).collect();
                [rows, columns]
            })
            .collect();
        let least_of_all = function.pairs.iter().map(|pair| least(&pair.terms)).collect();
        Self { function, least_single, least_pair, least_of_all, rows: None }
    }

    /// Of a tightened function that holds `multiplier` times the mean length of a flow less the limit, made exact for
    /// each row. `times` are the flow's stages with what they take in each region and row beyond what they take at
    /// home; `base` is by how much the flow is longer than the limit with every stage at home and no distances.
    pub(super) fn of_rows(
        function: Pairwise,
        multiplier: f64,
        limit_s: f64,
        base: &[f64],
        times: &[(usize, Vec<Vec<f32>>)],
    ) -> Self {
        let mut position = vec![None; function.single.len()];
        let mut terms = Vec::with_capacity(times.len());
        let mut size = 0.0_f64;
        for (index, (stage, by_region)) in times.iter().enumerate() {
            position[*stage] = Some(index);
            let by_region: Vec<Vec<f32>> = by_region
                .iter()
                .zip(&function.single[*stage])
                .map(|(times, single)| {
                    let mean = mean(times);
                    let term = |&time: &f32| (single + multiplier * (f64::from(time) - mean)) as f32;
                    times.iter().map(term).collect()
                })
                .collect();
            size += by_region.iter().flatten().map(|term| f64::from(term.abs())).fold(0.0, f64::max);
            terms.push(by_region);
        }
        // Single precision: every sum is lowered by more than rounding can add to it.
        size += base.iter().map(|base| (multiplier * base).abs()).fold(0.0, f64::max);
        size += multiplier * limit_s;
        let rounding = (16.0 + 4.0 * terms.len() as f64) * f64::from(f32::EPSILON) * size;
        let base = base.iter().map(|base| (multiplier * base - rounding) as f32).collect();
        Self { rows: Some(Rows::new(base, position, terms)), ..Self::new(function) }
    }

    /// The same relaxation where each stage has only these of its regions left, tightened anew.
    pub(super) fn restrict(&self, kept: &[Vec<u8>], rounds: usize) -> Self {
        let mut function = self.function.restricted(kept);
        let before = function.single.clone();
        function.tighten(rounds, 0.0);
        let rows = self.rows.as_ref().map(|rows| {
            let mut terms = vec![Vec::new(); rows.terms.len()];
            for (stage, position) in rows.position.iter().enumerate() {
                let Some(position) = *position else { continue };
                for (local, &region) in kept[stage].iter().enumerate() {
                    let moved = (function.single[stage][local] - before[stage][local]) as f32;
                    let term = rows.terms[position][usize::from(region)].iter().map(|term| term + moved);
                    terms[position].push(term.collect());
                }
            }
            let size: f64 = function.single.iter().flatten().map(|term| term.abs()).fold(0.0, f64::max);
            let rounding = (terms.len() as f64 * f64::from(f32::EPSILON) * size) as f32;
            let base = rows.base.iter().map(|base| base - rounding).collect();
            Rows::new(base, rows.position.clone(), terms)
        });
        Self { rows, ..Self::new(function) }
    }

    /// Leaves all rows out but these.
    pub(super) fn keep_rows(&mut self, keep: &[usize]) {
        let Some(Rows { base, terms, least, start, .. }) = &mut self.rows else { return };
        let pick = |column: &mut Vec<f32>| *column = keep.iter().map(|&row| column[row]).collect();
        pick(base);
        pick(start);
        terms.iter_mut().flatten().chain(least).for_each(pick);
    }

    /// What its rows take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let Some(rows) = &self.rows else { return 0 };
        rows.terms.iter().flatten().chain(&rows.least).map(|column| size_of_val(column.as_slice())).sum()
    }

    /// The scalar part with nothing decided.
    pub(super) fn start(&self) -> f64 {
        let off = |stage: &usize| !self.is_on_flow(*stage);
        let singles = (0..self.least_single.len()).filter(off).map(|stage| self.least_single[stage]);
        self.function.constant + singles.sum::<f64>() + self.least_of_all.iter().sum::<f64>()
    }

    fn is_on_flow(&self, stage: usize) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.position[stage].is_some())
    }

    /// By how much a region costs more than the cheapest of a stage.
    pub(super) fn extra(&self, stage: usize, region: usize) -> f64 {
        self.function.single[stage][region] - self.least_single[stage]
    }

    /// By how much the scalar part grows when a stage is decided on top of a partial placement.
    pub(super) fn growth(&self, partial: &Partial, stage: usize, region: usize) -> f64 {
        let single = if self.is_on_flow(stage) { 0.0 } else { self.extra(stage, region) };
        let pairs = self.function.of_stage[stage].iter().map(|&index| {
            let pair = &self.function.pairs[index];
            let side = usize::from(pair.stages[0] != stage);
            let other = partial[pair.other(stage)];
            if other == FREE {
                self.least_pair[index][side][region] - self.least_of_all[index]
            } else {
                let other = usize::from(other);
                pair.seen_from(stage, region, other) - self.least_pair[index][1 - side][other]
            }
        });
        single + pairs.sum::<f64>()
    }

    /// The terms of the rows that change when a stage is decided, and what they were: `None` off the path.
    pub(super) fn row_terms(&self, stage: usize, region: usize) -> Option<(&[f32], &[f32])> {
        let rows = self.rows.as_ref()?;
        let position = rows.position[stage]?;
        Some((&rows.terms[position][region], &rows.least[position]))
    }

    /// The row parts with nothing decided.
    pub(super) fn start_rows(&self) -> Option<&[f32]> {
        self.rows.as_ref().map(|rows| rows.start.as_slice())
    }
}

impl Rows {
    fn new(base: Vec<f32>, position: Vec<Option<usize>>, terms: Vec<Vec<Vec<f32>>>) -> Self {
        let mut start = base.clone();
        let least: Vec<Vec<f32>> = terms
            .iter()
            .map(|by_region| {
                let mut least = vec![f32::INFINITY; base.len()];
                for row in by_region {
                    least.iter_mut().zip(row).for_each(|(least, &term)| *least = least.min(term));
                }
                start.iter_mut().zip(&least).for_each(|(start, least)| *start += least);
                least
            })
            .collect();
        Self { base, position, terms, least, start }
    }
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}

/// How much of a run's length is counted along each edge: of the edges into a node that were taken, each has the share
/// that its weight has of theirs; where none of them has any weight, all have the same.
pub(super) type Flow = Vec<f64>;

/// What the length of a flow is made of, in the rows of a timing: a mean of the lengths of paths that were taken, so the
/// runtime is never below it.
#[derive(Clone, Debug)]
pub(super) struct Length {
    /// By row: by how much it is longer than the limit at home with no distances.
    pub(super) base: Vec<f64>,
    /// The stages on it with what they take beyond home, by region and row.
    pub(super) times: Vec<(usize, Vec<Vec<f32>>)>,
    /// The mean length beyond home as a function of the placement.
    pub(super) beyond_home: Pairwise,
}

impl Length {
    pub(super) fn new(timing: &Timing<'_>, flow: &Flow, limit_s: f64) -> Self {
        let problem = timing.problem();
        let count = timing.rows().len();
        let mut base: Vec<f64> =
            timing.residual().iter().map(|&residual| f64::from(residual) - limit_s).collect();
        let mut times: Vec<(usize, Vec<Vec<f32>>)> = Vec::new();
        let mut beyond_home = super::linear::zero(problem);
        let mut shares = vec![vec![0.0_f32; count]; problem.nodes()];
        if let Some(result) = shares.last_mut() {
            result.fill(1.0);
        }
        for node in (0..problem.nodes()).rev() {
            let share = std::mem::take(&mut shares[node]);
            if share.iter().all(|&share| share <= 0.0) {
                continue;
            }
            let home = timing.node(node, 0);
            for ((base, &time), &share) in base.iter_mut().zip(home).zip(&share) {
                *base += f64::from(share * time);
            }
            if let Some(stage) = problem.host(node) {
                let regions = problem.permitted()[stage].len();
                let beyond = (0..regions).map(|region| {
                    let row = timing.node(node, region).iter().zip(home).zip(&share);
                    row.map(|((time, home), share)| share * (time - home)).collect::<Vec<f32>>()
                });
                match times.iter_mut().find(|(known, _)| *known == stage) {
                    None => times.push((stage, beyond.collect())),
                    Some((_, sums)) => {
                        for (sums, row) in sums.iter_mut().zip(beyond) {
                            sums.iter_mut().zip(row).for_each(|(sum, more)| *sum += more);
                        }
                    }
                }
            }
            let into: Vec<(usize, usize)> =
                problem.edges_into(node).map(|(index, edge)| (index, edge.from)).collect();
            let mut fewest = vec![f64::INFINITY; into.len()];
            for row in 0..count {
                let taken = |index: usize| timing.overhead(index)[row].is_finite();
                let weight: f64 =
                    into.iter().filter(|(index, _)| taken(*index)).map(|(index, _)| flow[*index]).sum();
                let edges = into.iter().filter(|(index, _)| taken(*index)).count() as f64;
                for ((index, from), fewest) in into.iter().zip(&mut fewest) {
                    let part = match taken(*index) {
                        false => 0.0,
                        true if weight > 0.0 => flow[*index] / weight,
                        true => 1.0 / edges,
                    };
                    let part = part as f32 * share[row];
                    if part > 0.0 {
                        shares[*from][row] += part;
                        base[row] += f64::from(part * timing.overhead(*index)[row]);
                    }
                    *fewest = fewest.min(f64::from(part * timing.trips(*index)[row]));
                }
            }
            for ((index, _), fewest) in into.into_iter().zip(fewest) {
                if fewest > 0.0 && fewest.is_finite() {
                    super::linear::add_edge(&mut beyond_home, problem, index, |from, to| {
                        fewest * timing.distance(index, from, to)
                    });
                }
            }
        }
        for (stage, by_region) in &times {
            for (term, row) in beyond_home.single[*stage].iter_mut().zip(by_region) {
                *term += mean(row);
            }
        }
        Self { base, times, beyond_home }
    }
}
