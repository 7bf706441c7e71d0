//! The manifest's constraints, as figures by hour.

use caribou_model::{HOURS, Limit, Metric, Statistic, Strictness};

use crate::algorithm::SolveError;
use crate::score::{Evaluation, Scorer, Scratch};

/// Hard and soft limits of a problem.
#[derive(Clone, Debug)]
pub struct Limits {
    hard: Vec<Bound>,
    soft: Vec<Bound>,
}

#[derive(Clone, Debug)]
struct Bound {
    metric: Metric,
    statistic: Statistic,
    at_most: [f64; HOURS],
}

/// What rounding may add to a figure before it breaks a limit.
const TOLERANCE: f64 = 1.0 + 1e-9;

impl Limits {
    /// Turns the constraints into figures by means of the home plan.
    ///
    /// # Errors
    ///
    /// [`SolveError::HomeBreaksLimit`] if the home plan itself breaks a hard limit.
    pub(crate) fn new(scorer: &Scorer<'_>, scratch: &mut Scratch) -> Result<Self, SolveError> {
        let home_placement = vec![0; scorer.problem().permitted().len()];
        let mut home = scorer.evaluate(&home_placement, scratch);
        let mut limits = Self { hard: Vec::new(), soft: Vec::new() };
        for constraint in scorer.problem().constraints() {
            let (metric, statistic) = (constraint.metric, constraint.statistic);
            let mut at_most = [0.0; HOURS];
            for (hour, limit) in at_most.iter_mut().enumerate() {
                let at_home = home.value(metric, statistic, hour);
                *limit = match constraint.limit {
                    Limit::Absolute(limit) => limit,
                    Limit::RelativeToHome(factor) => factor * at_home,
                };
                if constraint.strictness == Strictness::Hard && at_home > *limit * TOLERANCE {
                    let limit = *limit;
                    return Err(SolveError::HomeBreaksLimit {
                        metric,
                        statistic,
                        hour: hour as u8,
                        limit,
                        at_home,
                    });
                }
            }
            let bound = Bound { metric, statistic, at_most };
            match constraint.strictness {
                Strictness::Hard => limits.hard.push(bound),
                Strictness::Soft => limits.soft.push(bound),
            }
        }
        Ok(limits)
    }

    /// Whether a placement keeps every hard limit at an hour.
    pub fn permit(&self, placement: &mut Evaluation<'_>, hour: usize) -> bool {
        !self.hard.iter().any(|bound| bound.is_broken(placement, hour))
    }

    /// How many soft limits a placement breaks at an hour.
    pub fn broken_soft(&self, placement: &mut Evaluation<'_>, hour: usize) -> u32 {
        self.soft.iter().map(|bound| u32::from(bound.is_broken(placement, hour))).sum()
    }

    /// How many soft limits a placement breaks at an hour at the least, as far as can be told without the samples.
    pub(crate) fn surely_broken_soft(&self, placement: &mut Evaluation<'_>, hour: usize) -> u32 {
        let known = |bound: &&Bound| bound.statistic == Statistic::Average && bound.metric != Metric::Runtime;
        self.soft.iter().filter(known).map(|bound| u32::from(bound.is_broken(placement, hour))).sum()
    }
}

impl Bound {
    fn is_broken(&self, placement: &mut Evaluation<'_>, hour: usize) -> bool {
        placement.value(self.metric, self.statistic, hour) > self.at_most[hour] * TOLERANCE
    }
}
