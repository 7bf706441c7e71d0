//! Dead letters: events that the platform has given up.
//!
//! A letter ends in one of three ways: what was decided is sent, the event is sent back to its function, or the run is told
//! why it failed. It is sent back while attempts are left, and where something that it needs does not answer: with a wait
//! that grows, until the run's deadline.

use std::time::Duration;

use caribou_model::{NodeId, Timestamp};

use super::Inner;
use super::attempt::Attempt;
use super::claim::{Claim, Progress};
use super::entry::run_of_request;
use super::error::{HandleError, Refusal};
use super::event::Event;
use super::excerpt::excerpt;
use super::hold::{Claimed, Hold};
use crate::Value;
use crate::message::Message;
use crate::request::{Received, Request};

/// Deliveries that the platform makes before it gives an event up, as AWS Lambda does.
const PLATFORM_DELIVERIES: u32 = 3;
/// The wait before the first letter of an event is sent back; each further wait is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// What is left of the run's time when its event is not sent back any more: enough to tell the run why.
const LAST: Duration = Duration::from_secs(10);

/// What has become of a letter.
enum Settled {
    /// Nothing is left to do.
    Done,
    /// Its function shall look at it again.
    Back { not_before: Timestamp },
}

impl Inner {
    pub(crate) async fn handle_letter(&self, event: &Event, reason: &str) -> Result<(), HandleError> {
        if Message::is_meant_by(&event.body) {
            self.handle_dead_message(event, reason).await
        } else {
            self.handle_dead_request(event, reason).await
        }
    }

    async fn handle_dead_message(&self, event: &Event, reason: &str) -> Result<(), HandleError> {
        let mut message = Message::decode(&event.body).map_err(Refusal::from)?;
        self.check(&message)?;
        let pin = message.pin.clone();
        let mut attempt = Attempt::new(self, event, &pin, message.to);
        attempt.item = message.item;
        attempt.displaced = message.displaced;
        attempt.hops = message.hops;
        attempt.sent = Some(message.sent);
        let input: Vec<Value> = message.values.iter().cloned().map(Value::from).collect();
        let not_before = match attempt.settle(reason, message.returns, input.clone()).await {
            Ok(Settled::Done) => return Ok(()),
            Ok(Settled::Back { not_before }) => not_before,
            Err(error) if error.is_refusal() => return Err(error),
            // The region that it was to go to is gone for good, or nobody knows.
            Err(error @ HandleError::Store(_)) if message.displaced => {
                return attempt.abandon(self.gave_up(&error.to_string()), input).await;
            }
            Err(error) => {
                let Some(not_before) = self.back_at(message.returns, pin.deadline) else {
                    let error = format!("{}; and then: {error}", self.gave_up(reason));
                    return attempt.abandon(error, input).await;
                };
                not_before
            }
        };
        message.returns = message.returns.saturating_add(1);
        message.again = true;
        let stage = || self.name_of(message.to).to_owned();
        let body = message.encode().map_err(|cause| HandleError::Unwritable { stage: stage(), cause })?;
        self.send_back(event, message.to, &body, not_before).await
    }

    async fn handle_dead_request(&self, event: &Event, reason: &str) -> Result<(), HandleError> {
        let Received { request, returns, .. } = Request::read(&event.body).map_err(Refusal::from)?;
        let request = Request { run: Some(run_of_request(event, &request)), ..request };
        if let Some(resumption) = request.resume {
            // The ordinary way decides.
            return self.handle_resumption(event, &request, resumption, true).await.map(drop);
        }
        let hold = self.entry_hold(event, &request).await?;
        let Some(record) = hold.run.clone() else { return Ok(()) };
        let mut attempt = Attempt::new(self, event, &record.pin, NodeId::ENTRY);
        let not_before = match attempt.settle_request(hold, reason, returns, &request).await {
            Ok(Settled::Done) => return Ok(()),
            Ok(Settled::Back { not_before }) => not_before,
            Err(error) if error.is_refusal() => return Err(error),
            Err(error) => {
                // Where the record cannot be read, only the client knows when the run began.
                let began = request.sent.unwrap_or(event.received);
                let deadline = began.plus(self.deployment.run_deadline);
                self.back_at(returns, deadline).filter(|_| returns < u8::MAX).ok_or(error)?
            }
        };
        let body = request.encode_again(returns.saturating_add(1)).map_err(Refusal::from)?;
        self.send_back(event, NodeId::ENTRY, &body, not_before).await
    }

    fn is_leased(&self, claim: &Claim) -> bool {
        self.ports.clock.now() < claim.lease
    }

    fn gave_up(&self, reason: &str) -> String {
        excerpt(format!("the platform gave up delivering to function `{}`: {reason}", self.function.name))
    }

    /// Whether the function may be tried again, if no attempt came so far as to claim the work: the platform's own
    /// deliveries count.
    fn has_deliveries_left(&self, returns: u8) -> bool {
        (u32::from(returns) + 1) * PLATFORM_DELIVERIES < self.function.attempts()
    }

