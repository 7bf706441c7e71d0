//! One region for all stages.

use super::incumbent::Incumbents;
use super::{Algorithm, Budget, Search, SolveError, Target};

/// Tries every region that is permitted to all stages, and home.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coarse;

impl Algorithm for Coarse {
    fn search(&self, target: &Target<'_>, _: &Budget) -> Result<Search, SolveError> {
        let permitted = target.scorer.problem().permitted();
        let mut incumbents = Incumbents::new(target);
        let mut scored = 0;
        for region in 0..target.scorer.problem().regions().len() as u8 {
            if permitted.iter().all(|regions| regions.contains(&region)) {
                incumbents.consider(&vec![region; permitted.len()]);
                scored += 1;
            }
        }
        Ok(Search { best: incumbents.into_best(), bounds: super::root_bounds(target), scored })
    }
}
