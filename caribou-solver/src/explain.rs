//! Why each stage runs where it does.

use std::fmt;

use caribou_model::{Hour, Metric, Placement, Region, Statistic};
use serde::{Deserialize, Serialize};

use crate::algorithm::SolveError;
use crate::limit::Limits;
use crate::problem::{HOME, Problem};
use crate::sample::Samples;
use crate::score::{Scorer, Scratch};
use crate::solve::objectives;

/// Why each stage of an hour's plan runs where it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The hour.
    pub hour: Hour,
    /// The stages, in the author's order.
    pub stages: Vec<StageReason>,
}

/// Why a stage runs where it does, all others being where the plan has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageReason {
    /// The stage.
    pub stage: String,
    /// Where it runs.
    pub region: Region,
    /// What would change per run if it ran at home; `None` where it does.
    pub at_home: Option<Change>,
    /// The region with the least of the first objective among the others that it may use and that keep the hard limits.
    pub next_best: Option<Alternative>,
    /// The region with the cleanest grid at this hour among those that it may use; `None` where it runs there.
    pub cleanest: Option<Alternative>,
    /// What holds it from the region where the first objective would be least.
    pub held: Held,
}

/// What holds a stage from the region where the first objective would be least for it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Nothing: no region that may be used has less.
    NoBetter,
    /// The region has the cleanest grid at this hour, and the stage may not use it. Said where carbon counts in the
    /// first objective and no region that may be used has less of it; figures of such a region are not known.
    NotPermitted(Region),
    /// The hard limit that this region would break.
    Limit {
        /// The region.
        region: Region,
        /// What would change if the stage ran there.
        change: Change,
        /// The limit.
        limit: BrokenLimit,
    },
    /// No hard limit: the plan was chosen for something else too (soft limits, a tolerance, smoothness), or it is not
    /// proven best.
    Plan {
        /// The region.
        region: Region,
        /// What would change if the stage ran there.
        change: Change,
    },
}

/// What would change per run, each the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// gCO2eq, in the transmission case that the plan was made for.
    pub carbon_g: f64,
    /// USD.
    pub cost_usd: f64,
    /// Seconds.
    pub runtime_s: f64,
}

/// Another region for a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The region.
    pub region: Region,
    /// What would change if the stage ran there.
    pub change: Change,
    /// The hard limit that this would break.
    pub breaks: Option<BrokenLimit>,
}

/// A limit, and the figure that is above it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokenLimit {
    /// What is limited.
    pub metric: Metric,
    /// Of what statistic of it.
    pub statistic: Statistic,
    /// The limit, in the metric's unit.
    pub limit: f64,
    /// The figure.
    pub value: f64,
}

/// Explains a placement at an hour.
///
/// # Errors
///
/// [`SolveError::HomeBreaksLimit`] as [`solve`](crate::solve()) has it, and [`SolveError::NotPermitted`] where the
/// placement is none of this problem's.
pub fn explain(
    problem: &Problem,
    samples: &Samples,
    placement: &Placement,
    hour: Hour,
) -> Result<Explanation, SolveError> {
    let scorer = Scorer::new(problem, samples);
    let mut scratch = scorer.scratch();
    let limits = Limits::new(&scorer, &mut scratch)?;
    let planned = indices(problem, placement)?;
    let mut moves = Moves { scorer: &scorer, limits: &limits, scratch, hour: hour.index() };
    let now = moves.score(&planned);
    let counts_carbon =
        objectives(&scorer).first().is_some_and(|first| first.weight(Metric::Carbon, hour.index()) > 0.0);
    let mut stages = Vec::with_capacity(planned.len());
    for (stage, (id, _)) in problem.graph().stages().enumerate() {
        let mut there = |region: u8| {
            let mut elsewhere = planned.clone();
            elsewhere[stage] = region;
            let score = moves.score(&elsewhere);
            let alternative = Alternative {
                region: problem.region(usize::from(region)).region.clone(),
                change: score.since(&now),
                breaks: score.breaks,
            };
            (score.objective, alternative)
        };
        let permitted = &problem.permitted()[stage];
        let own = planned[stage];
        let others = permitted.iter().filter(|&&region| region != own).map(|&region| there(region));
        let others: Vec<(f64, Alternative)> = others.collect();
        let next_best = others
            .iter()
            .filter(|(_, other)| other.breaks.is_none())
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, other)| other.clone());
        let least = others.iter().min_by(|a, b| a.0.total_cmp(&b.0));
        let least = least.filter(|(objective, _)| *objective < now.objective * (1.0 - ROUNDING));
        let intensity = |region: u8| problem.intensity(usize::from(region), hour.index());
        let cleanest = permitted.iter().copied().min_by(|&a, &b| intensity(a).total_cmp(&intensity(b)));
        // as clean as the cleanest is clean enough
        let cleanest =
            cleanest.filter(|&region| intensity(region) < intensity(own)).map(|region| there(region).1);
        let held = match least.map(|(_, other)| other.clone()) {
            Some(Alternative { region, change, breaks: Some(limit) }) => {
                Held::Limit { region, change, limit }
            }
            Some(Alternative { region, change, breaks: None }) => Held::Plan { region, change },
            None => forbidden(problem, permitted, own, &intensity)
                .filter(|_| counts_carbon)
                .map_or(Held::NoBetter, Held::NotPermitted),
        };
        stages.push(StageReason {
            stage: problem.graph().node(id).map_or_else(String::new, |node| node.name.clone()),
            region: problem.region(usize::from(own)).region.clone(),
            at_home: (usize::from(own) != HOME).then(|| there(HOME as u8).1.change),
            next_best,
            cleanest,
            held,
        });
    }
    Ok(Explanation { hour, stages })
}

