//! The runs of a workflow.

use std::collections::BTreeMap;

use caribou_model::{Epoch, Hour, Region, RunId, Timestamp};
use serde::{Deserialize, Serialize};

use super::status::OVERDUE;
use super::{Client, ClientError};
use crate::key;
use crate::run::{End, RunRecord};

/// How many records are asked for at a time.
const AT_A_TIME: u16 = 500;

/// How a run stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is under way.
    Running,
    /// It ended with a result.
    Succeeded,
    /// It failed for good, or did not end in time.
    Failed,
}

/// Which runs are asked for. By default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those that stand so.
    pub state: Option<RunState>,
    /// Only those that are older than this one: when it was started, and its id. For the next page.
    pub before: Option<(Timestamp, RunId)>,
}

/// A run in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// How it stands.
    #[serde(rename = "status")]
    pub state: RunState,
    /// The version of the workflow that it keeps.
    pub version: String,
    /// When its request was received.
    pub started: Timestamp,
    /// When its end was recorded, or the deadline that passed. `None` while it is under way.
    pub ended: Option<Timestamp>,
    /// When it must have ended.
    pub deadline: Timestamp,
    /// Where its request was received.
    pub entry_region: Region,
    /// The plan that it follows.
    pub epoch: Epoch,
    /// The hour of the plan that it follows.
    pub hour: Hour,
    /// Whether it goes wholly to the home region.
    pub probe: bool,
    /// How often it was taken up again.
    pub resumed: u32,
    /// The node that failed, if it is known.
    pub stage: Option<String>,
    /// Which item failed, if the node is a map.
    pub item: Option<u32>,
    /// What went wrong, if it failed.
    pub error: Option<String>,
}

/// Some runs, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// The newest of those that were asked for.
    pub runs: Vec<RunSummary>,
    /// How many were asked for in all.
    pub matching: usize,
    /// Records that this version cannot read.
    pub unreadable: usize,
}

impl RunSummary {
    pub(super) fn of(record: &RunRecord, now: Timestamp) -> Self {
        let RunRecord { pin, started, entry_region, end, .. } = record;
        let (state, ended, failure) = match end {
            None if now < pin.deadline => (RunState::Running, None, None),
            None => (RunState::Failed, Some(pin.deadline), None),
            Some(End::Succeeded { at, .. }) => (RunState::Succeeded, Some(*at), None),
            Some(End::Failed { at, failure }) => (RunState::Failed, Some(*at), Some(failure)),
            Some(End::Overdue { at }) => (RunState::Failed, Some(*at), None),
        };
        let error = failure.map_or(OVERDUE, |failure| &failure.error);
        Self {
            run: pin.run.clone(),
            state,
            version: pin.version.clone(),
            started: *started,
            ended,
            deadline: pin.deadline,
            entry_region: entry_region.clone(),
            epoch: pin.epoch,
            hour: pin.hour,
            probe: pin.probe,
            resumed: pin.resumed,
            stage: failure.map(|failure| failure.stage.clone()),
            item: failure.and_then(|failure| failure.item),
            error: (state == RunState::Failed).then(|| error.to_owned()),
        }
    }
}

impl Client {
    /// The newest `limit` of the runs that are asked for, of all versions of the workflow. Every record in the home region is
    /// read, page by page; no more than those that are told are kept.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if home does not answer.
    pub async fn runs(&self, filter: &RunFilter, limit: usize) -> Result<Runs, ClientError> {
        let prefix = key::runs(&self.workflow);
        let mut newest = BTreeMap::new();
        let mut told = Runs::default();
        let mut after = None;
        loop {
            let page = self.ports.store.list(&self.home, &prefix, after.as_deref(), AT_A_TIME).await?;
            let now = self.ports.clock.now();
            for (_, item) in &page.items {
                let Ok(record) = RunRecord::decode(&item.value) else {
                    told.unreadable += 1;
                    continue;
                };
                let summary = RunSummary::of(&record, now);
                let age = (summary.started, summary.run.clone());
                let asked = filter.state.is_none_or(|state| summary.state == state)
                    && filter.before.as_ref().is_none_or(|before| age < *before);
                if asked {
                    told.matching += 1;
                    newest.insert(age, summary);
                }
                if newest.len() > limit {
                    newest.pop_first();
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        told.runs = newest.into_values().rev().collect();
        Ok(told)
    }
}
