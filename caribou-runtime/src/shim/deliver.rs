//! Sending what a node decided: to stages, to slots of sync nodes, to the run record.

use std::time::Duration;

use caribou_model::{AttemptOutcome, NodeId, Region, Timestamp};
use futures_util::future::join_all;

use super::attempt::Attempt;
use super::claim::{Outcome, Progress, StoredDelivery};
use super::error::HandleError;
use super::hold::Hold;
use super::sync::Given;
use crate::backoff::Backoff;
use crate::message::Message;
use crate::port::{SendError, StageAddress};
use crate::run::End;
use crate::stored::StoredValue;
use crate::{BlobReference, key};

/// The wait after the first failed send; each further wait is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long a region that is asked for too much is waited for before a message moves home, if the invocation is long enough.
const BUSY_FOR: Duration = Duration::from_secs(15);
/// How often a message is sent that is refused: what was just deployed may take a moment to be known everywhere.
const REFUSALS: u32 = 4;
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
    /// Sends what this attempt has just recorded in the hold, and notes how it ended. What a region certainly does not
    /// accept goes home.
    pub(crate) async fn deliver(
        &mut self,
        hold: &mut Hold,
        outcome_of_attempt: AttemptOutcome,
    ) -> Result<(), HandleError> {
        let Progress::Done(outcome) = hold.claim.progress.clone() else { return Ok(()) };
        // When its run is over an entry's outcome has no values any more, and nobody waits for them.
        if hold.is_over() {
            self.record(outcome_of_attempt, Vec::new());
            return Ok(());
        }
        let first = join_all(outcome.deliveries.iter().map(|delivery| self.send(&outcome, delivery))).await;
        let mut sent = Vec::with_capacity(first.len());
        let mut failed = None;
        // One that fails keeps none of the others from where it can go.
        for (index, first) in first.into_iter().enumerate() {
            let arrived = match first {
                Ok(sent) => Ok(sent),
                Err(Undelivered::Error(error)) => Err(error),
                Err(Undelivered::NotAccepted) => self.send_home(hold, index).await,
            };
            match arrived {
                Ok(arrived) => sent.push(arrived),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let successors = self.successors(&outcome, &sent);
        self.record(outcome_of_attempt, successors);
        Ok(())
    }

    /// Sends what was recorded earlier, by this delivery or by another, and notes how the attempt ended.
    ///
    /// Nobody knows what of it was sent before: a region that does not accept it now may have accepted it then. So before
    /// anything is sent it is recorded that nothing moves any more, neither here nor by the attempt that recorded the outcome.
    pub(crate) async fn deliver_again(
        &mut self,
        hold: &mut Hold,
        outcome_of_attempt: AttemptOutcome,
    ) -> Result<(), HandleError> {
        while let Progress::Done(outcome) = &hold.claim.progress {
            // In a run that was taken up again what moves is displaced, and that does no harm.
            if outcome.settled
                || self.pin.resumed > 0
                || !outcome.deliveries.iter().any(|delivery| self.could_move(delivery))
            {
                break;
            }
            let settled = Outcome { settled: true, ..outcome.clone() };
            hold.advance(&self.ledger, Progress::Done(settled)).await?;
        }
        self.deliver(hold, outcome_of_attempt).await
    }

    /// Whether a delivery goes to a node that may run at home instead, and has not moved there yet.
    fn could_move(&self, delivery: &StoredDelivery) -> bool {
        let (graph, home) = (&self.shim.graph, &self.pin.home);
        let stays = graph.is_sync(delivery.to) || delivery.to == graph.result() || delivery.moved.is_some();
        !stays && self.pin.placement.region_of_node(graph, delivery.to, home) != Some(home)
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
        let may_move = (self.pin.resumed > 0 || !outcome.settled) && self.could_move(delivery);
        if let Some(items) = &delivery.items {
            let bytes = self.dispatch(outcome, delivery, items, &region, may_move).await?;
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
                let result = self.brought_home(result).await?;
                self.end_run(End::Succeeded { at, result }).await?;
            }
            return Ok(sent(if inline || blob_bytes == 0 { bytes } else { 0 }));
        }
        let displaced = delivery.displaced;
        let message = Message { displaced, ..self.message(delivery.to, false, values) };
        Ok(sent(self.post(&message, &region, may_move).await?))
    }

    /// The result as it lies at home for as long as the run's record does.
    async fn brought_home(&self, result: StoredValue) -> Result<StoredValue, HandleError> {
        let StoredValue::Blob(from) = result else { return Ok(result) };
        let content = self.ledger.get_blob(&from.region, &from.key).await?;
        let (region, key) = (self.pin.home.clone(), key::result(&self.pin.workflow, &self.pin.run));
        self.ledger.put_blob(&region, &key, &content, self.pin.kept_until()).await?;
        Ok(StoredValue::Blob(BlobReference { region, key, bytes: from.bytes }))
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
            if delivery.moved.is_none() && (self.pin.resumed > 0 || !outcome.settled) {
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
            again: false,
            returns: 0,
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
            Err(error) if may_move && error.is_certain() => Err(Undelivered::NotAccepted),
            Err(error) => Err(Undelivered::Error(error.into())),
        }
    }
}

impl super::Inner {
    /// Hands a body to the transport, with patience until `deadline`. Where the message `may_move`, a certain refusal is told
    /// at once, and a region that is only busy is waited for a while before; after an answer that leaves a doubt no refusal is
    /// certain. Where it may not, a refusal that waiting does not change is told after a few tries.
    pub(crate) async fn hand_over(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
        deadline: Timestamp,
        may_move: bool,
    ) -> Result<(), SendError> {
        let began = self.ports.clock.now();
        let busy_until = began.plus(BUSY_FOR.min(deadline.since(began) / 2));
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT, 2, (to, body));
        let (mut doubt, mut refusals) = (None, 0);
        loop {
            let error = match self.ports.transport.send(to, body, not_before).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let now = self.ports.clock.now();
            let moves = may_move && doubt.is_none();
            let is_over = match &error {
                SendError::Unsendable { .. } => true,
                SendError::NotAccepted { .. } => moves,
                SendError::Busy { .. } => moves && now >= busy_until,
                SendError::Refused { .. } => {
                    refusals += 1;
                    moves || refusals >= REFUSALS
                }
                SendError::Ambiguous { .. } => {
                    doubt = Some(error.clone());
                    false
                }
            };
            let wait = backoff.wait();
            if is_over || now.plus(wait).plus(RESERVE) >= deadline {
                return Err(doubt.unwrap_or(error));
            }
            tracing::warn!(%error, "a message is sent again");
            self.ports.clock.sleep(wait).await;
        }
    }
}
