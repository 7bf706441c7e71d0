//! Sending what a node decided: to stages, to slots of sync nodes, to the run record.

use std::time::Duration;

use caribou_model::{AttemptOutcome, NodeId, Region, Timestamp};
use futures_util::future::join_all;

use super::attempt::Attempt;
use super::claim::{Outcome, Progress, StoredDelivery};
use super::error::HandleError;
use super::hold::Hold;
use super::sync::Given;
use crate::key;
use crate::message::Message;
use crate::port::{SendError, StageAddress};
use crate::run::End;
use crate::stored::StoredValue;

/// The wait after the first failed send; each further wait is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// What is left of the invocation's time when waiting stops.
const RESERVE: Duration = Duration::from_millis(500);

/// What went along an edge.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) region: Region,
    /// Whether anything was: to a map without items nothing is.
    pub(crate) taken: bool,
    /// Bytes of the messages or items, and of the blobs made for them.
    pub(crate) bytes: u64,
    pub(crate) at: Timestamp,
}

/// Why a delivery has to be tried elsewhere, or later.
pub(super) enum Undelivered {
    /// It is certain that the region does not have it.
    NotAccepted,
    Error(HandleError),
}

impl<E: Into<HandleError>> From<E> for Undelivered {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Attempt<'_> {
    /// Sends what was recorded in the hold, and notes how the attempt ended.
    pub(crate) async fn deliver(
        &mut self,
        hold: &mut Hold,
        outcome_of_attempt: AttemptOutcome,
    ) -> Result<(), HandleError> {
        let Progress::Done(outcome) = hold.claim.progress.clone() else { return Ok(()) };
        let first = join_all(outcome.deliveries.iter().map(|delivery| self.send(&outcome, delivery))).await;
        let mut sent = Vec::with_capacity(first.len());
        for (index, first) in first.into_iter().enumerate() {
            sent.push(match first {
                Ok(sent) => sent,
                Err(Undelivered::Error(error)) => return Err(error),
                Err(Undelivered::NotAccepted) => self.send_home(hold, index).await?,
            });
        }
        let successors = self.successors(&outcome, &sent);
        self.record(outcome_of_attempt, successors);
        Ok(())
    }

    /// Sends one delivery to where it belongs.
    async fn send(&self, outcome: &Outcome, delivery: &StoredDelivery) -> Result<Sent, Undelivered> {
        let values = outcome.values_of(delivery);
        let blob_bytes = self.bytes_of_blobs(&values);
        let graph = &self.shim.graph;
        let pinned = self.pin.placement.region_of_node(graph, delivery.to, &self.pin.home);
        let region = delivery.moved.as_ref().or(pinned).unwrap_or(&self.pin.home).clone();
        let at = self.shim.ports.clock.now();
        let sent = |bytes: u64| Sent { region: region.clone(), taken: true, bytes: bytes + blob_bytes, at };
        if let Some(items) = &delivery.items {
            let bytes = self.dispatch(outcome, delivery, items, &region).await?;
            return Ok(Sent { taken: items.count > 0, ..sent(bytes) });
        }
        let joins = delivery.to == self.node;
        if graph.is_sync(delivery.to) && !joins {
            return Ok(sent(match self.item {
                Some(item) => self.arrive_item(item, delivery, values, &region).await?,
                None => self.arrive(delivery.to, delivery.slot, Given::Values(values), &region).await?,
            }));
        }
        if delivery.to == graph.result() {
            let bytes = values.first().map_or(0, StoredValue::len);
            let inline = values.first().is_some_and(|value| matches!(value, StoredValue::Inline(_)));
            if let Some(result) = values.into_iter().next() {
                self.end_run(End::Succeeded { at, result }).await?;
            }
            return Ok(sent(if inline { bytes } else { 0 }));
        }
        let displaced = delivery.displaced;
        let message = Message { displaced, ..self.message(delivery.to, false, values) };
        Ok(sent(self.post(&message, &region, region != self.pin.home).await?))
    }

