//! Random changes, biased towards regions that were good: the search of the paper, as a baseline.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::incumbent::{is_better, moved};
use super::{Algorithm, Budget, Incumbent, Rank, Search, SolveError, Target, root_bounds};
use crate::score::Scratch;

/// The biased stochastic search of Gsteiger et al., "Caribou" (SOSP 2024), with the constants of its implementation.
///
/// It tries one region for all stages, then changes a fixed share of the stages at a time. A region that made a plan the
/// best so far is drawn more often from then on. A plan that is no new best is built upon nevertheless with a probability
/// that falls with its distance from the best, relative to where the search started, and with a temperature that cools
/// at every step; the original's distance is a metric in its own unit. It proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heuristic {
    /// The same seed makes the same changes.
    pub seed: u64,
}

/// Steps for each stage and region.
const STEPS: usize = 3;
/// Share of the stages that a step moves, beside one.
const LEARNING_RATE: f64 = 0.2;
/// How often a region that was good is drawn.
const BIAS: f64 = 0.2;
/// What is left of the temperature after a step.
const COOLING: f64 = 0.99;

impl Algorithm for Heuristic {
    fn search(&self, target: &Target<'_>, budget: &Budget) -> Result<Search, SolveError> {
        let hours = target.hours.par_iter().zip(target.start);
        let found: Vec<(Incumbent, u64)> = hours
            .map_init(
                || target.scorer.scratch(),
                |scratch, (&hour, start)| {
                    let random = Pcg64Mcg::seed_from_u64(self.seed ^ (hour as u64) << 32);
                    Walk::new(target, hour, start, random, scratch).run(budget)
                },
            )
            .collect();
        let scored = found.iter().map(|(_, scored)| scored).sum();
        let best = found.into_iter().map(|(best, _)| best).collect();
        Ok(Search { best, bounds: root_bounds(target), scored })
    }
}

/// The search of one hour.
struct Walk<'w> {
    target: &'w Target<'w>,
    hour: usize,
    random: Pcg64Mcg,
    scratch: &'w mut Scratch,
    best: Incumbent,
    /// The value that distances are relative to.
    unit: f64,
    good: Vec<u8>,
    scored: u64,
}

impl<'w> Walk<'w> {
    fn new(
        target: &'w Target<'w>,
        hour: usize,
        start: &[u8],
        random: Pcg64Mcg,
        scratch: &'w mut Scratch,
    ) -> Self {
        let rank = Rank::of(target, start, hour, scratch);
        let value = rank.value;
        let best = Incumbent { placement: start.to_vec(), rank };
        let unit = if value > 0.0 { value } else { 1.0 };
        Self { target, hour, random, scratch, best, unit, good: Vec::new(), scored: 1 }
    }

    fn run(mut self, budget: &Budget) -> (Incumbent, u64) {
        let permitted = self.target.scorer.problem().permitted();
        let regions = self.target.scorer.problem().regions().len();
        let stages = permitted.len();
        let mut current = self.best.placement.clone();
        for region in 0..regions as u8 {
            if permitted.iter().all(|permitted| permitted.contains(&region)) {
                let everywhere = vec![region; stages];
                self.judge(&everywhere, &current);
            }
        }
        let changes = (stages as f64 * LEARNING_RATE) as usize + 1;
        let mut temperature = 1.0;
        for _ in 0..STEPS * stages * regions {
            if stages == 0 || budget.is_spent() {
                break;
            }
            let mut next = current.clone();
            for _ in 0..changes {
                let stage = self.random.random_range(0..stages);
                next[stage] = self.region(&permitted[stage]);
            }
            let verdict = self.judge(&next, &current);
            let accepted = match verdict {
                Verdict::Forbidden => false,
                Verdict::Best => true,
                Verdict::Worse(distance) => {
                    self.random.random::<f64>() < (-distance / self.unit / temperature).exp2()
                }
            };
            if accepted {
                current = next;
            }
            temperature *= COOLING;
        }
        (self.best, self.scored)
    }

    /// A region for a stage.
    fn region(&mut self, permitted: &[u8]) -> u8 {
        let drawn = |random: &mut Pcg64Mcg, regions: &[u8]| regions[random.random_range(0..regions.len())];
        if self.random.random::<f64>() < BIAS {
            let good: Vec<u8> =
                self.good.iter().copied().filter(|region| permitted.contains(region)).collect();
            if !good.is_empty() {
                return drawn(&mut self.random, &good);
            }
        }
        drawn(&mut self.random, permitted)
    }

    fn judge(&mut self, placement: &[u8], current: &[u8]) -> Verdict {
        let Target { scorer, limits, objective, .. } = *self.target;
        self.scored += 1;
        let mut evaluation = scorer.evaluate(placement, self.scratch);
        if !limits.permit(&mut evaluation, self.hour) {
            return Verdict::Forbidden;
        }
        let broken_soft = limits.broken_soft(&mut evaluation, self.hour);
        let rank =
            Rank { broken_soft, value: objective.value(&mut evaluation, self.hour), moved: moved(placement) };
        if !is_better(&rank, placement, &self.best) {
            return Verdict::Worse((rank.value - self.best.rank.value).max(0.0));
        }
        for (&region, &before) in placement.iter().zip(current) {
            if region != before && !self.good.contains(&region) {
                self.good.push(region);
            }
        }
        self.best = Incumbent { placement: placement.to_vec(), rank };
        Verdict::Best
    }
}

/// What a plan is to the search.
enum Verdict {
    /// It breaks a limit.
    Forbidden,
    /// It is the best so far.
    Best,
    /// It is so much worse than the best, in the objective's unit.
    Worse(f64),
}
