//! What a new plan would change, before anything is changed.

use caribou_model::{Epoch, Graph, HOURS, Hour, Plan, Region};
use caribou_solver::{Estimate, Figures, Interval, Problem, Samples, Scorer};
use serde::{Deserialize, Serialize};

/// One plan against another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The workflow.
    pub workflow: String,
    /// Its version.
    pub version: String,
    /// The epoch of the plan in force.
    pub from_epoch: Epoch,
    /// The hour that [`now`](Self::now) is about.
    pub hour: Hour,
    /// The stages that move, in the author's order.
    pub moves: Vec<Move>,
    /// What changes in this hour.
    pub now: Change,
    /// What changes on average over the 24 hours.
    pub day: Change,
}

/// A stage that runs somewhere else in some hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The stage.
    pub stage: String,
    /// Where it runs.
    pub from: Region,
    /// Where it will run.
    pub to: Region,
    /// In which hours.
    pub hours: Vec<Hour>,
    /// What this move brings in those hours, all others being made.
    pub change: Change,
}

/// Expected figures per run before and after.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Before.
    pub before: Figures,
    /// After.
    pub after: Figures,
}

/// Why two plans cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DifferenceError {
    /// A plan that does not fit the workflow.
    #[error(transparent)]
    Plan(#[from] caribou_model::PlanError),
    /// A plan uses a region of which nothing is known.
    #[error("the plan of epoch {epoch} uses {region}, of which nothing is known here; solve again")]
    UnknownRegion {
        /// The plan.
        epoch: Epoch,
        /// The region.
        region: Region,
    },
}

impl Difference {
    /// The most runs that are drawn from the workload.
    const SAMPLES: usize = 5_000;

    /// Compares a new plan with the one in force; `now` is the hour to show.
    ///
    /// # Errors
    ///
    /// [`DifferenceError`] if a plan does not fit the workflow.
    pub fn between(
        problem: &Problem,
        current: &Plan,
        next: &Plan,
        now: Hour,
    ) -> Result<Self, DifferenceError> {
        let graph = problem.graph();
        current.validate(graph)?;
        next.validate(graph)?;
        let samples = Samples::draw(problem, Self::SAMPLES, 0);
        let scorer = Scorer::new(problem, &samples);
        let mut scratch = scorer.scratch();
        let mut figures = |placement: &[u8], hour: Hour| {
            scorer.figures(placement, &[hour.index()], &mut scratch).first().copied().unwrap_or_default()
        };
        let (before, after) = (indices(problem, current)?, indices(problem, next)?);
        let by_hour: Vec<Change> = Hour::all()
            .zip(before.iter().zip(&after))
            .map(|(hour, (before, after))| Change {
                before: figures(before, hour),
                after: figures(after, hour),
            })
            .collect();
        let mut moves: Vec<(Move, Vec<Change>)> = Vec::new();
        for (index, (id, _)) in graph.stages().enumerate() {
            for hour in Hour::all() {
                let (old, new) = (&before[hour.index()], &after[hour.index()]);
                if old[index] == new[index] {
                    continue;
                }
                let [Some(from), Some(to)] = [current, next].map(|plan| region(plan, hour, index)) else {
                    continue;
                };
                let mut unmoved = new.clone();
                unmoved[index] = old[index];
                let change = Change { before: figures(&unmoved, hour), after: by_hour[hour.index()].after };
                let stage = &graph.nodes[id.index()].name;
                if let Some((known, changes)) =
                    moves.iter_mut().find(|(m, _)| m.stage == *stage && m.from == from && m.to == to)
                {
                    known.hours.push(hour);
                    changes.push(change);
                } else {
                    let stage = stage.clone();
                    moves.push((Move { stage, from, to, hours: vec![hour], change }, vec![change]));
                }
            }
        }
        Ok(Self {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            from_epoch: current.epoch,
            hour: now,
            moves: moves
                .into_iter()
                .map(|(one, changes)| Move { change: Change::average(&changes), ..one })
                .collect(),
            now: by_hour[now.index()],
            day: Change::average(&by_hour),
        })
    }
}

