//! The search for the best placement of each hour.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use caribou_model::{HOURS, Metric, PlanError, Statistic};
use serde::{Deserialize, Serialize};

use crate::limit::Limits;
use crate::problem::HOME;
use crate::score::{Evaluation, Scorer, Scratch};

mod coarse;
mod exhaustive;

pub use coarse::Coarse;
pub use exhaustive::Exhaustive;

/// A way to search. Home is always a candidate, so no search ends worse than home.
pub trait Algorithm {
    /// Finds a placement for each hour.
    ///
    /// # Errors
    ///
    /// [`SolveError`] if the problem is beyond the algorithm.
    fn search(&self, scorer: &Scorer<'_>, limits: &Limits) -> Result<Search, SolveError>;
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Search {
    /// The best placement of each hour.
    pub best: Vec<Incumbent>,
    /// Whether no permitted placement is better.
    pub proven: bool,
    /// How many placements were scored.
    pub scored: u64,
}

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// Too many placements to try all.
    #[error(
        "exhaustive search would score {placements} placements, more than the limit of {limit}; allow fewer regions, or \
         choose another algorithm (`coarse`)"
    )]
    TooManyPlacements {
        /// How many there are.
        placements: u64,
        /// How many may be tried.
        limit: u64,
    },
    /// A hard limit that not even the home plan keeps.
    #[error(
        "the home plan itself breaks a hard limit: {statistic:?} {metric:?} at hour {hour} is {at_home:.6}, the limit \
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
    #[default]
    Exhaustive,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Coarse => "coarse",
            Self::Exhaustive => "exhaustive",
        })
    }
}

/// A text that names no algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no algorithm; the algorithms are `coarse` and `exhaustive`")]
pub struct UnknownMethod(String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        [Self::Coarse, Self::Exhaustive]
            .into_iter()
            .find(|method| method.to_string() == text)
            .ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}

/// The best placement of an hour so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Incumbent {
    /// Region index by stage.
    pub placement: Vec<u8>,
    /// What it is judged by.
    pub rank: Rank,
    /// How many placements would have been better, but for a hard limit. Complete where home is the best.
    pub forbidden: u64,
}

/// What placements are compared by: broken soft limits, then the metrics by priority, then stages away from home, then
/// their order. No two placements of one search have the same rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rank {
    /// Soft limits that it breaks.
    pub broken_soft: u32,
    /// Means of the metrics, most important first.
    pub means: [f64; 3],
    /// Stages that do not run at home.
    pub moved: u32,
    /// Position in the search's order.
    pub position: u64,
}

impl Rank {
    fn compare(&self, other: &Self) -> Ordering {
        let by_means =
            || self.means.iter().zip(&other.means).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
        self.broken_soft
            .cmp(&other.broken_soft)
            .then_with(|| by_means().unwrap_or(Ordering::Equal))
            .then_with(|| (self.moved, self.position).cmp(&(other.moved, other.position)))
    }
}

/// The best placements of all hours so far, and the buffers to judge the next by.
#[derive(Clone)]
struct Incumbents<'a> {
    scorer: &'a Scorer<'a>,
    limits: &'a Limits,
    scratch: Scratch,
    best: Vec<Incumbent>,
}

impl<'a> Incumbents<'a> {
    /// The home plan at every hour.
    fn at_home(scorer: &'a Scorer<'a>, limits: &'a Limits) -> Self {
        let home = vec![HOME as u8; scorer.problem().permitted().len()];
        let mut scratch = scorer.scratch();
        let mut evaluation = scorer.evaluate(&home, &mut scratch);
        let best = (0..HOURS)
            .map(|hour| {
                let broken_soft = limits.broken_soft(&mut evaluation, hour);
                let means = means(&mut evaluation, scorer.problem().priority(), hour);
                let rank = Rank { broken_soft, means, moved: 0, position: 0 };
                Incumbent { placement: home.clone(), rank, forbidden: 0 }
            })
            .collect();
        Self { scorer, limits, scratch, best }
    }

    /// Judges a placement for every hour. What needs the samples is computed only where it may decide.
    fn consider(&mut self, placement: &[u8], position: u64) {
        let priority = self.scorer.problem().priority();
        let moved = placement.iter().filter(|&&region| usize::from(region) != HOME).count() as u32;
        let mut evaluation = self.scorer.evaluate(placement, &mut self.scratch);
        for (hour, best) in self.best.iter_mut().enumerate() {
            let broken_soft = self.limits.surely_broken_soft(&mut evaluation, hour);
            let means_at_best = cheap_means(&evaluation, priority, hour);
            let at_best = Rank { broken_soft, means: means_at_best, moved, position };
            if at_best.compare(&best.rank).is_ge() {
                continue;
            }
            let broken_soft = self.limits.broken_soft(&mut evaluation, hour);
            let rank = Rank { broken_soft, means: means(&mut evaluation, priority, hour), moved, position };
            if rank.compare(&best.rank).is_ge() {
                continue;
            }
            if self.limits.permit(&mut evaluation, hour) {
                best.rank = rank;
                best.placement.copy_from_slice(placement);
            } else {
                best.forbidden += 1;
            }
        }
    }

    /// The better of both at every hour.
    fn merge(mut self, other: Self) -> Self {
        for (best, other) in self.best.iter_mut().zip(other.best) {
            let forbidden = best.forbidden + other.forbidden;
            if other.rank.compare(&best.rank).is_lt() {
                *best = other;
            }
            best.forbidden = forbidden;
        }
        self
    }
}

/// The means by priority at an hour.
fn means(evaluation: &mut Evaluation<'_>, priority: &[Metric], hour: usize) -> [f64; 3] {
    std::array::from_fn(|index| {
        priority.get(index).map_or(0.0, |&metric| evaluation.value(metric, Statistic::Average, hour))
    })
}

/// The same, with the best that can be where the samples would be needed.
fn cheap_means(evaluation: &Evaluation<'_>, priority: &[Metric], hour: usize) -> [f64; 3] {
    std::array::from_fn(|index| match priority.get(index) {
        Some(Metric::Carbon) => evaluation.means().carbon[hour],
        Some(Metric::Cost) => evaluation.means().cost,
        Some(Metric::Runtime) => f64::NEG_INFINITY,
        None => 0.0,
    })
}
