//! What a placement must keep: the manifest's constraints as figures by hour, and what earlier searches reached.

use caribou_model::{HOURS, Limit, Metric, Statistic, Strictness};

use crate::algorithm::SolveError;
use crate::objective::Objective;
use crate::score::{Evaluation, Scorer, Scratch};

/// Hard and soft limits of a problem, and ceilings on objectives of a higher priority.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    hard: Vec<Bound>,
    soft: Vec<Bound>,
    ceilings: Vec<Ceiling>,
}

/// A statistic of a metric that may not be larger than a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// What is limited.
    pub metric: Metric,
    /// Of what statistic of it.
    pub statistic: Statistic,
    /// The figure by hour, in the metric's unit.
    pub at_most: [f64; HOURS],
}

/// An objective that may not be larger than what a search reached for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceiling {
    /// The objective.
    pub objective: Objective,
    /// The figure by hour.
    pub at_most: [f64; HOURS],
}

/// What rounding may add to a figure before it breaks a limit.
pub(crate) const TOLERANCE: f64 = 1.0 + 1e-9;

impl Limits {
    /// Turns the constraints into figures by means of the home plan.
    ///
    /// # Errors
    ///
    /// [`SolveError::HomeBreaksLimit`] if the home plan itself breaks a hard limit.
    pub fn new(scorer: &Scorer<'_>, scratch: &mut Scratch) -> Result<Self, SolveError> {
        let home_placement = vec![0; scorer.problem().permitted().len()];
        let mut home = scorer.evaluate(&home_placement, scratch);
        let mut limits = Self::default();
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

    /// The hard limits.
    pub fn hard(&self) -> &[Bound] {
        &self.hard
    }

    /// The soft limits.
    pub fn soft(&self) -> &[Bound] {
        &self.soft
    }

    /// The ceilings.
    pub fn ceilings(&self) -> &[Ceiling] {
        &self.ceilings
    }

    /// The same limits with one more hard one.
    #[must_use]
    pub fn with(mut self, bound: Bound) -> Self {
        self.hard.push(bound);
        self
    }

    /// The same limits with one more ceiling.
    #[must_use]
    pub(crate) fn below(mut self, ceiling: Ceiling) -> Self {
        self.ceilings.push(ceiling);
        self
    }

    /// The same limits with these of the soft ones made hard, and the others left out.
    #[must_use]
    pub(crate) fn with_soft_as_hard(&self, kept: impl Fn(usize) -> bool) -> Self {
        let soft = self.soft.iter().enumerate().filter(|(index, _)| kept(*index)).map(|(_, bound)| bound);
        Self {
            hard: self.hard.iter().chain(soft).cloned().collect(),
            soft: Vec::new(),
            ceilings: self.ceilings.clone(),
        }
    }

    /// The soft limits alone.
    #[must_use]
    pub(crate) fn without_hard(&self) -> Self {
        Self { soft: self.soft.clone(), ..Self::default() }
    }

    /// Whether a placement keeps every hard limit and every ceiling at an hour.
    pub fn permit(&self, placement: &mut Evaluation<'_>, hour: usize) -> bool {
        self.ceilings.iter().all(|ceiling| ceiling.is_kept(placement, hour))
            && self.broken_hard(placement, hour).is_none()
    }

    /// The first hard limit that a placement breaks at an hour.
    pub fn broken_hard(&self, placement: &mut Evaluation<'_>, hour: usize) -> Option<&Bound> {
        self.hard.iter().find(|bound| bound.is_broken(placement, hour))
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
    /// Whether a placement breaks it at an hour.
    pub fn is_broken(&self, placement: &mut Evaluation<'_>, hour: usize) -> bool {
        placement.value(self.metric, self.statistic, hour) > self.at_most[hour] * TOLERANCE
    }
}

impl Ceiling {
    fn is_kept(&self, placement: &mut Evaluation<'_>, hour: usize) -> bool {
        let at_most = self.at_most[hour] * TOLERANCE;
        self.objective.known_part(placement.means(), hour) <= at_most
            && self.objective.value(placement, hour) <= at_most
    }
}
