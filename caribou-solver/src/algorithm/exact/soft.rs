//! Soft limits: the fewest broken come first.

use super::super::incumbent::{Incumbent, Rank};
use super::super::{Budget, Search, Target, root_bounds};
use super::timing::Timing;
use super::{HourResult, search_hard};

/// Searches with every set of soft limits as hard ones, the largest sets first, until for each hour a set can be kept.
pub(super) fn search(target: &Target<'_>, all: &Timing<'_>, budget: &Budget) -> Search {
    let soft = target.limits.soft().len();
    let free = root_bounds(target);
    let mut found: Vec<Option<HourResult>> = target.hours.iter().map(|_| None).collect();
    // What sets bound that were neither kept nor proven impossible.
    let mut unresolved = vec![f64::INFINITY; target.hours.len()];
    let mut scored = 0;
    // Above these ceilings a search before this one has found how many limits must be broken.
    let first = if target.limits.ceilings().is_empty() { 0 } else { least_broken(target) };
    for broken in first..=soft {
        let open: Vec<usize> = (0..found.len()).filter(|&index| found[index].is_none()).collect();
        if open.is_empty() || (broken > first && budget.is_spent()) {
            break;
        }
        let hours: Vec<usize> = open.iter().map(|&index| target.hours[index]).collect();
        let start: Vec<Vec<u8>> = open.iter().map(|&index| target.start[index].clone()).collect();
        let sets = (0..1_u64 << soft.min(63)).filter(|set| set.count_ones() as usize == soft - broken);
        for (number, kept) in sets.enumerate() {
            if number > 0 && budget.is_spent() {
                for &index in &open {
                    unresolved[index] = unresolved[index].min(free[index]);
                }
                break;
            }
            let limits = target.limits.with_soft_as_hard(|index| kept & (1 << index) != 0);
            let part = Target { limits: &limits, hours: &hours, start: &start, ..*target };
            for (&index, result) in open.iter().zip(search_hard(&part, all, budget)) {
                scored += result.scored;
                if result.placement.is_none() {
                    unresolved[index] = unresolved[index].min(result.bound);
                } else {
                    take(&mut found[index], result);
                }
            }
        }
    }
    let mut best = Vec::with_capacity(found.len());
    let mut bounds = Vec::with_capacity(found.len());
    for (index, result) in found.into_iter().enumerate() {
        let incumbent = incumbent(target, index, result.as_ref().and_then(|result| result.placement.clone()));
        let bound = result.map_or(free[index], |result| result.bound).min(unresolved[index]);
        bounds.push(bound.max(free[index]).min(incumbent.rank.value));
        best.push(incumbent);
    }
    Search { best, bounds, scored }
}

/// Keeps the better of two results of one hour that both have a placement.
fn take(found: &mut Option<HourResult>, result: HourResult) {
    *found = Some(match found.take() {
        None => result,
        Some(before) => {
            let bound = before.bound.min(result.bound);
            HourResult { bound, ..if result.value < before.value { result } else { before } }
        }
    });
}

/// The fewest soft limits that a start breaks.
fn least_broken(target: &Target<'_>) -> usize {
    (0..target.hours.len())
        .map(|index| incumbent(target, index, None).rank.broken_soft as usize)
        .min()
        .unwrap_or(0)
}

/// A placement with its rank; the start where there is none.
fn incumbent(target: &Target<'_>, index: usize, placement: Option<Vec<u8>>) -> Incumbent {
    let placement = placement.unwrap_or_else(|| target.start[index].clone());
    let hour = target.hours[index];
    let mut scratch = target.scorer.scratch();
    let rank = Rank::of(target, &placement, hour, &mut scratch);
    Incumbent { placement, rank }
}
