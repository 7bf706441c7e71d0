//! A run that has failed is taken up again.
//!
//! Its *resumption* is a number in its pin: 0 at first, one more each time. The entry's function reopens the run record by
//! one conditional write (no end, a new deadline, the next resumption), which is its claim at the same time, and then
//! sends what the entry had decided, with the new pin. Nothing else is reset: the run goes through its graph once more,
//! and whoever receives a message of the new time does what is left to do.
//!
//! 1. A claim is of the time in which it was made. A message of a later time *renews* it, by one conditional write: an
//!    outcome stays, and is sent again with the new pin; where there is none, because the attempts failed, crashed or
//!    were used up, the node begins again with a fresh budget. What may still be at work is waited for until its lease ends.
//! 2. A message of an earlier time that meets a claim of a later one is dropped, whatever it is: a duplicate, a dead
//!    letter, what was parked. Where it meets none it may work as ever: what it records is an outcome like any other,
//!    and the message of the new time, which is sure to come, finds it and sends it on.
//! 3. An attempt of an earlier time whose claim was renewed has been superseded: its outcome is refused by the store.
//! 4. A failure of an earlier time does not end the run: neither that of an attempt nor that of a message that came after
//!    the old deadline. A result does at any time, for it follows from recorded outcomes alone.
//! 5. Of a map only those items are sent that have not arrived ([`missing`](Attempt::missing)).
//! 6. A request to take a run up again names the resumption that it asks for. So one that comes twice, or two at once, or
//!    one that comes when the run has failed once more, take it up once.
//! 7. A region that takes no messages any more is left: its messages go home, *displaced*. Claims and arrivals stay where
//!    the pin has them, so that what was done there is not done again, and is not done twice if the region comes
//!    back. The region's store has to answer: without it nobody knows what was done.
//!
//! Everything of a run is kept for 14 days after its first deadline, and a new deadline is never later than that.

use std::cmp::Ordering;
use std::time::Duration;

use caribou_model::{NodeId, Timestamp};

use super::Inner;
use super::attempt::Attempt;
use super::claim::{Claim, Progress};
use super::error::{HandleError, Refusal};
use super::event::{Event, Handled};
use super::hold::{Claimed, Hold, LOOKS, check_pin};
use super::ledger::Ledger;
use super::stage::Stopped;
use crate::port::BlobError;
use crate::request::{Request, RequestError};
use crate::run::{End, RunRecord};
use crate::stored::StoredValue;
use crate::{Pin, Value, codec, key};

impl Inner {
    /// Takes a run up again, unless that was done, or is not to be done.
    pub(super) async fn handle_resumption(
        &self,
        event: &Event,
        request: &Request,
        resumption: u32,
        again: bool,
    ) -> Result<Handled, HandleError> {
        self.check_request(request)?;
        let Some(run) = &request.run else { return Err(Refusal::from(RequestError::NoRun).into()) };
        let ledger = Ledger::new(&self.ports, event.deadline);
        let home = &self.deployment.home;
        let Some(hold) = Hold::of_run(&ledger, &self.graph.workflow, run, home).await? else {
            return Ok(Handled::Duplicate);
        };
        let claimed = self.reopen(&ledger, event, hold, resumption, again).await?;
        let (mut hold, exhausted) = match claimed {
            Claimed::Mine(hold) | Claimed::Repeat(hold) => (hold, false),
            Claimed::Exhausted(hold) => (hold, true),
            Claimed::Drop => return Ok(Handled::Duplicate),
            Claimed::Wait { until } => return self.park(event, NodeId::ENTRY, until).await,
        };
        let Some(RunRecord { pin, input, .. }) = hold.run.clone() else { return Ok(Handled::Duplicate) };
        let mut attempt = Attempt { ledger, ..Attempt::new(self, event, &pin, NodeId::ENTRY) };
        attempt.hold_on(&hold);
        let run = run.clone();
        if exhausted {
            attempt.fail(&mut hold, self.exhausted(), input.map(Value::from).into_iter().collect()).await?;
        } else if matches!(hold.claim.progress, Progress::Working) {
            let worked = match attempt.kept_input(input).await {
                Ok(input) => attempt.evaluate(input),
                Err(stopped) => Err(stopped),
            };
            attempt.conclude(&mut hold, worked).await?;
        } else {
            attempt.repeat(&mut hold).await?;
        }
        Ok(Handled::Accepted { run })
    }

