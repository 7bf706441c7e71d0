//! The end of a run, written in its home region. The first end wins; a success that comes after the
//! deadline is none, for whoever looked in between was told so.

use std::time::Duration;

use caribou_model::AttemptOutcome;

use super::attempt::Attempt;
use super::claim::{Outcome, Progress};
use super::error::HandleError;
use super::excerpt::excerpt;
use super::hold::{Hold, LOOKS};
use super::ledger::Ledger;
use super::spill::{Spill, fetch};
use crate::port::{Condition, Put};
use crate::run::{End, Failure, RunRecord};
use crate::stored::StoredValue;
use crate::{Value, codec, key};

/// How long the blobs of a failing input are waited for.
const HASTE: Duration = Duration::from_secs(2);

impl Attempt<'_> {
    /// Records how the run ended, unless that is recorded already. A failure of the time before it was taken up again is
    /// none; a result is one at any time.
    pub(crate) async fn end_run(&self, end: End) -> Result<(), HandleError> {
        let key = key::run(&self.pin.workflow, &self.pin.run);
        let home = &self.pin.home;
        let unreadable = |cause| HandleError::Item { key: key.clone(), cause };
        for _ in 0..LOOKS {
            let Some(item) = self.ledger.get(home, &key).await? else {
                return Err(HandleError::Gone { key });
            };
            let mut record = RunRecord::decode(&item.value).map_err(unreadable)?;
            let (failed, bygone) = (matches!(end, End::Failed { .. }), record.pin.resumed > self.pin.resumed);
            let deadline = record.pin.deadline;
            let late = self.shim.ports.clock.now() >= deadline;
            let end = match &end {
                End::Succeeded { .. } if late => End::Overdue { at: deadline },
                end => end.clone(),
            };
            if !end.may_follow(record.end.as_ref()) || (failed && bygone) {
                return Ok(());
            }
            let succeeded = matches!(end, End::Succeeded { .. });
            record.end = Some(end);
            // The values that the entry sent have served their purpose, unless the run is taken up again; the record stays small for
            // those who poll it.
            if let Progress::Done(outcome) = &mut record.entry.progress
                && succeeded
            {
                outcome.values.clear();
                outcome.deliveries.iter_mut().for_each(|delivery| delivery.values.clear());
                record.input = None;
            }
            let value = codec::encode(&record).map_err(unreadable)?;
            let condition = Condition::Revision(item.revision);
            let expires = record.pin.kept_until();
            if let Put::Written(_) = self.ledger.put(home, &key, value.into(), condition, expires).await? {
                return Ok(());
            }
        }
        Err(HandleError::Contended { key })
    }

    /// Records that the node failed for good, and with it the run.
    pub(crate) async fn fail(
        &mut self,
        hold: &mut Hold,
        error: String,
        input: Vec<Value>,
    ) -> Result<(), HandleError> {
        let failure = Failure {
            stage: self.stage().to_owned(),
            item: self.place().item,
            region: self.region().clone(),
            attempt: self.number,
            error: excerpt(error),
            input: self.kept(input).await,
        };
        // Whoever records a failure sees to it that the run is told, even where the attempts were another's.
        hold.claim.owner.clone_from(&self.event.request_id);
        if let Some(record) = &mut hold.run {
            let at = self.shim.ports.clock.now();
            record.end = Some(End::Failed { at, failure: failure.clone() });
        }
        if !hold.advance(&self.ledger, Progress::Failed(failure)).await? {
            return self.superseded(hold).await;
        }
        self.report(hold).await
    }

    /// Tells the run of the failure in the hold, and notes the attempt.
    pub(crate) async fn report(&mut self, hold: &Hold) -> Result<(), HandleError> {
        if let Progress::Failed(failure) = &hold.claim.progress {
            if hold.run.is_none() {
                let at = self.shim.ports.clock.now();
                self.end_run(End::Failed { at, failure: failure.clone() }).await?;
            }
            let own = hold.claim.owner == self.event.request_id;
            let outcome = if own { AttemptOutcome::Failed } else { AttemptOutcome::Superseded };
            self.record(outcome, self.successors(&Outcome::default(), &[]));
        }
        Ok(())
    }

    /// After another attempt was first: sends what that one recorded, never the own. Where that one came to no outcome yet, the
    /// platform shall look again: nobody knows whether it is alive, or whose retry would see to its sends.
    pub(crate) async fn superseded(&mut self, hold: &mut Hold) -> Result<(), HandleError> {
        match hold.claim.progress {
            // The values of an entry's outcome may be gone when its run is over.
            Progress::Done(_) if !hold.is_over() => {
                self.deliver_again(hold, AttemptOutcome::Superseded).await
            }
            Progress::Failed(_) => self.report(hold).await,
            Progress::Done(_) => {
                self.record(AttemptOutcome::Superseded, Vec::new());
                Ok(())
            }
            // The run was taken up again: whoever renewed the claim sees to it.
            Progress::Working if hold.claim.resumed > self.pin.resumed => {
                self.record(AttemptOutcome::Superseded, Vec::new());
                Ok(())
            }
            Progress::Working => {
                self.record(AttemptOutcome::Superseded, Vec::new());
                Err(HandleError::Overtaken { stage: self.stage().to_owned() })
            }
        }
    }

    /// Store and blobs without much patience: that the run has failed is more to tell than with which input.
    pub(crate) fn hasty(&self) -> Ledger<'_> {
        Ledger::new(&self.shim.ports, self.shim.ports.clock.now().plus(HASTE))
    }

    /// The failing input in a form that outlives the run. What cannot be fetched any more stays a reference.
    pub(crate) async fn kept(&self, mut input: Vec<Value>) -> Vec<StoredValue> {
        let everything: Vec<u16> =
            (0..input.len()).filter_map(|position| u16::try_from(position).ok()).collect();
        let ledger = self.hasty();
        if let Err(error) = fetch(&ledger, &mut input, &everything).await {
            tracing::warn!(run = %self.pin.run, %error, "the failing input is kept as references");
        }
        let references = input.iter().cloned().map(StoredValue::from).collect();
        let inline = input.into_iter().map(|value| match value {
            Value::Blob { content: Some(content), .. } => Value::Inline(content),
            value => value,
        });
        let spill = Spill {
            ledger: &ledger,
            region: self.region(),
            pin: self.pin,
            place: self.place(),
            attempt: format!("{}-failed", self.number),
            expires: self.pin.kept_until(),
        };
        match spill.values(inline.collect()).await {
            Ok(values) => values,
            Err(error) => {
                tracing::warn!(run = %self.pin.run, %error, "the failing input is kept as references");
                references
            }
        }
    }
}
