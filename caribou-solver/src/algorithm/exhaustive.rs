//! Every placement.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::incumbent::Incumbents;
use super::{Algorithm, Budget, Search, SolveError, Target};

/// Tries every placement, and so proves its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exhaustive {
    /// More placements than this are refused.
    pub limit: u64,
}

impl Exhaustive {
    /// Placements that are tried unless the user sets another limit: 20 regions on 4 stages with room to spare.
    pub const DEFAULT_LIMIT: u64 = 1_000_000;
}

impl Default for Exhaustive {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT }
    }
}

/// Placements that one task tries one after the other, so that its incumbents spare it most of the work.
const BATCH: u64 = 4096;

impl Algorithm for Exhaustive {
    fn search(&self, target: &Target<'_>, _: &Budget) -> Result<Search, SolveError> {
        let placements = target.scorer.problem().placements();
        if placements > self.limit {
            return Err(SolveError::TooManyPlacements { placements, limit: self.limit });
        }
        let permitted = target.scorer.problem().permitted();
        let start = Incumbents::new(target);
        let incumbents = (0..placements.div_ceil(BATCH))
            .into_par_iter()
            .fold(
                || start.clone(),
                |mut incumbents, batch| {
                    let mut placement = vec![0; permitted.len()];
                    for position in batch * BATCH..placements.min((batch + 1) * BATCH) {
                        decode(position, permitted, &mut placement);
                        incumbents.consider(&placement);
                    }
                    incumbents
                },
            )
            .reduce(|| start.clone(), Incumbents::merge);
        let best = incumbents.into_best();
        Ok(Search { bounds: best.iter().map(|best| best.rank.value).collect(), best, scored: placements })
    }
}

/// The placement at a position: its digits, the first stage's first, in the base that each stage's regions give.
fn decode(mut position: u64, permitted: &[Vec<u8>], placement: &mut [u8]) {
    for (region, regions) in placement.iter_mut().zip(permitted) {
        let base = regions.len() as u64;
        *region = regions[(position % base) as usize];
        position /= base;
    }
}