impl Change {
    /// The mean over hours. Every hour is scored on the same runs, so the intervals' ends are averaged too.
    fn average(changes: &[Self]) -> Self {
        let of = |side: fn(&Self) -> &Figures| {
            let metric = |metric: fn(&Figures) -> &Estimate| {
                let part = |part: fn(&Interval) -> f64, of: fn(&Estimate) -> &Interval| {
                    changes.iter().map(|change| part(of(metric(side(change))))).sum::<f64>()
                        / changes.len().max(1) as f64
                };
                let interval = |of: fn(&Estimate) -> &Interval| Interval {
                    value: part(|i| i.value, of),
                    low: part(|i| i.low, of),
                    high: part(|i| i.high, of),
                };
                Estimate { mean: interval(|e| &e.mean), p95: interval(|e| &e.p95) }
            };
            Figures {
                carbon_best: metric(|f| &f.carbon_best),
                carbon_worst: metric(|f| &f.carbon_worst),
                cost: metric(|f| &f.cost),
                runtime: metric(|f| &f.runtime),
            }
        };
        Self { before: of(|change| &change.before), after: of(|change| &change.after) }
    }
}

/// Hours as ranges: `0-5, 22-23`; `all day` for all 24.
pub fn hours(hours: &[Hour]) -> String {
    if hours.len() == HOURS {
        return "all day".to_owned();
    }
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for hour in hours.iter().map(|hour| hour.index()) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == hour => *last = hour,
            _ => ranges.push((hour, hour)),
        }
    }
    let written = ranges
        .iter()
        .map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    written.collect::<Vec<_>>().join(", ")
}

fn region(plan: &Plan, hour: Hour, stage_index: usize) -> Option<Region> {
    plan.placement(hour)?.region_of(stage_index).cloned()
}

/// A plan by hour and stage as the solver numbers regions.
fn indices(problem: &Problem, plan: &Plan) -> Result<Vec<Vec<u8>>, DifferenceError> {
    let stages = stages(problem.graph());
    let mut hours = Vec::with_capacity(HOURS);
    for placement in &plan.hours {
        let mut row = Vec::with_capacity(stages);
        for region in (0..stages).filter_map(|stage| placement.region_of(stage)) {
            let index = problem.region_index(region).and_then(|index| u8::try_from(index).ok());
            row.push(index.ok_or_else(|| DifferenceError::UnknownRegion {
                epoch: plan.epoch,
                region: region.clone(),
            })?);
        }
        hours.push(row);
    }
    Ok(hours)
}

fn stages(graph: &Graph) -> usize {
    graph.stages().count()
}

#[cfg(test)]
mod tests {
    use caribou_model::{Manifest, Placement, Timestamp};

    use super::*;
    use crate::fixture::{HOME, diamond, lines};
    use crate::learn::{Limits, learn};
    use crate::telemetry::Log;

    const NOON: Hour = Hour::new(12).unwrap();
    const QUEBEC: Region = Region::aws("ca-central-1");

    fn problem() -> Problem {
        let log = Log::read(&diamond(), lines("r1", 0).iter().map(String::as_str));
        let workload = learn(&diamond(), &log, Timestamp::from_millis(0), Limits::default()).workload;
        let facts = crate::facts::embedded().select(&[HOME, QUEBEC]).unwrap();
        let manifest = Manifest::at_home(HOME);
        Problem::new(&diamond(), &workload, &facts.regions, &facts.latencies, &manifest, 11).unwrap()
    }

    #[test]
    fn a_plan_does_not_differ_from_itself() {
        let home = Plan::at_home(&diamond(), HOME);
        let difference = Difference::between(&problem(), &home, &home, NOON).unwrap();
        assert!(difference.moves.is_empty());
        assert_eq!(difference.now.before, difference.now.after);
    }

    #[test]
    fn a_stage_that_moves_in_some_hours_is_listed_with_them_and_what_it_brings() {
        let home = Plan::at_home(&diamond(), HOME);
        let mut next = home.clone();
        next.epoch = Epoch(1);
        for hour in 0..6 {
            next.hours[hour] = Placement::new(&[HOME, QUEBEC, QUEBEC]).unwrap();
        }
        let now = Hour::new(3).unwrap();
        let difference = Difference::between(&problem(), &home, &next, now).unwrap();
        let names: Vec<&str> = difference.moves.iter().map(|one| one.stage.as_str()).collect();
        assert_eq!(names, ["b", "c"]);
        assert_eq!(difference.moves[0].hours.len(), 6);
        let Change { before, after } = difference.now;
        assert!(after.carbon_best.mean.value < before.carbon_best.mean.value);
        assert!(after.runtime.p95.value > before.runtime.p95.value);
        let saved =
            |change: Change| change.before.carbon_best.mean.value - change.after.carbon_best.mean.value;
        assert!(saved(difference.day) < saved(difference.now));
    }

    #[test]
    fn a_plan_of_another_workflow_is_refused() {
        let home = Plan::at_home(&diamond(), HOME);
        let mut other = home.clone();
        other.version = "9".into();
        assert!(Difference::between(&problem(), &home, &other, NOON).is_err());
    }
}
