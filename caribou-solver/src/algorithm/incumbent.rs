//! The best placements so far.

use std::cmp::Ordering;

use super::Target;
use crate::problem::HOME;
use crate::score::Scratch;

/// The best placement of an hour so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Incumbent {
    /// Region index by stage.
    pub placement: Vec<u8>,
    /// What it is judged by.
    pub rank: Rank,
}

/// What placements are compared by: broken soft limits, then the objective, then stages away from home. Of two that
/// are equal in all, the one whose regions come first is better, so that every search ends with the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rank {
    /// Soft limits that it breaks.
    pub broken_soft: u32,
    /// The objective's value.
    pub value: f64,
    /// Stages that do not run at home.
    pub moved: u32,
}

impl Rank {
    /// What a placement is judged by at an hour of a target.
    pub(crate) fn of(target: &Target<'_>, placement: &[u8], hour: usize, scratch: &mut Scratch) -> Self {
        let mut evaluation = target.scorer.evaluate(placement, scratch);
        Self {
            broken_soft: target.limits.broken_soft(&mut evaluation, hour),
            value: target.objective.value(&mut evaluation, hour),
            moved: moved(placement),
        }
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.broken_soft
            .cmp(&other.broken_soft)
            .then_with(|| self.value.total_cmp(&other.value))
            .then_with(|| self.moved.cmp(&other.moved))
    }
}

/// The best placements of all hours of a target so far, and the buffers to judge the next by.
#[derive(Clone)]
pub(crate) struct Incumbents<'a> {
    target: Target<'a>,
    scratch: Scratch,
    best: Vec<Incumbent>,
}

impl<'a> Incumbents<'a> {
    /// Where the target says to start.
    pub(crate) fn new(target: &Target<'a>) -> Self {
        let mut scratch = target.scorer.scratch();
        let starts = target.hours.iter().zip(target.start);
        let best = starts
            .map(|(&hour, placement)| {
                let rank = Rank::of(target, placement, hour, &mut scratch);
                Incumbent { placement: placement.clone(), rank }
            })
            .collect();
        Self { target: *target, scratch, best }
    }

    /// Ends the search.
    pub(crate) fn into_best(self) -> Vec<Incumbent> {
        self.best
    }

    /// Judges a placement for every hour. What needs the samples is computed only where it may decide.
    pub(crate) fn consider(&mut self, placement: &[u8]) {
        let Target { scorer, limits, objective, hours, .. } = self.target;
        let moved = moved(placement);
        let mut evaluation = scorer.evaluate(placement, &mut self.scratch);
        for (&hour, best) in hours.iter().zip(&mut self.best) {
            let broken_soft = limits.surely_broken_soft(&mut evaluation, hour);
            let at_best = Rank { broken_soft, value: objective.known_part(evaluation.means(), hour), moved };
            if !is_better(&at_best, placement, best) {
                continue;
            }
            let broken_soft = limits.broken_soft(&mut evaluation, hour);
            let rank = Rank { broken_soft, value: objective.value(&mut evaluation, hour), moved };
            if is_better(&rank, placement, best) && limits.permit(&mut evaluation, hour) {
                best.rank = rank;
                best.placement.copy_from_slice(placement);
            }
        }
    }

    /// The better of both at every hour.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        for (best, other) in self.best.iter_mut().zip(other.best) {
            if is_better(&other.rank, &other.placement, best) {
                *best = other;
            }
        }
        self
    }
}

/// Stages that do not run at home.
pub(crate) fn moved(placement: &[u8]) -> u32 {
    placement.iter().filter(|&&region| usize::from(region) != HOME).count() as u32
}

pub(crate) fn is_better(rank: &Rank, placement: &[u8], best: &Incumbent) -> bool {
    rank.compare(&best.rank).then_with(|| placement.cmp(&best.placement)).is_lt()
}
