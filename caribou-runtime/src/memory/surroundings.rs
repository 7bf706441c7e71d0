//! Transport, clock and telemetry of the simulated regions.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use caribou_model::{StageRecord, Timestamp};
use rand::RngExt;

use super::World;
use super::report::{Noted, Sent};
use super::schedule::What;
use super::world::about;
use crate::port::{Clock, ProcessMeter, SendError, StageAddress, Telemetry, Transport};
use crate::{Context, Values};

#[async_trait]
impl Transport for World {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let region = &to.region;
        if let Err(lost) = self.enter(region, "send").await {
            let (region, cause) = (region.clone(), lost.cause.into());
            return Err(if lost.certain {
                SendError::NotAccepted { region, cause }
            } else {
                SendError::Ambiguous { region, cause }
            });
        }
        {
            let mut state = self.state();
            let (to, body): (_, Arc<str>) = (Arc::new(to.clone()), body.into());
            let simulated = state.current.is_some();
            let (message, about) = if simulated { about(&body) } else { (None, None) };
            if let Some(message) = &message {
                state.audit.sent(message, &to.region);
            }
            let from = state.current.as_ref().map(|current| current.region.clone());
            let (at, bytes) = (state.now, body.len());
            state.messages.push(Sent { to: to.clone(), from, about: about.clone(), bytes, at });
            let twice = simulated && {
                let share = state.faults.duplicate;
                state.random.random_bool(share)
            };
            for _ in 0..=usize::from(twice) {
                let delivery = state.enqueue(&to, &body, about.as_ref(), not_before);
                state.note(|| What::Sends { to: to.clone(), delivery });
            }
        }
        self.leave(region, "send")
            .await
            .map_err(|lost| SendError::Ambiguous { region: region.clone(), cause: lost.cause.into() })
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        let state = self.state();
        let skew = state.current.as_ref().map_or(0, |current| current.skew);
        Timestamp::from_millis(state.now.as_millis().saturating_add_signed(skew))
    }

    async fn sleep(&self, duration: Duration) {
        let until = {
            let mut state = self.state();
            let until = state.now.plus(duration);
            if state.current.is_none() {
                state.now = until;
            }
            until
        };
        poll_fn(|context| {
            let mut state = self.state();
            if state.now >= until {
                return Poll::Ready(());
            }
            if let Some(current) = &mut state.current {
                current.wake = Some(current.wake.map_or(until, |earlier| earlier.min(until)));
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await;
    }

    async fn work(&self, attempt: &Context) {
        let time = {
            let state = self.state();
            if state.current.is_none() {
                return;
            }
            state.work.as_ref().map_or(Duration::ZERO, |work| work(attempt))
        };
        self.step("its function", time).await;
    }
}

impl Telemetry for World {
    fn record(&self, record: &StageRecord) {
        let mut state = self.state();
        let StageRecord { attempt, outcome, .. } = *record;
        state.note(|| What::Notes { stage: record.stage.clone(), attempt, outcome });
        state.telemetry.push(record.clone());
    }

    fn started(&self, attempt: &Context) {
        let mut state = self.state();
        let (at, context) = (state.now, attempt.clone());
        let Context { item, attempt, .. } = *attempt;
        state.note(|| What::Calls { stage: context.stage.clone(), item, attempt });
        state.calls.push(Noted { context, at, values: Vec::new() });
    }

    fn reads(&self, _attempt: &Context, values: &Values) {
        if let Some(call) = self.state().calls.last_mut() {
            call.values = values.items().to_vec();
        }
    }
}

impl ProcessMeter for World {
    fn cpu_time(&self) -> Option<Duration> {
        None
    }

    fn cpu_model(&self) -> Option<String> {
        None
    }

    fn peak_memory_mb(&self) -> Option<f64> {
        None
    }
}
