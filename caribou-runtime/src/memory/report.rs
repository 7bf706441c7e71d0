//! What came of a simulation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use caribou_model::{Region, RunId, StageRecord, Timestamp};

use super::{Cause, RunReport, Schedule};
use crate::key::Place;
use crate::port::StageAddress;
use crate::{Context, RunStatus, Value, codec};

/// One call of an author's function.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The run.
    pub run: RunId,
    /// The stage's name.
    pub stage: String,
    /// The item, if the stage is a map.
    pub item: Option<u32>,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Where it was made.
    pub region: Region,
    /// When it was made.
    pub at: Timestamp,
    pub(super) values: Vec<Value>,
}

impl Call {
    /// The function's arguments as JSON, in order, and behind them what the stage only passes on. `null` where a value is
    /// not to be read as JSON.
    pub fn arguments(&self) -> Vec<serde_json::Value> {
        let json = |bytes: &[u8]| codec::to_json(bytes).unwrap_or_default();
        let argument = |value: &Value| match value {
            Value::Inline(bytes) => json(bytes),
            Value::Blob { content, .. } => content.as_ref().map(|bytes| json(bytes)).unwrap_or_default(),
            Value::Json(json) => json.clone(),
        };
        self.values.iter().map(argument).collect()
    }
}

/// A message that was handed to the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// Where it went.
    pub to: StageAddress,
    /// Where it was sent; `None` for a request.
    pub from: Option<Region>,
    /// The run, if it can be read.
    pub run: Option<RunId>,
    /// The name of the node that it is for, if it can be read.
    pub stage: Option<String>,
    /// The item that it is for, if the stage is a map.
    pub item: Option<u32>,
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
    /// The run, if it can be read.
    pub run: Option<RunId>,
    /// Why nobody could handle it.
    pub reason: String,
}

/// A call as the world notes it.
pub(super) struct Noted {
    pub(super) context: Context,
    pub(super) at: Timestamp,
    pub(super) values: Vec<Value>,
}

impl From<Noted> for Call {
    fn from(noted: Noted) -> Self {
        let Noted { context, at, values } = noted;
        let Context { run, stage, item, attempt, region, .. } = context;
        Self { run, stage, item, attempt, region, at, values }
    }
}

/// A message as the world notes it.
pub(super) struct Sent {
    pub(super) to: Arc<StageAddress>,
    pub(super) from: Option<Region>,
    pub(super) about: Option<(RunId, Place)>,
    pub(super) bytes: usize,
    pub(super) at: Timestamp,
}

/// What came of a simulation.
///
/// [`run`](Self::run) tells of one run; the fields tell of everything.
#[derive(Clone, Debug)]
pub struct Report {
    /// How every run stands.
    pub runs: BTreeMap<RunId, RunStatus>,
    /// What the plain call of the workflow gave for every run: the result, or the error's text.
    pub plain: BTreeMap<RunId, Result<serde_json::Value, String>>,
    /// Every call of an author's function, in order.
    pub calls: Vec<Call>,
    /// Every message that was accepted.
    pub messages: Vec<SentMessage>,
    /// Every line of telemetry.
    pub telemetry: Vec<StageRecord>,
    /// Events that nobody could handle.
    pub dead_letters: Vec<DeadLetter>,
    /// Why runs failed whose plain call succeeds.
    pub causes: BTreeMap<RunId, Cause>,
    /// What must not happen whatever goes wrong, and did.
    pub(super) breaches: Vec<(RunId, String)>,
    /// The seed that replays it.
    pub seed: u64,
    /// What happened.
    pub schedule: Schedule,
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
    /// What happened.
    pub schedule: Schedule,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, what, seed, schedule } = self;
        writeln!(f, "{run} breaks the first law: {what}")?;
        writeln!(f, "`.seed({seed})` replays it; this is what happened, in seconds:")?;
        write!(f, "{schedule}")
    }
}

impl std::error::Error for Violation {}

impl Report {
    /// What came of one run. The runs are called `run-0`, `run-1` and so on, in the order of the inputs.
    ///
    /// # Panics
    ///
    /// If there is no such run.
    #[track_caller]
    pub fn run(&self, run: &str) -> RunReport<'_> {
        match self.runs.iter().find(|(known, _)| known.as_str() == run) {
            Some((run, status)) => RunReport { report: self, run, status },
            None => panic!("there is no run `{run}`; there are {:?}", self.runs.keys().collect::<Vec<_>>()),
        }
    }

    /// How often the author's function of a stage was called in a run.
    pub fn calls_of(&self, run: &str, stage: &str) -> usize {
        self.calls.iter().filter(|call| call.run.as_str() == run && call.stage == stage).count()
    }

    /// The lines of telemetry of a stage in a run.
    pub fn records_of(&self, run: &str, stage: &str) -> impl Iterator<Item = &StageRecord> {
        self.telemetry.iter().filter(move |record| record.run.as_str() == run && record.stage == stage)
    }

    /// The first law: every run that succeeded gave what the plain call gives, with one outcome for each stage that all of
    /// its successors saw, and nothing lost; every run that failed did so with its plain call, or with a cause that the
    /// injected faults account for; none hangs, none got lost.
    ///
    /// A run may fail though its plain call succeeds, if more went wrong than its retries can bear; the returned
    /// number says how many did, [`causes`](Self::causes) why.
    ///
    /// # Errors
    ///
    /// The first [`Violation`], with the schedule that led to it.
    pub fn check_first_law(&self) -> Result<usize, Box<Violation>> {
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
    ) -> Result<usize, Box<Violation>> {
        for (run, status) in &self.runs {
            let plain = self.plain.get(run).map(|plain| plain.as_ref().map_err(String::as_str));
            let what = match (status, plain) {
                (RunStatus::Succeeded { result, .. }, Some(plain)) if equals(result, plain) => continue,
                (RunStatus::Succeeded { result, .. }, Some(Ok(plain))) => {
                    format!("the result is {result}, the plain call gives {plain}")
                }
                (RunStatus::Succeeded { result, .. }, plain) => {
                    format!("the result is {result}, the plain call gives {plain:?}")
                }
                (RunStatus::Failed { .. }, _) => continue,
                (RunStatus::Running { .. }, _) => "it hangs".into(),
                (RunStatus::Unknown, _) => "it got lost".into(),
            };
            return Err(Box::new(self.violation(run, what)));
        }
        match self.breaches.first() {
            Some((run, what)) => Err(Box::new(self.violation(run, what.clone()))),
            None => Ok(self.causes.len()),
        }
    }

    fn violation(&self, run: &RunId, what: String) -> Violation {
        let (run, seed, schedule) = (run.clone(), self.seed, self.schedule.clone());
        Violation { run, what, seed, schedule }
    }
}
