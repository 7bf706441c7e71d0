//! A message in a topic's queue, and one that was given up.

use caribou_model::Timestamp;
use caribou_runtime::lambda::{FAILED, REFUSED};
use caribou_runtime::port::StageAddress;
use redb::{ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::disk::{BODIES, DEAD_LETTERS, DiskError, MESSAGES, Tables};
use crate::services::{OnFailure, Then};

/// How often the platform tries a failed delivery again, as Lambda does for asynchronous events.
pub(crate) const RETRIES: u32 = 2;

/// A message on its way to a function. Its body lies beside it, under the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) to: StageAddress,
    /// The same for every delivery of one publication.
    pub(crate) id: String,
    /// The same for every attempt at one delivery.
    pub(crate) request_id: String,
    pub(crate) published: Timestamp,
    pub(crate) not_before: Timestamp,
    /// Failed attempts so far.
    pub(crate) failures: u32,
    pub(crate) mode: Mode,
    #[serde(default)]
    pub(crate) form: Form,
}

/// What the body of a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// What was published to a topic: the event tells of it.
    #[default]
    Publication,
    /// The event itself, as JSON.
    Event,
}

/// What the function is asked to do with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Handle it.
    Handle,
    /// Note that it was given up: what went to the failure destination.
    Failure {
        attempts: u32,
        reason: String,
        #[serde(default = "failed")]
        kind: String,
    },
}

fn failed() -> String {
    FAILED.to_owned()
}

/// A message that will not be delivered any more. It is kept until the state is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Where it was to go.
    pub to: StageAddress,
    /// The message's id.
    pub message_id: String,
    /// The delivery's request id.
    pub request_id: String,
    /// Attempts made.
    pub attempts: u32,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
    /// What it said.
    pub body: String,
}

/// What became of a message after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// When it may be delivered again; `None` if it is gone from the queue.
    pub(crate) again: Option<Timestamp>,
    /// Whether it became a dead letter now.
    pub(crate) dead_letter: bool,
    /// Whether its failure destination is to be told.
    pub(crate) notice: bool,
}

/// An attempt that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Its type, as the function or the platform names it.
    pub(crate) kind: String,
    /// Why.
    pub(crate) reason: String,
}

impl Failure {
    /// Whether trying again is pointless: the event cannot be read.
    fn is_refusal(&self) -> bool {
        self.kind == REFUSED
    }
}

impl Message {
    pub(crate) fn insert(&self, body: &str, tables: &mut Tables<'_>) -> Result<u64, redb::Error> {
        let number = tables.next();
        tables.bodies.insert(number, body)?;
        tables.messages.insert(number, json(self).as_slice())?;
        Ok(number)
    }
}

/// Removes a message that was handled.
pub(crate) fn complete(number: u64, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
    tables.messages.remove(number)?;
    tables.bodies.remove(number)?;
    Ok(())
}

/// Notes a failed attempt: tries again, hands the message over to failure mode, or gives it up.
pub(crate) fn fail(
    number: u64,
    failure: Failure,
    on_failure: &OnFailure,
    now: Timestamp,
    tables: &mut Tables<'_>,
) -> Result<Verdict, redb::Error> {
    let gone = Verdict { again: None, dead_letter: false, notice: false };
    let stored = tables.messages.get(number)?.and_then(|stored| parse::<Message>(stored.value()));
    let Some(mut message) = stored else { return Ok(gone) };
    message.failures += 1;
    let refused = on_failure.obeys_refusals && failure.is_refusal();
    if !refused && message.failures <= on_failure.retries {
        message.not_before = now.plus(backoff(message.failures));
        tables.messages.insert(number, json(&message).as_slice())?;
        return Ok(Verdict { again: Some(message.not_before), ..gone });
    }
    let (attempts, reason) = match &message.mode {
        Mode::Handle => (message.failures, failure.reason),
        Mode::Failure { attempts, reason, .. } => {
            (*attempts, format!("{reason}; the function could not note that either: {}", failure.reason))
        }
    };
    let body = tables.bodies.get(number)?.map(|stored| stored.value().to_owned()).unwrap_or_default();
    let letter = DeadLetter {
        to: message.to.clone(),
        message_id: message.id.clone(),
        request_id: message.request_id.clone(),
        attempts,
        reason: reason.clone(),
        at: now,
        body,
    };
    let dead_letter = tables.dead_letters.insert(number, json(&letter).as_slice())?.is_none();
    if refused || message.mode != Mode::Handle || on_failure.then == Then::Nothing {
        complete(number, tables)?;
        return Ok(Verdict { dead_letter, ..gone });
    }
    message.mode = Mode::Failure { attempts, reason, kind: failure.kind };
    message.failures = 0;
    message.not_before = now;
    tables.messages.insert(number, json(&message).as_slice())?;
    let notice = matches!(on_failure.then, Then::Notice(_));
    Ok(Verdict { again: (!notice).then_some(now), dead_letter, notice })
}

/// Waiting time before an attempt, after this many failures: 0.2 s, then 1 s. Lambda waits minutes; a developer
/// should not have to.
fn backoff(failures: u32) -> std::time::Duration {
    std::time::Duration::from_millis(if failures <= 1 { 200 } else { 1000 })
}

/// Every message in the queues, by number, without the bodies.
pub(crate) fn queued(transaction: &ReadTransaction) -> Result<Vec<(u64, Message)>, DiskError> {
    let mut messages = Vec::new();
    for entry in transaction.open_table(MESSAGES)?.iter()? {
        let (number, stored) = entry?;
        messages.push((number.value(), decode(stored.value(), "a message")?));
    }
    Ok(messages)
}

/// A message and its body, if it is still there.
pub(crate) fn load(
    transaction: &ReadTransaction,
    number: u64,
) -> Result<Option<(Message, String)>, DiskError> {
    let (messages, bodies) = (transaction.open_table(MESSAGES)?, transaction.open_table(BODIES)?);
    let (Some(message), Some(body)) = (messages.get(number)?, bodies.get(number)?) else { return Ok(None) };
    Ok(Some((decode(message.value(), "a message")?, body.value().to_owned())))
}

/// The dead letters, oldest first.
pub(crate) fn dead_letters(transaction: &ReadTransaction) -> Result<Vec<DeadLetter>, DiskError> {
    let mut letters = Vec::new();
    for entry in transaction.open_table(DEAD_LETTERS)?.iter()? {
        letters.push(decode(entry?.1.value(), "a dead letter")?);
    }
    Ok(letters)
}

/// As JSON. These types always have one.
pub(crate) fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// From JSON that this version wrote.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, DiskError> {
    serde_json::from_slice(bytes).map_err(|error| {
        DiskError::Other(format!(
            "{what} is not readable by this version of caribou ({error}); use a new state"
        ))
    })
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}
