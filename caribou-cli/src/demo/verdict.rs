//! What had to hold, and whether it did.

use std::collections::BTreeMap;

use caribou_control::account::Comparison;
use caribou_control::report::Check;
use caribou_control::telemetry::Log;
use caribou_model::{Graph, Hour, NodeId, Plan, Transmission};

use super::batch::Ended;
use super::example::Photo;

/// The evidence.
pub(super) struct Verdict<'a> {
    pub(super) graph: &'a Graph,
    pub(super) plan: &'a Plan,
    /// The hour of the runs under the plan.
    pub(super) hour: Hour,
    pub(super) log: &'a Log,
    pub(super) ended: &'a [&'a Ended],
    pub(super) photos: &'a [Photo],
    pub(super) comparison: &'a Comparison,
    /// The case that was optimised.
    pub(super) transmission: Transmission,
    /// How often the cloud was started again.
    pub(super) restarts: usize,
    /// Whether it was killed on purpose.
    pub(super) killed: bool,
}

/// By which share the carbon of planned runs must be below that of probes.
const ENOUGH: f64 = 0.30;

impl Verdict<'_> {
    pub(super) fn checks(&self) -> Vec<Check> {
        let ended = self.ended;
        let mut checks = vec![self.results(ended), self.once(ended), self.moved(), self.carbon()];
        if self.killed {
            checks.push(Check {
                name: "the embedded cloud was killed and no run was lost".into(),
                held: self.restarts > 0 && ended.iter().all(|ended| ended.result.is_ok()),
                detail: format!("started again {}x", self.restarts),
            });
        }
        checks
    }

    fn results(&self, ended: &[&Ended]) -> Check {
        let is_equal = |ended: &&&Ended| {
            ended.result.as_ref().ok() == self.photos.get(ended.photo).map(|photo| &photo.plain)
        };
        let equal = ended.iter().filter(is_equal).count();
        let first = ended.iter().find(|ended| !is_equal(ended)).map(|ended| match &ended.result {
            Ok(_) => format!("; the first other: run {} has another result", ended.run),
            Err(error) => format!("; the first other: run {} {error}", ended.run),
        });
        Check {
            name: "every run's result equals the plain call's".into(),
            held: equal == ended.len(),
            detail: format!("{equal} of {}{}", ended.len(), first.unwrap_or_default()),
        }
    }

    /// Without faults every stage's function ran once in each run. Where the cloud was killed, an attempt may have been
    /// cut off, and one more is made for it; its outcome still counts once.
    fn once(&self, ended: &[&Ended]) -> Check {
        let mut stages = 0_usize;
        let mut more = Vec::new();
        for ended in ended {
            let mut attempts: BTreeMap<(NodeId, Option<u32>), (usize, usize, u32)> = BTreeMap::new();
            for record in self.log.runs.get(&ended.run).into_iter().flatten() {
                if self.graph.stage_index(record.node).is_some() {
                    let (lines, successes, last) = attempts.entry((record.node, record.item)).or_default();
                    *lines += 1;
                    *successes += usize::from(record.outcome.is_served());
                    *last = record.attempt.max(*last);
                }
            }
            stages += attempts.len();
            for ((node, _), (lines, successes, last)) in attempts {
                let once = lines == 1 && last == 1;
                if successes != 1 || !(once || self.restarts > 0) {
                    let stage = self.graph.node(node).map_or("?", |node| &node.name);
                    more.push(format!(
                        "{stage} in run {}: {lines} attempts, {successes} successes",
                        ended.run
                    ));
                }
            }
        }
        let told = ended.iter().filter(|ended| self.log.runs.contains_key(&ended.run)).count();
        let name = if self.restarts > 0 {
            "every stage succeeded once in each run, whatever was cut off"
        } else {
            "every stage's function ran exactly once in each run"
        };
        let detail = match more.first() {
            None => format!("{stages} stage executions in {told} runs"),
            Some(first) => format!("{} did not; the first: {first}", more.len()),
        };
        Check { name: name.into(), held: more.is_empty() && told == ended.len() && stages > 0, detail }
    }

    fn moved(&self) -> Check {
        let placement = self.plan.placement(self.hour);
        let stages = self.graph.stages().count();
        let away = (0..stages)
            .filter_map(|stage| placement?.region_of(stage))
            .filter(|region| **region != self.plan.home)
            .count();
        Check {
            name: "at least one stage runs outside the home region".into(),
            held: away > 0,
            detail: format!("{away} of {stages} at {} UTC", self.hour),
        }
    }

    fn carbon(&self) -> Check {
        let saved = |case| self.comparison.carbon_saved(case);
        let told =
            |case| saved(case).map_or("unknown".to_owned(), |share: f64| format!("{:.1} %", share * 100.0));
        Check {
            name: format!(
                "carbon of planned runs is more than {:.0} % below that of the probes",
                ENOUGH * 100.0
            ),
            held: saved(self.transmission).is_some_and(|share| share > ENOUGH),
            detail: format!(
                "{} with the best case of transmission, {} with the worst; {} planned runs, {} probes",
                told(Transmission::Best),
                told(Transmission::Worst),
                self.comparison.planned.runs,
                self.comparison.probes.runs
            ),
        }
    }
}
