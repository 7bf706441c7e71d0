//! What a search is asked for.

use std::time::Instant;

use crate::limit::Limits;
use crate::objective::Objective;
use crate::problem::HOME;
use crate::score::Scorer;

/// One objective to minimise under limits, hour by hour.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What placements are scored by.
    pub scorer: &'a Scorer<'a>,
    /// What they must keep.
    pub limits: &'a Limits,
    /// What is to be as small as possible.
    pub objective: &'a Objective,
    /// The hours to search for, 0 to 23.
    pub hours: &'a [usize],
    /// For each of these hours a placement that keeps the limits: the search never ends worse. Home is one.
    pub start: &'a [Vec<u8>],
}

/// When a search may stop before it has proven its answer best.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Once no placement can be better by more than this share of the objective.
    pub gap: f64,
    /// Once this instant has passed. What was found so far is the answer, with its gap.
    pub deadline: Option<Instant>,
}

impl Budget {
    /// Whether the time is up.
    pub fn is_spent(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// The home placement of a problem.
pub fn home(scorer: &Scorer<'_>) -> Vec<u8> {
    vec![HOME as u8; scorer.problem().permitted().len()]
}
