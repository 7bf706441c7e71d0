//! Whether what went wrong accounts for how a run ended.

use std::collections::HashMap;
use std::time::Duration;

use caribou_model::{FunctionSpec, Graph, NodeId, RunId};

use super::audit::Audit;
use super::{Cause, Faults, Report};
use crate::RunStatus;
use crate::key::Place;

/// The most that clocks may differ, each way, so that no attempt loses its lease while it is alive.
const HARMLESS_SKEW: Duration = Duration::from_millis(2_500);

/// What is known when a simulation is over.
pub(super) struct Verdict<'a> {
    pub(super) graph: &'a Graph,
    pub(super) report: &'a Report,
    pub(super) faults: &'a Faults,
    pub(super) mishaps: &'a HashMap<(RunId, Place), u32>,
    /// Whether anything could go wrong or take its time.
    pub(super) disturbed: bool,
}

impl Verdict<'_> {
    /// Why a run failed, if its plain call succeeds; and what is wrong with it.
    pub(super) fn of(&self, run: &RunId, audit: &Audit) -> (Option<Cause>, Option<String>) {
        let (stage, item, error) = match self.report.runs.get(run) {
            Some(RunStatus::Succeeded { .. }) => {
                return (None, audit.undone(self.graph, run).or_else(|| self.called_twice(run)));
            }
            Some(RunStatus::Failed { stage, item, error, .. }) => (stage, *item, error),
            _ => return (None, None),
        };
        let twice = self.called_twice(run);
        let cause = Cause::of(error);
        let fails_plainly = !matches!(self.report.plain.get(run), Some(Ok(_)));
        // Of several stages that fail in the plain call any may be the first.
        if fails_plainly && cause == Cause::Function {
            return (None, twice);
        }
        let node = stage.as_deref().and_then(|stage| self.graph.find(stage));
        let accounted = self.accounts_for(run, cause, node.map(|node| Place { node, item }));
        let what = || {
            let at = stage.as_deref().unwrap_or("no stage");
            format!("it failed at {at} with `{error}`, which nothing that went wrong accounts for")
        };
        ((!fails_plainly).then_some(cause), if accounted { twice } else { Some(what()) })
    }

    /// Whether so much went wrong at a place that a run may fail there with this cause.
    fn accounts_for(&self, run: &RunId, cause: Cause, place: Option<Place>) -> bool {
        let Some(place) = place else { return cause == Cause::Deadline && self.disturbed };
        let mishaps = self.mishaps.get(&(run.clone(), place)).copied().unwrap_or_default();
        let attempts = self.graph.function_of(place.node).map_or(1, FunctionSpec::attempts);
        match cause {
            Cause::Attempts if self.faults.clock_skew > HARMLESS_SKEW => mishaps > 0,
            Cause::Attempts => mishaps >= attempts,
            Cause::Platform => mishaps >= self.faults.platform_attempts,
            Cause::Deadline => self.disturbed,
            Cause::Function => {
                let last = |call: &super::Call| call.run == *run && call.attempt >= attempts;
                mishaps > 0 && self.report.calls.iter().any(|call| last(call) && self.is_of(call, place))
            }
        }
    }

    fn is_of(&self, call: &super::Call, place: Place) -> bool {
        self.graph.find(&call.stage) == Some(place.node) && call.item == place.item
    }

    /// A function that was called twice in one attempt.
    fn called_twice(&self, run: &RunId) -> Option<String> {
        let mut seen = std::collections::HashSet::new();
        let idempotent = |node: Option<NodeId>| {
            node.and_then(|node| self.graph.function_of(node)).is_some_and(|function| function.idempotent)
        };
        self.report.calls.iter().filter(|call| call.run == *run).find_map(|call| {
            let twice = !seen.insert((&call.stage, call.item, call.attempt));
            (twice && !idempotent(self.graph.find(&call.stage)))
                .then(|| format!("attempt {} called the function of {} twice", call.attempt, call.stage))
        })
    }
}