    /// Reopens the run record for this delivery, or finds out what to do with one that is reopened.
    async fn reopen(
        &self,
        ledger: &Ledger<'_>,
        event: &Event,
        mut hold: Hold,
        resumption: u32,
        again: bool,
    ) -> Result<Claimed, HandleError> {
        let claim = Claim::first(event, resumption);
        for _ in 0..LOOKS {
            let Some(record) = hold.run.clone() else { return Ok(Claimed::Drop) };
            check_pin(&record.pin, &self.graph.workflow, &self.graph.version, self.fingerprint)?;
            let now = self.ports.clock.now();
            match resumption.cmp(&record.pin.resumed) {
                Ordering::Less => return Ok(Claimed::Drop),
                Ordering::Equal => {
                    let expires = record.pin.kept_until();
                    let hold = Hold::of_entry(RunRecord { entry: claim, ..record }, expires);
                    return hold.claim(ledger, again, now, self.function.attempts()).await;
                }
                Ordering::Greater => {}
            }
            let next = record.resumed(&claim, now, self.deployment.run_deadline);
            let Some(record) = next.filter(|record| record.pin.resumed == resumption) else {
                return Ok(Claimed::Drop);
            };
            if hold.rewrite(ledger, record).await? {
                return Ok(match hold.claim.progress {
                    Progress::Working => Claimed::Mine(hold),
                    Progress::Done(_) | Progress::Failed(_) => Claimed::Repeat(hold),
                });
            }
        }
        Err(HandleError::Contended { key: hold.key().to_owned() })
    }
}

impl Attempt<'_> {
    /// The input that was kept when the entry failed.
    async fn kept_input(&mut self, input: Option<StoredValue>) -> Result<serde_json::Value, Stopped> {
        let Pin { workflow, run, .. } = &self.pin;
        let sent = matches!(&input, Some(StoredValue::Blob(blob)) if key::is_input(&blob.key, workflow, run));
        let content = match input {
            Some(StoredValue::Inline(content)) => content.into_inner(),
            Some(StoredValue::Blob(blob)) => match self.ledger.get_blob(&blob.region, &blob.key).await {
                Ok(content) => content,
                Err(error @ BlobError::Missing { .. }) => {
                    return Err(Stopped::ForGood { error: error.to_string(), input: Vec::new() });
                }
                Err(error) => return Err(Stopped::Event(error.into())),
            },
            None => {
                let error = "the input of the run was not kept".to_owned();
                return Err(Stopped::ForGood { error, input: Vec::new() });
            }
        };
        self.bytes_in += content.len() as u64;
        // What the client sent as a blob is JSON; what was kept of a failure is encoded.
        let read = if sent {
            serde_json::from_slice(&content).map_err(|cause| cause.to_string())
        } else {
            codec::to_json(&content).map_err(|cause| cause.to_string())
        };
        read.map_err(|cause| Stopped::ForGood {
            error: format!("the input that was kept cannot be read: {cause}"),
            input: vec![Value::Inline(content)],
        })
    }
}

/// Why a run cannot be taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It is under way.
    Running,
    /// It has succeeded.
    Succeeded,
    /// Its entry came to no outcome, and its input was not kept.
    NoInput,
    /// What it has recorded has expired, or is about to.
    Expired,
}

impl RunRecord {
    /// Whether the run can be taken up again, and from which input if its entry is to run again.
    pub(crate) fn resumable(&self, now: Timestamp) -> Result<Option<StoredValue>, Closed> {
        match &self.end {
            Some(End::Succeeded { .. }) => return Err(Closed::Succeeded),
            None if now < self.pin.deadline => return Err(Closed::Running),
            _ if now >= self.kept_until => return Err(Closed::Expired),
            Some(End::Failed { .. } | End::Overdue { .. }) | None => {}
        }
        let kept = match &self.entry.progress {
            Progress::Done(_) => return Ok(None),
            Progress::Failed(failure) => failure.input.first(),
            Progress::Working => None,
        };
        kept.or(self.input.as_ref()).cloned().map(Some).ok_or(Closed::NoInput)
    }

    /// The record of the run as it is taken up again, claimed by this delivery. `None` if it cannot be.
    fn resumed(&self, claim: &Claim, now: Timestamp, deadline: Duration) -> Option<Self> {
        let input = self.resumable(now).ok()?;
        let pin = Pin {
            deadline: now.plus(deadline).min(self.kept_until),
            resumed: self.pin.resumed.saturating_add(1),
            ..self.pin.clone()
        };
        Some(Self { pin, entry: self.entry.renewed(claim), input, end: None, ..self.clone() })
    }
}
