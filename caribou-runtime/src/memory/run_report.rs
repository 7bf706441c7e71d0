//! What came of one run.

use std::collections::BTreeSet;
use std::time::Duration;

use caribou_model::{Region, RunId, StageRecord};
use serde::de::DeserializeOwned;

use super::{Call, Cause, Report, SentMessage};
use crate::{Pin, RunStatus};

/// What came of one run of a simulation.
///
/// A stage is named as `caribou graph` shows it: by its function, and where that is called more often by `name#2`, `name#3`
/// and so on.
#[derive(Clone, Copy, Debug)]
pub struct RunReport<'a> {
    pub(super) report: &'a Report,
    pub(super) run: &'a RunId,
    pub(super) status: &'a RunStatus,
}

/// Why a run has no result of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoResult {
    /// It failed.
    #[error("the run failed at `{stage}`: {error}")]
    Failed {
        /// Where.
        stage: String,
        /// Why.
        error: String,
    },
    /// It never ended.
    #[error("the run never ended")]
    Open,
    /// The result is of another type.
    #[error("the result is of another type: {0}")]
    Type(String),
}

impl<'a> RunReport<'a> {
    /// How it stands.
    pub fn status(self) -> &'a RunStatus {
        self.status
    }

    /// Its result.
    ///
    /// # Errors
    ///
    /// [`NoResult`] if it did not succeed, or the result is not of this type.
    pub fn result<T: DeserializeOwned>(self) -> Result<T, NoResult> {
        match self.status {
            RunStatus::Succeeded { result, .. } => {
                T::deserialize(result).map_err(|error| NoResult::Type(error.to_string()))
            }
            RunStatus::Failed { stage, error, .. } => {
                let stage = stage.clone().unwrap_or_else(|| "?".into());
                Err(NoResult::Failed { stage, error: error.clone() })
            }
            _ => Err(NoResult::Open),
        }
    }

    /// Its error, if it failed.
    pub fn error(self) -> Option<&'a str> {
        match self.status {
            RunStatus::Failed { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Why it failed, if its plain call succeeds.
    pub fn cause(self) -> Option<Cause> {
        self.report.causes.get(self.run).copied()
    }

    /// What was fixed for it at its entry, if it is over: version, plan, regions.
    pub fn pin(self) -> Option<&'a Pin> {
        match self.status {
            RunStatus::Succeeded { pin, .. } | RunStatus::Failed { pin, .. } => Some(pin),
            _ => None,
        }
    }

    /// How long it took from its request to its end, if it is over.
    pub fn duration(self) -> Option<Duration> {
        match self.status {
            RunStatus::Succeeded { started, ended, .. } | RunStatus::Failed { started, ended, .. } => {
                Some(ended.since(*started))
            }
            _ => None,
        }
    }

    /// The calls of a stage's function, in order: one for each attempt, and for each item of a map.
    pub fn calls(self, stage: &str) -> Vec<&'a Call> {
        self.all_calls().filter(|call| call.stage == stage).collect()
    }

    /// The stages whose functions were called, in the order of their first calls.
    pub fn stages(self) -> Vec<&'a str> {
        let mut stages = Vec::new();
        for call in self.all_calls() {
            if !stages.contains(&call.stage.as_str()) {
                stages.push(call.stage.as_str());
            }
        }
        stages
    }

    /// The codes of the regions in which a stage's function was called.
    pub fn regions(self, stage: &str) -> BTreeSet<&'a str> {
        self.calls(stage).into_iter().map(|call| Region::code(&call.region)).collect()
    }

    /// The messages that a stage was sent, in order; those that faults delivered twice are one.
    pub fn messages(self, stage: &str) -> Vec<&'a SentMessage> {
        let messages = self.report.messages.iter().filter(|message| message.run.as_ref() == Some(self.run));
        messages.filter(|message| message.stage.as_deref() == Some(stage)).collect()
    }

    /// The lines of telemetry of a stage: one for each attempt that came to an end.
    pub fn records(self, stage: &str) -> Vec<&'a StageRecord> {
        self.report.records_of(self.run.as_str(), stage).collect()
    }

    fn all_calls(self) -> impl Iterator<Item = &'a Call> {
        self.report.calls.iter().filter(move |call| call.run == *self.run)
    }
}