    /// Bytes of those values that were stored as blobs here.
    pub(super) fn bytes_of_blobs<'v>(&self, values: impl IntoIterator<Item = &'v StoredValue>) -> u64 {
        let made_here = key::blobs_of(&self.pin.workflow, &self.pin.run, self.place());
        let bytes = values.into_iter().map(|value| match value {
            StoredValue::Blob(reference) if reference.key.starts_with(&made_here) => reference.bytes,
            _ => 0,
        });
        bytes.sum()
    }

    /// Sends a delivery home whose region did not accept it, once that is recorded for retries to read.
    async fn send_home(&self, hold: &mut Hold, index: usize) -> Result<Sent, HandleError> {
        let home = &self.pin.home;
        while let Progress::Done(outcome) = &hold.claim.progress {
            let mut outcome = outcome.clone();
            let Some(delivery) = outcome.deliveries.get_mut(index) else { break };
            if hold.is_over() || hold.claim.resumed > self.pin.resumed {
                break;
            }
            if delivery.moved.is_none() {
                tracing::warn!(run = %self.pin.run, to = %delivery.to, %home, "the planned region does not accept the message; it goes home");
                delivery.moved = Some(home.clone());
                delivery.displaced = self.pin.resumed > 0;
                if !hold.advance(&self.ledger, Progress::Done(outcome.clone())).await? {
                    continue;
                }
            }
            let Some(delivery) = outcome.deliveries.get(index) else { break };
            return match self.send(&outcome, delivery).await {
                Ok(sent) => Ok(sent),
                Err(Undelivered::Error(error)) => Err(error),
                Err(Undelivered::NotAccepted) => {
                    Err(SendError::NotAccepted { region: home.clone(), cause: "home is down as well".into() }
                        .into())
                }
            };
        }
        // The run has ended meanwhile, or was taken up again: nothing waits for this delivery.
        Ok(Sent { region: home.clone(), taken: true, bytes: 0, at: self.shim.ports.clock.now() })
    }

    pub(super) fn message(&self, to: NodeId, fires: bool, values: Vec<StoredValue>) -> Message {
        Message {
            pin: self.pin.clone(),
            to,
            item: None,
            fires,
            revived: false,
            displaced: false,
            from: self.node,
            attempt: self.number,
            hops: self.hops + 1,
            sent: self.shim.ports.clock.now(),
            values,
        }
    }

    /// Hands a message to the transport, with patience until the invocation ends. Tells its bytes.
    pub(super) async fn post(
        &self,
        message: &Message,
        region: &Region,
        may_move: bool,
    ) -> Result<u64, Undelivered> {
        let stage = || self.shim.name_of(message.to).to_owned();
        let body = message.encode().map_err(|cause| HandleError::Unwritable { stage: stage(), cause })?;
        let to = self.shim.address_of(message.to, region);
        match self.shim.hand_over(&to, &body, None, self.event.deadline, may_move).await {
            Ok(()) => Ok(body.len() as u64),
            Err(SendError::NotAccepted { .. }) if may_move => Err(Undelivered::NotAccepted),
            Err(error) => Err(Undelivered::Error(error.into())),
        }
    }
}

impl super::Inner {
    /// Hands a body to the transport, with patience until `deadline`. Where the message `may_move`, a certain refusal is told
    /// at once.
    pub(crate) async fn hand_over(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
        deadline: Timestamp,
        may_move: bool,
    ) -> Result<(), SendError> {
        let mut wait = FIRST_WAIT;
        loop {
            let error = match self.ports.transport.send(to, body, not_before).await {
                Ok(()) => return Ok(()),
                Err(error @ SendError::NotAccepted { .. }) if may_move => return Err(error),
                Err(error) => error,
            };
            if self.ports.clock.now().plus(wait).plus(RESERVE) >= deadline {
                return Err(error);
            }
            tracing::warn!(%error, "a message is sent again");
            self.ports.clock.sleep(wait).await;
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }
}