    /// When an event that came back so often is looked at again. `None` if the run's time is over by then.
    fn back_at(&self, returns: u8, deadline: Timestamp) -> Option<Timestamp> {
        let now = self.ports.clock.now();
        let left = deadline.since(now).checked_sub(LAST).filter(|left| !left.is_zero())?;
        let wait = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.saturating_pow(u32::from(returns.min(16))));
        Some(now.plus(wait.min(left)))
    }

    /// Sends a letter back to its function.
    async fn send_back(
        &self,
        event: &Event,
        node: NodeId,
        body: &str,
        not_before: Timestamp,
    ) -> Result<(), HandleError> {
        let to = self.address_of(node, &self.deployment.region);
        Ok(self.hand_over(&to, body, Some(not_before), event.deadline, false).await?)
    }
}

impl Attempt<'_> {
    async fn settle(&mut self, reason: &str, returns: u8, input: Vec<Value>) -> Result<Settled, HandleError> {
        let (shim, pin) = (self.shim, self.pin);
        let claim = Claim::first(self.event, pin.resumed);
        let hold = Hold::of_node(pin, self.place(), self.seat(), pin.kept_until(), claim);
        let Some(mut hold) = hold.clone().load(&self.ledger).await? else {
            if let Some(not_before) = self.back_where_unclaimed(returns, pin.deadline) {
                return Ok(Settled::Back { not_before });
            }
            let mut hold = hold;
            self.give_up(&mut hold, shim.gave_up(reason), input).await?;
            return Ok(Settled::Done);
        };
        self.hold_on(&hold);
        let bygone = pin.resumed > hold.claim.resumed;
        match hold.claim.progress {
            // The run was taken up again since.
            _ if pin.resumed < hold.claim.resumed => return Ok(Settled::Done),
            Progress::Failed(_) if bygone => {
                self.abandon(shim.gave_up(reason), input).await?;
                return Ok(Settled::Done);
            }
            Progress::Done(_) | Progress::Failed(_) => {
                self.repeat(&mut hold).await?;
                return Ok(Settled::Done);
            }
            Progress::Working => {}
        }
        if let Some(not_before) = self.back_where_working(&hold.claim, pin.deadline) {
            return Ok(Settled::Back { not_before });
        }
        self.give_up(&mut hold, shim.gave_up(reason), input).await?;
        Ok(Settled::Done)
    }

    async fn settle_request(
        &mut self,
        hold: Hold,
        reason: &str,
        returns: u8,
        request: &Request,
    ) -> Result<Settled, HandleError> {
        let shim = self.shim;
        let (mut hold, unclaimed) = if let Some(hold) = hold.clone().load(&self.ledger).await? {
            (hold, false)
        } else {
            if let Some(not_before) = self.back_where_unclaimed(returns, self.pin.deadline) {
                return Ok(Settled::Back { not_before });
            }
            // No entry came so far as to write the record: it is written now, to tell the failure.
            let now = shim.ports.clock.now();
            match hold.claim(&self.ledger, true, now, shim.function.attempts()).await? {
                Claimed::Mine(hold) => (hold, true),
                Claimed::Repeat(hold) | Claimed::Exhausted(hold) => (hold, false),
                Claimed::Drop => return Ok(Settled::Done),
                Claimed::Wait { until } => return Ok(Settled::Back { not_before: until }),
            }
        };
        let Some(record) = hold.run.clone().filter(|record| record.end.is_none()) else {
            return Ok(Settled::Done);
        };
        let mut attempt = self.with_pin(&record.pin);
        attempt.hold_on(&hold);
        if hold.claim.progress != Progress::Working {
            attempt.repeat(&mut hold).await?;
            return Ok(Settled::Done);
        }
        let back = attempt.back_where_working(&hold.claim, record.pin.deadline).filter(|_| !unclaimed);
        if let Some(not_before) = back {
            return Ok(Settled::Back { not_before });
        }
        let input = attempt.input_of(request).await;
        attempt.fail(&mut hold, shim.gave_up(reason), vec![input]).await?;
        Ok(Settled::Done)
    }

    /// When a letter is looked at again that nobody claimed. `None` if there are no attempts left.
    fn back_where_unclaimed(&self, returns: u8, deadline: Timestamp) -> Option<Timestamp> {
        let left = self.shim.has_deliveries_left(returns);
        left.then(|| self.shim.back_at(returns, deadline)).flatten()
    }

    /// When a letter is looked at again whose work was claimed. `None` if it comes to nothing any more: it is the last
    /// attempt's own, which the platform has given up, or that one's lease is over.
    fn back_where_working(&self, claim: &Claim, deadline: Timestamp) -> Option<Timestamp> {
        let overdue = self.shim.ports.clock.now() >= deadline;
        let left = self.pin.resumed > claim.resumed || claim.spent() < self.shim.function.attempts();
        let alive = self.shim.is_leased(claim) && claim.owner != self.event.request_id;
        // The last attempt may be alive, or another may come through: the ordinary way decides.
        (!overdue && (left || alive)).then_some(claim.lease)
    }
}
