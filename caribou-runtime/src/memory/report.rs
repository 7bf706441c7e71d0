//! What came of a simulation.

use std::collections::BTreeMap;
use std::fmt;

use caribou_model::{RunId, StageRecord, Timestamp};

use crate::RunStatus;
use crate::port::StageAddress;

/// One call of an author's function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The run.
    pub run: RunId,
    /// The stage's name.
    pub stage: String,
    /// The item, if the stage is a map.
    pub item: Option<u32>,
    /// Which attempt it was, from 1.
    pub attempt: u32,
}

/// A message that was handed to the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// Where it went.
    pub to: StageAddress,
    /// Its size.
    pub bytes: usize,
    /// When it was sent.
    pub at: Timestamp,
}

/// An event that nobody could handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it went.
    pub to: StageAddress,
    /// The event.
    pub body: String,
    /// Why nobody could handle it.
    pub reason: String,
}

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct Report {
    /// How every run stands.
    pub runs: BTreeMap<RunId, RunStatus>,
    /// What the plain call of the workflow gave for every run: the result, or the error's text.
    pub plain: BTreeMap<RunId, Result<serde_json::Value, String>>,
    /// Every call of an author's function, in order.
    pub calls: Vec<Call>,
    /// Every message.
    pub messages: Vec<SentMessage>,
    /// Every line of telemetry.
    pub telemetry: Vec<StageRecord>,
    /// Events that nobody could handle.
    pub dead_letters: Vec<DeadLetter>,
    /// The seed that replays it.
    pub seed: u64,
    /// What happened, line by line.
    pub schedule: Vec<String>,
}

/// A run that is not what its plain call is.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The run.
    pub run: RunId,
    /// What is wrong.
    pub what: String,
    /// The seed that replays it.
    pub seed: u64,
    /// What happened, line by line.
    pub schedule: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "run {} with seed {}: {}", self.run, self.seed, self.what)?;
        self.schedule.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl std::error::Error for Violation {}

impl Report {
    /// How often the author's function of a stage was called in a run.
    pub fn calls_of(&self, run: &str, stage: &str) -> usize {
        self.calls.iter().filter(|call| call.run.as_str() == run && call.stage == stage).count()
    }

    /// The lines of telemetry of a stage in a run.
    pub fn records_of(&self, run: &str, stage: &str) -> impl Iterator<Item = &StageRecord> {
        self.telemetry.iter().filter(move |record| record.run.as_str() == run && record.stage == stage)
    }

    /// The first law: every run that succeeded gave what the plain call gives; none hangs, none got lost.
    ///
    /// A run may fail though its plain call succeeds, if more went wrong than its retries can bear; the returned
    /// number says how many did.
    ///
    /// # Errors
    ///
    /// The first [`Violation`], with the schedule that led to it.
    pub fn check_first_law(&self) -> Result<usize, Violation> {
        self.check_first_law_by(|result, plain| plain == Ok(result))
    }

    /// The first law for a workflow whose stages' failures are values: `equals` tells whether a result is what the plain
    /// call gives when the stages return what was recorded for them. It gets what the plain call gave where none crashed.
    ///
    /// # Errors
    ///
    /// As for [`Self::check_first_law`].
    pub fn check_first_law_by(
        &self,
        equals: impl Fn(&serde_json::Value, Result<&serde_json::Value, &str>) -> bool,
    ) -> Result<usize, Violation> {
        let mut failed = 0;
        for (run, status) in &self.runs {
            let plain = self.plain.get(run);
            let what = match (status, plain) {
                (RunStatus::Succeeded { result, .. }, Some(plain))
                    if equals(result, plain.as_ref().map_err(String::as_str)) =>
                {
                    continue;
                }
                (RunStatus::Succeeded { result, .. }, plain) => {
                    format!("the result is {result}, the plain call gives {plain:?}")
                }
                (RunStatus::Failed { .. }, Some(Err(_))) => continue,
                (RunStatus::Failed { .. }, _) => {
                    failed += 1;
                    continue;
                }
                (RunStatus::Running { .. }, _) => "it hangs".into(),
                (RunStatus::Unknown, _) => "it got lost".into(),
            };
            return Err(Violation {
                run: run.clone(),
                what,
                seed: self.seed,
                schedule: self.schedule.clone(),
            });
        }
        Ok(failed)
    }
}