/// By which share a figure must be less to be less.
const ROUNDING: f64 = 1e-9;

/// The region with the cleanest grid, if a stage may not use it and its own is less clean.
fn forbidden(problem: &Problem, permitted: &[u8], own: u8, intensity: &dyn Fn(u8) -> f64) -> Option<Region> {
    let all = 0..problem.regions().len() as u8;
    let cleanest = all.min_by(|&a, &b| intensity(a).total_cmp(&intensity(b)))?;
    let better = !permitted.contains(&cleanest) && intensity(cleanest) < intensity(own);
    better.then(|| problem.region(usize::from(cleanest)).region.clone())
}

/// The numbers of a placement's regions.
pub(crate) fn indices(problem: &Problem, placement: &Placement) -> Result<Vec<u8>, SolveError> {
    let permitted = problem.permitted();
    let index = |stage: usize| {
        let region = placement.region_of(stage)?;
        let index = problem.region_index(region)? as u8;
        permitted[stage].contains(&index).then_some(index)
    };
    let found: Option<Vec<u8>> = (0..permitted.len()).map(index).collect();
    found.filter(|found| found.len() == placement.len()).ok_or(SolveError::NotPermitted)
}

/// Placements of an hour that differ in one stage.
struct Moves<'m> {
    scorer: &'m Scorer<'m>,
    limits: &'m Limits,
    scratch: Scratch,
    hour: usize,
}

struct Score {
    objective: f64,
    means: [f64; 3],
    breaks: Option<BrokenLimit>,
}

impl Score {
    fn since(&self, before: &Self) -> Change {
        let [carbon_g, cost_usd, runtime_s] =
            [0, 1, 2].map(|metric| self.means[metric] - before.means[metric]);
        Change { carbon_g, cost_usd, runtime_s }
    }
}

impl Moves<'_> {
    fn score(&mut self, placement: &[u8]) -> Score {
        let objectives = objectives(self.scorer);
        let mut evaluation = self.scorer.evaluate(placement, &mut self.scratch);
        let hour = self.hour;
        let broken = self.limits.broken_hard(&mut evaluation, hour);
        let breaks = broken.map(|bound| BrokenLimit {
            metric: bound.metric,
            statistic: bound.statistic,
            limit: bound.at_most[hour],
            value: evaluation.value(bound.metric, bound.statistic, hour),
        });
        Score {
            objective: objectives.first().map_or(0.0, |objective| objective.value(&mut evaluation, hour)),
            means: Metric::ALL.map(|metric| evaluation.value(metric, Statistic::Average, hour)),
            breaks,
        }
    }
}

impl fmt::Display for StageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs in {}", self.stage, self.region)?;
        match &self.at_home {
            Some(change) => write!(f, "; at home: {change}")?,
            None => f.write_str(", its home")?,
        }
        if let Some(next) = &self.next_best {
            write!(f, "; next best is {}: {}", next.region, next.change)?;
        }
        write!(f, "; {}", self.held)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBetter => f.write_str("no region is better"),
            Self::NotPermitted(region) => write!(f, "{region} has a cleaner grid, but is not permitted"),
            Self::Limit { region, change, limit } => {
                write!(f, "{region} ({change}) would break a limit: {limit}")
            }
            Self::Plan { region, change } => write!(
                f,
                "{region} ({change}) keeps the hard limits, but the plan is chosen for soft limits, tolerance or \
                 smoothness too, or is not proven best"
            ),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { carbon_g, cost_usd, runtime_s } = self;
        write!(f, "{carbon_g:+.6} gCO2eq, {cost_usd:+.9} USD, {runtime_s:+.3} s a run")
    }
}

impl fmt::Display for BrokenLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, statistic, limit, value } = self;
        write!(f, "{statistic} {metric} of {value:.6}, at most {limit:.6}")
    }
}
