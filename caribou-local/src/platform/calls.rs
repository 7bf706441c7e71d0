//! Events that somebody waits for.

use bytes::Bytes;
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::{Clock, StageAddress};
use tokio::sync::oneshot;

use std::sync::Arc;

use super::{Platform, random_id};
use crate::disk::DiskError;
use crate::message::{Failure, Form, Message, Mode};
use crate::refusal::Refusal;

/// Where the numbers of calls begin: no message on disk will ever have one.
pub(super) const FIRST: u64 = 1 << 63;

/// What a call came to: the function's answer, or why there is none.
pub(crate) type Outcome = Result<Bytes, Failure>;

/// An event that somebody waits for. It is not on disk: who calls and gets no answer calls again.
pub(super) struct Call {
    message: Message,
    event: String,
    caller: oneshot::Sender<Outcome>,
}

impl Call {
    /// The message and its body.
    pub(super) fn event(&self) -> (Message, String) {
        (self.message.clone(), self.event.clone())
    }
}

impl Platform {
    /// Hands an event to a function and waits for what it answers.
    pub(crate) async fn call(self: &Arc<Self>, to: StageAddress, event: String) -> Result<Outcome, Refusal> {
        self.up(&to.region)?;
        let now = SystemClock.now();
        let message = Message {
            to: to.clone(),
            id: random_id(),
            request_id: random_id(),
            published: now,
            not_before: now,
            failures: 0,
            mode: Mode::Handle,
            form: Form::Event,
        };
        let (caller, outcome) = oneshot::channel();
        let number = {
            let mut state = self.state();
            if !state.deployed.contains_key(&to) {
                drop(state);
                return Err(self.not_deployed(&to));
            }
            state.last_call += 1;
            let number = state.last_call;
            state.calls.insert(number, Call { message, event, caller });
            number
        };
        self.accept(&[number], &to, now);
        outcome.await.map_err(|_| DiskError::Stopping.into())
    }

    /// Tells the caller of an event what came of it. Gives the outcome back if nobody waits for this one.
    pub(super) fn answer(&self, number: u64, address: &StageAddress, outcome: Outcome) -> Option<Outcome> {
        let Some(call) = self.state().calls.remove(&number) else { return Some(outcome) };
        // a caller that has gone learns nothing
        let _ = call.caller.send(outcome);
        self.settle(address);
        None
    }
}
