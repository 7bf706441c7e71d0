//! The search for the best placement of each hour.

use std::fmt;
use std::str::FromStr;

use caribou_model::{HOURS, Metric, PlanError, Statistic};
use serde::{Deserialize, Serialize};

use crate::solve::Settings;

mod coarse;
mod exact;
mod exhaustive;
mod heuristic;
mod incumbent;
mod target;

pub use coarse::Coarse;
pub use exact::Exact;
pub use exhaustive::Exhaustive;
pub use heuristic::Heuristic;
pub(crate) use incumbent::moved;
pub use incumbent::{Incumbent, Rank};
pub use target::home;
pub use target::{Budget, Target};

/// A way to search. Where a search starts is always a candidate, so none ends worse than home.
pub trait Algorithm: Sync {
    /// Finds a placement for each hour of the target.
    ///
    /// # Errors
    ///
    /// [`SolveError`] if the problem is beyond the algorithm.
    fn search(&self, target: &Target<'_>, budget: &Budget) -> Result<Search, SolveError>;
}

/// What a search found, in the order of the target's hours.
#[derive(Clone, Debug)]
pub struct Search {
    /// The best placement of each hour.
    pub best: Vec<Incumbent>,
    /// For each hour what the objective of no placement can be below: its value, where it is proven best.
    pub bounds: Vec<f64>,
    /// How many placements were scored.
    pub scored: u64,
}

/// Bounds that need no search: every node and every edge where it is best on its own.
fn root_bounds(target: &Target<'_>) -> Vec<f64> {
    let mut scratch = target.scorer.scratch();
    let mut bounds = vec![0.0; target.hours.len()];
    for metric in Metric::ALL {
        if target.hours.iter().all(|&hour| target.objective.weight(metric, hour) <= 0.0) {
            continue;
        }
        let least: [f64; HOURS] = target.scorer.lower_bound(metric, &mut scratch);
        for (bound, &hour) in bounds.iter_mut().zip(target.hours) {
            *bound += target.objective.weight(metric, hour) * least[hour];
        }
    }
    bounds
}

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// Too many placements to try all.
    #[error(
        "exhaustive search would score {placements} placements, more than the limit of {limit}; allow fewer regions, or \
         choose another algorithm (`exact`)"
    )]
    TooManyPlacements {
        /// How many there are.
        placements: u64,
        /// How many may be tried.
        limit: u64,
    },
    /// A hard limit that not even the home plan keeps.
    #[error(
        "the home plan itself breaks a hard limit: {statistic} {metric} at hour {hour} is {at_home:.6}, the limit \
         {limit:.6}; raise the limit, make it soft, or choose another home"
    )]
    HomeBreaksLimit {
        /// What is limited.
        metric: Metric,
        /// Of what statistic of it.
        statistic: Statistic,
        /// The first hour at which it is broken.
        hour: u8,
        /// The limit, in the metric's unit.
        limit: f64,
        /// The home plan's figure.
        at_home: f64,
    },
    /// A placement that is none of the problem's.
    #[error("the placement uses a region that its stage may not use, or is of another workflow; solve again")]
    NotPermitted,
    /// A placement that a plan cannot hold.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The operating system gave no threads.
    #[error("no threads for the search: {0}; ask for fewer")]
    Threads(String),
}

/// The algorithms that can be chosen by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// One region for all stages.
    Coarse,
    /// Every placement.
    Exhaustive,
    /// Random changes, biased towards regions that were good.
    Heuristic,
    /// Branch and bound.
    #[default]
    Exact,
}

impl Method {
    /// The algorithm of this name.
    pub fn algorithm(self, settings: &Settings) -> Box<dyn Algorithm> {
        match self {
            Self::Coarse => Box::new(Coarse),
            Self::Exhaustive => Box::new(Exhaustive { limit: settings.most_placements }),
            Self::Heuristic => Box::new(Heuristic { seed: settings.seed }),
            Self::Exact => Box::new(Exact),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Coarse => "coarse",
            Self::Exhaustive => "exhaustive",
            Self::Heuristic => "heuristic",
            Self::Exact => "exact",
        })
    }
}

/// A text that names no algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no algorithm; the algorithms are `exact`, `exhaustive`, `coarse` and `heuristic`")]
pub struct UnknownMethod(String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        [Self::Exact, Self::Exhaustive, Self::Coarse, Self::Heuristic]
            .into_iter()
            .find(|method| method.to_string() == text)
            .ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}
