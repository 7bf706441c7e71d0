//! One region for all stages.

use super::{Algorithm, Incumbents, Search, SolveError};
use crate::limit::Limits;
use crate::score::Scorer;

/// Tries every region that is permitted to all stages, and home.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coarse;

impl Algorithm for Coarse {
    fn search(&self, scorer: &Scorer<'_>, limits: &Limits) -> Result<Search, SolveError> {
        let permitted = scorer.problem().permitted();
        let mut incumbents = Incumbents::at_home(scorer, limits);
        let mut tried = 0;
        for region in 0..scorer.problem().regions().len() as u8 {
            if permitted.iter().all(|regions| regions.contains(&region)) {
                incumbents.consider(&vec![region; permitted.len()], tried);
                tried += 1;
            }
        }
        Ok(Search { best: incumbents.best, proven: false, scored: tried })
    }
}
