//! Sending what a node decided: to stages, to slots of sync nodes, to the run record.

use std::time::Duration;

use caribou_model::{AttemptOutcome, NodeId, Region, Timestamp};
use futures_util::future::join_all;

use super::attempt::Attempt;
use super::claim::{Outcome, Progress, StoredDelivery};
use super::error::HandleError;
use super::hold::Hold;
use super::sync::Arrival;
use crate::message::Message;
use crate::port::{Put, SendError, StageAddress};
use crate::run::End;
use crate::stored::StoredValue;
use crate::{codec, key};

/// The wait after the first failed send; each further wait is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// What is left of the invocation's time when waiting stops.
const RESERVE: Duration = Duration::from_millis(500);

/// What went along an edge.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) region: Region,
    /// Bytes of the message or item, and of the blobs made for it.
    pub(crate) bytes: u64,
    pub(crate) at: Timestamp,
}

/// Why a delivery has to be tried elsewhere, or later.
enum Undelivered {
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
        let made_here = format!("{}/{}/{}/", self.pin.workflow, self.pin.run, self.node);
        let blobs = values.iter().filter_map(|value| match value {
            StoredValue::Blob(reference) if reference.key.starts_with(&made_here) => Some(reference.bytes),
            _ => None,
        });
        let blob_bytes: u64 = blobs.sum();
        let graph = &self.shim.graph;
        let pinned = self.pin.placement.region_of_node(graph, delivery.to, &self.pin.home);
        let region = delivery.moved.as_ref().or(pinned).unwrap_or(&self.pin.home).clone();
        let at = self.shim.ports.clock.now();
        let sent = |bytes: u64| Sent { region: region.clone(), bytes: bytes + blob_bytes, at };
        let joins = delivery.to == self.node;
        if graph.is_sync(delivery.to) && !joins {
            return Ok(sent(self.arrive(delivery, values, &region).await?));
        }
        if delivery.to == graph.result() {
            let bytes = values.first().map_or(0, StoredValue::len);
            let inline = values.first().is_some_and(|value| matches!(value, StoredValue::Inline(_)));
            if let Some(result) = values.into_iter().next() {
                self.end_run(End::Succeeded { at, result }).await?;
            }
            return Ok(sent(if inline { bytes } else { 0 }));
        }
        let message = self.message(delivery.to, false, values);
        Ok(sent(self.post(&message, &region, region != self.pin.home).await?))
    }

    /// Sends a delivery home whose region did not accept it, once that is recorded for retries to read.
    async fn send_home(&self, hold: &mut Hold, index: usize) -> Result<Sent, HandleError> {
        let home = &self.pin.home;
        while let Progress::Done(outcome) = &hold.claim.progress {
            let mut outcome = outcome.clone();
            let Some(delivery) = outcome.deliveries.get_mut(index) else { break };
            if delivery.moved.is_none() {
                tracing::warn!(run = %self.pin.run, to = %delivery.to, %home, "the planned region does not accept the message; it goes home");
                delivery.moved = Some(home.clone());
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
        // The run has ended meanwhile: nothing waits for this delivery.
        Ok(Sent { region: home.clone(), bytes: 0, at: self.shim.ports.clock.now() })
    }

    /// Fills a slot of a sync node, and fires the node if that was the last. Tells the bytes moved.
    async fn arrive(
        &self,
        delivery: &StoredDelivery,
        values: Vec<StoredValue>,
        region: &Region,
    ) -> Result<u64, HandleError> {
        let StoredDelivery { to, slot, .. } = *delivery;
        let (workflow, run) = (&self.pin.workflow, &self.pin.run);
        let at = self.shim.ports.clock.now();
        let arrival = Arrival { from: self.node, attempt: self.number, sent: at, values };
        let key = key::arrival(workflow, run, to, slot);
        let value = codec::encode(&arrival).map_err(|cause| HandleError::Item { key: key.clone(), cause })?;
        let bytes = value.len() as u64;
        let expires = self.pin.kept_until();
        let absent = crate::port::Condition::Absent;
        match self.ledger.put(region, &key, value.into(), absent, expires).await? {
            Put::Written(_) | Put::Refused(Some(_)) => {}
            Put::Refused(None) => return Err(HandleError::Gone { key }),
        }
        let arrived = key::arrived(workflow, run, to);
        let filled = self.ledger.add(region, &arrived, slot.into(), expires).await?;
        if filled.len() >= self.shim.slots_of(to) {
            let message = self.message(to, true, Vec::new());
            match self.post(&message, region, false).await {
                Ok(_) => {}
                Err(Undelivered::Error(error)) => return Err(error),
                Err(Undelivered::NotAccepted) => {
                    let cause = "a sync node does not move".into();
                    return Err(SendError::NotAccepted { region: region.clone(), cause }.into());
                }
            }
        }
        Ok(bytes)
    }

    fn message(&self, to: NodeId, fires: bool, values: Vec<StoredValue>) -> Message {
        Message {
            pin: self.pin.clone(),
            to,
            fires,
            revived: false,
            from: self.node,
            attempt: self.number,
            hops: self.hops + 1,
            sent: self.shim.ports.clock.now(),
            values,
        }
    }

    /// Hands a message to the transport, with patience until the invocation ends. Tells its bytes.
    async fn post(&self, message: &Message, region: &Region, may_move: bool) -> Result<u64, Undelivered> {
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
