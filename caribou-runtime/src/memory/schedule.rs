//! What happened in a simulation, in order.

use std::fmt;
use std::sync::Arc;

use caribou_model::{AttemptOutcome, Region, Timestamp};

use super::world::BEGINNING;
use crate::port::StageAddress;

/// What happened, in order: cheap to note, and written out where it is shown, one line a step.
///
/// Times are from the beginning of the simulation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    steps: Vec<Step>,
    instances: Vec<Arc<StageAddress>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    at: Timestamp,
    /// Whose it is, from 1; 0 for the platform's.
    event: u32,
    what: What,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Receives { delivery: u64, tries: u32, dead: bool },
    Crashes(&'static str),
    Freezes { at: &'static str, until: Timestamp },
    Goes(&'static str),
    Loses { call: &'static str, answer: bool },
    Unreachable { call: &'static str, region: Region },
    Sends { to: Arc<StageAddress>, delivery: u64 },
    Gets { key: Box<str>, revision: Option<u64> },
    Puts { key: Box<str>, revision: Option<u64> },
    Adds { key: Box<str>, member: u32, members: usize },
    PutsBlob { key: Box<str> },
    Calls { stage: String, item: Option<u32>, attempt: u32 },
    Notes { stage: String, attempt: u32, outcome: AttemptOutcome },
    Fails { delivery: u64, reason: String },
    Vanishes { delivery: u64, acknowledged: bool },
    Keeps { delivery: u64, reason: String },
    Changes(String),
}

impl Schedule {
    /// Every step, as a line.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(|step| self.line(step))
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn begin(&mut self, at: &Arc<StageAddress>) -> u32 {
        self.instances.push(at.clone());
        self.instances.len() as u32
    }

    pub(super) fn note(&mut self, at: Timestamp, event: u32, what: What) {
        self.steps.push(Step { at, event, what });
    }

    fn line(&self, step: &Step) -> String {
        let seconds = step.at.since(BEGINNING).as_secs_f64();
        match (step.event as usize).checked_sub(1).and_then(|index| self.instances.get(index)) {
            Some(to) => {
                format!("{seconds:9.3} #{} {}@{} {}", step.event, to.function, to.region.code(), step.what)
            }
            None => format!("{seconds:9.3} {}", step.what),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receives { delivery, tries, dead } => {
                let kind = if *dead { "reads the dead letter of" } else { "receives" };
                write!(f, "{kind} delivery {delivery} (try {})", tries + 1)
            }
            Self::Crashes(at) => write!(f, "crashes at {at}"),
            Self::Freezes { at, until } => {
                write!(f, "freezes at {at} until {:.3}", until.since(BEGINNING).as_secs_f64())
            }
            Self::Goes(on) => f.write_str(on),
            Self::Loses { call, answer: false } => write!(f, "loses the request of {call}"),
            Self::Loses { call, answer: true } => write!(f, "loses the answer of {call}"),
            Self::Unreachable { call, region } => write!(f, "cannot reach {} for {call}", region.code()),
            Self::Sends { to, delivery } => {
                write!(f, "sends delivery {delivery} to {}@{}", to.function, to.region.code())
            }
            Self::Gets { key, revision: Some(revision) } => write!(f, "gets {key}: revision {revision}"),
            Self::Gets { key, revision: None } => write!(f, "gets {key}: nothing"),
            Self::Puts { key, revision: Some(revision) } => write!(f, "puts {key}: revision {revision}"),
            Self::Puts { key, revision: None } => write!(f, "puts {key}: refused"),
            Self::Adds { key, member, members } => write!(f, "adds {member} to {key}: {members} there"),
            Self::PutsBlob { key } => write!(f, "puts the blob {key}"),
            Self::Calls { stage, item: None, attempt } => write!(f, "calls {stage} (attempt {attempt})"),
            Self::Calls { stage, item: Some(item), attempt } => {
                write!(f, "calls {stage} for item {item} (attempt {attempt})")
            }
            Self::Notes { stage, attempt, outcome } => {
                write!(f, "ends attempt {attempt} at {stage}: {outcome:?}")
            }
            Self::Fails { delivery, reason } => write!(f, "delivery {delivery} fails: {reason}"),
            Self::Vanishes { delivery, acknowledged: false } => write!(f, "delivery {delivery} vanishes"),
            Self::Vanishes { delivery, acknowledged: true } => {
                write!(f, "the acknowledgement of delivery {delivery} will vanish")
            }
            Self::Keeps { delivery, reason } => write!(f, "delivery {delivery} is kept: {reason}"),
            Self::Changes(what) => f.write_str(what),
        }
    }
}
