//! Dead letters: events that the platform has given up.

use caribou_model::{AttemptOutcome, NodeId};

use super::Inner;
use super::attempt::Attempt;
use super::claim::{Claim, Progress};
use super::error::{HandleError, Refusal};
use super::event::Event;
use super::hold::{Claimed, Hold};
use crate::Value;
use crate::message::Message;
use crate::request::Request;

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
        let first = Claim::first(event, pin.resumed);
        let hold = || Hold::of_node(&pin, attempt.place(), attempt.seat(), pin.kept_until(), first.clone());
        let (unclaimed, hold) = (hold(), hold());
        let input = message.values.iter().cloned().map(Value::from).collect();
        let loaded = match hold.load(&attempt.ledger).await {
            // The region that it was to go to is gone for good, or nobody knows.
            Err(error @ HandleError::Store(_)) if attempt.displaced => {
                return attempt.abandon(self.gave_up(&error.to_string())).await;
            }
            loaded => loaded?,
        };
        let Some(mut hold) = loaded else {
            if !attempt.catches() {
                return attempt.abandon(self.gave_up(reason)).await;
            }
            let mut hold = unclaimed;
            return attempt.give_up(&mut hold, self.gave_up(reason), input).await;
        };
        attempt.hold_on(&hold);
        if pin.resumed < hold.claim.resumed {
            return Ok(());
        }
        let bygone = pin.resumed > hold.claim.resumed;
        match hold.claim.progress {
            Progress::Failed(_) if bygone => attempt.abandon(self.gave_up(reason)).await,
            Progress::Done(_) | Progress::Failed(_) => attempt.repeat(&mut hold).await,
            Progress::Working => {
                let left = bygone || hold.claim.spent() < self.function.attempts();
                let overdue = self.ports.clock.now() >= pin.deadline;
                if (left || self.is_leased(&hold.claim)) && message.hops <= self.most_hops() && !overdue {
                    // The last attempt may be alive, or another may come through: the ordinary way decides.
                    message.hops += 1;
                    message.revived = true;
                    let stage = self.name_of(message.to).to_owned();
                    let body = message.encode().map_err(|cause| HandleError::Unwritable { stage, cause })?;
                    return self.send_again(event, message.to, body, &hold.claim).await;
                }
                attempt.give_up(&mut hold, self.gave_up(reason), input).await
            }
        }
    }

    async fn handle_dead_request(&self, event: &Event, reason: &str) -> Result<(), HandleError> {
        let request = Request::decode(&event.body).map_err(Refusal::from)?;
        if let Some(resumption) = request.resume {
            // The ordinary way decides.
            return self.handle_resumption(event, &request, resumption, true).await.map(drop);
        }
        let hold = self.entry_hold(event, &request).await?;
        let Some(record) = hold.run.clone() else { return Ok(()) };
        let attempt = Attempt::new(self, event, &record.pin, NodeId::ENTRY);
        // Where no entry came so far as to write the record, it is written now, to tell the failure.
        let now = self.ports.clock.now();
        let claimed = hold.claim(&attempt.ledger, true, now, self.function.attempts()).await?;
        let mut hold = match claimed {
            Claimed::Drop => return Ok(()),
            Claimed::Wait { until } => return self.park(event, NodeId::ENTRY, until).await.map(|_| ()),
            Claimed::Mine(hold) | Claimed::Repeat(hold) | Claimed::Exhausted(hold) => hold,
        };
        let pin = hold.run.as_ref().map_or_else(|| record.pin.clone(), |record| record.pin.clone());
        let mut attempt = Attempt { pin: &pin, ..attempt };
        attempt.hold_on(&hold);
        if let Progress::Done(_) = hold.claim.progress {
            return attempt.deliver(&mut hold, AttemptOutcome::Succeeded).await;
        }
        let input = attempt.input_to_keep(&request).await?;
        attempt.fail(&mut hold, self.gave_up(reason), input).await
    }

    fn is_leased(&self, claim: &Claim) -> bool {
        self.ports.clock.now() < claim.lease
    }

    fn gave_up(&self, reason: &str) -> String {
        format!("the platform gave up delivering to function `{}`: {reason}", self.function.name)
    }

    /// Sends a dead letter back to its function, to be looked at when the last lease has ended.
    async fn send_again(
        &self,
        event: &Event,
        node: NodeId,
        body: String,
        claim: &Claim,
    ) -> Result<(), HandleError> {
        let to = self.address_of(node, &self.deployment.region);
        Ok(self.hand_over(&to, &body, Some(claim.lease), event.deadline, false).await?)
    }
}
