//! Why each stage runs where it does.

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
        let intensity = |region: u8| problem.intensity(usize::from(region), hour.index());
        let cleanest = permitted.iter().copied().min_by(|&a, &b| intensity(a).total_cmp(&intensity(b)));
        // as clean as the cleanest is clean enough
        let cleanest =
            cleanest.filter(|&region| intensity(region) < intensity(own)).map(|region| there(region).1);
        stages.push(StageReason {
            stage: problem.graph().node(id).map_or_else(String::new, |node| node.name.clone()),
            region: problem.region(usize::from(own)).region.clone(),
            at_home: (usize::from(own) != HOME).then(|| there(HOME as u8).1.change),
            next_best,
            cleanest,
        });
    }
    Ok(Explanation { hour, stages })
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
