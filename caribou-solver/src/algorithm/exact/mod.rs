//! The best placement, with a proof: branch and bound.
//!
//! Mean carbon and cost are sums over stages and edges, so the placement with the least is found, and its bound proven, by
//! tightening that sum ([`pairwise`]). Limits on runtime tie all stages together: each such limit gives bounds by
//! relaxation, sample by sample ([`relaxation`]). Good placements come from pricing what is limited and from single moves
//! ([`root`]); what is left between the best of them and the bound is searched region by region ([`tree`]). Soft limits are hard
//! ones for as many of them at once as can be kept ([`soft`]).

use std::time::{Duration, Instant};

use rayon::iter::{
    IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator,
};

use super::{Algorithm, Budget, Search, SolveError, Target};
use crate::score::Scratch;

mod linear;
mod local;
mod pace;
mod pairwise;
mod relaxation;
mod root;
mod soft;
mod state;
#[cfg(test)]
mod tests;
mod timing;
mod tree;

use root::Root;
use timing::Timing;
use tree::{Judge, Tree};

/// Proves its answer best up to the budget's gap, or says by how much it may be off when the time is up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exact;

impl Algorithm for Exact {
    fn search(&self, target: &Target<'_>, budget: &Budget) -> Result<Search, SolveError> {
        let all = Timing::new(target.scorer, (0..target.scorer.samples().len()).collect());
        Ok(soft::search(target, &all, budget))
    }
}

/// What was found for an hour under hard limits alone.
struct HourResult {
    placement: Option<Vec<u8>>,
    /// Its objective.
    value: f64,
    /// What the objective of no placement that keeps the limits is below; infinite where none keeps them.
    bound: f64,
    scored: u64,
}

/// Searches all hours of a target, its soft limits left aside.
fn search_hard(target: &Target<'_>, all: &Timing<'_>, budget: &Budget) -> Vec<HourResult> {
    let mut searches: Vec<HourSearch<'_>> = target
        .hours
        .par_iter()
        .zip(target.start)
        .map(|(&hour, start)| HourSearch::new(target, hour, start, all, budget))
        .collect();
    loop {
        share(&mut searches);
        let mut open: Vec<&mut HourSearch<'_>> =
            searches.iter_mut().filter(|search| !search.tree.is_done(budget.gap)).collect();
        if open.is_empty() || budget.is_spent() {
            break;
        }
        let slice = slice(budget, open.len());
        let progress: Vec<bool> = open.par_iter_mut().map(|search| search.grow(budget.gap, slice)).collect();
        if !progress.contains(&true) {
            break;
        }
    }
    searches.into_iter().map(HourSearch::into_result).collect()
}

/// The time that each of this many open hours may take before the others have had theirs.
fn slice(budget: &Budget, open: usize) -> Option<Duration> {
    let left = budget.deadline?.saturating_duration_since(Instant::now());
    let threads = rayon::current_num_threads().min(open);
    Some((left.saturating_mul(threads as u32) / open as u32).max(Duration::from_millis(5)))
}

/// Offers the best placement of each hour to all others.
fn share(searches: &mut [HourSearch<'_>]) {
    let mut found: Vec<Vec<u8>> =
        searches.iter().filter_map(|search| search.tree.best().map(|(best, _)| best.clone())).collect();
    found.sort_unstable();
    found.dedup();
    searches.par_iter_mut().for_each(|search| {
        for placement in &found {
            search.tree.offer(placement, &mut search.judge);
        }
    });
}

/// The search of one hour.
struct HourSearch<'a> {
    tree: Tree<'a>,
    judge: HourJudge<'a>,
}

impl<'a> HourSearch<'a> {
    fn new(target: &Target<'a>, hour: usize, start: &[u8], all: &'a Timing<'a>, budget: &Budget) -> Self {
        let problem = target.scorer.problem();
        let mut judge = HourJudge::new(target, hour);
        let root = Root::new(target, hour, all, budget);
        let positions = start.iter().zip(problem.permitted());
        let positions: Vec<usize> = positions
            .map(|(region, permitted)| permitted.iter().position(|other| other == region).unwrap_or(0))
            .collect();
        let (best, multiplier) = root.improve(&positions, &mut judge);
        let (bounds, paces) = root.bounds(best.as_ref(), multiplier);
        let domains = problem.permitted().iter().map(|regions| regions.len() as u8).collect();
        let best =
            best.map(|(placement, value)| (placement.iter().map(|&region| region as u8).collect(), value));
        Self { tree: Tree::new(bounds, paces, domains, best), judge }
    }

    fn grow(&mut self, gap: f64, slice: Option<Duration>) -> bool {
        let before = self.tree.expanded();
        let until = slice.map(|slice| Instant::now() + slice);
        let stop = || until.is_some_and(|until| Instant::now() >= until);
        self.tree.grow(gap, &mut self.judge, &stop);
        self.tree.expanded() > before
    }

    fn into_result(self) -> HourResult {
        HourResult {
            placement: self.tree.best().map(|(best, _)| self.judge.regions_of(best)),
            value: self.tree.best().map_or(f64::INFINITY, |(_, value)| *value),
            bound: self.tree.bound(),
            scored: self.judge.scored,
        }
    }
}

/// Scores whole placements of one hour.
struct HourJudge<'a> {
    target: Target<'a>,
    hour: usize,
    scratch: Scratch,
    regions: Vec<u8>,
    scored: u64,
}

impl<'a> HourJudge<'a> {
    fn new(target: &Target<'a>, hour: usize) -> Self {
        Self { target: *target, hour, scratch: target.scorer.scratch(), regions: Vec::new(), scored: 0 }
    }

    fn regions_of(&self, positions: &[u8]) -> Vec<u8> {
        let permitted = self.target.scorer.problem().permitted();
        positions.iter().zip(permitted).map(|(&position, regions)| regions[usize::from(position)]).collect()
    }
}

impl Judge for HourJudge<'_> {
    fn judge(&mut self, placement: &[u8], below: f64) -> Option<f64> {
        self.regions = self.regions_of(placement);
        let Target { scorer, limits, objective, .. } = self.target;
        let mut evaluation = scorer.evaluate(&self.regions, &mut self.scratch);
        self.scored += 1;
        if objective.known_part(evaluation.means(), self.hour) >= below {
            return None;
        }
        let value = objective.value(&mut evaluation, self.hour);
        (value < below && limits.permit(&mut evaluation, self.hour)).then_some(value)
    }
}
