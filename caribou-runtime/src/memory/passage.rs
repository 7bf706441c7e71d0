//! The way to a port and back: it takes time, and may meet with a fault.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use caribou_model::Region;
use rand::RngExt;

use super::World;
use super::schedule::What;
use super::world::{Current, State};

/// The longest time of a step to a port or back, besides what the distance takes.
const LONGEST_STEP_MS: u64 = 5;
/// How long after its deadline a frozen instance goes on.
const FROZEN_MS: std::ops::Range<u64> = 5_000..30_000;

/// Why a port call did not come through.
pub(super) struct Lost {
    /// Whether it is certain that it had no effect.
    pub(super) certain: bool,
    pub(super) cause: &'static str,
}

/// What stands in a call's way.
enum Hindrance {
    Nothing,
    Refusal(&'static str),
    Silence(Duration),
}

impl World {
    /// The way to a port: gives way to the others, takes its time, and may meet with a fault.
    pub(super) async fn enter(&self, region: &Region, call: &'static str) -> Result<(), Lost> {
        if self.state().current.is_none() {
            return Ok(());
        }
        let distance = self.state().distance(region);
        self.step(call, distance).await;
        let hindrance = self.state().on_the_way(region, call);
        match hindrance {
            Hindrance::Nothing => Ok(()),
            Hindrance::Refusal(cause) => Err(Lost { certain: true, cause }),
            Hindrance::Silence(patience) => {
                self.pass(patience).await;
                Err(Lost { certain: false, cause: "the request timed out" })
            }
        }
    }

    /// The way back.
    pub(super) async fn leave(&self, region: &Region, call: &'static str) -> Result<(), Lost> {
        if self.state().current.is_none() {
            return Ok(());
        }
        let distance = self.state().distance(region);
        self.step(call, distance).await;
        let hindrance = self.state().on_the_way_back(region, call);
        if let Some(patience) = hindrance {
            self.pass(patience).await;
            return Err(Lost { certain: false, cause: "the answer was lost" });
        }
        Ok(())
    }

    /// Gives way to the others for as long as a step takes, in which the instance may crash or freeze.
    pub(super) async fn step(&self, call: &'static str, time: Duration) {
        let draw = |state: &mut State| {
            let State { random, faults, current, now, schedule, .. } = state;
            let jitter = Duration::from_millis(random.random_range(0..=LONGEST_STEP_MS));
            let Some(current) = current else { return jitter };
            if random.random_bool(faults.crash) {
                current.crashed = true;
                schedule.note(*now, current.event, What::Crashes(call));
            } else if random.random_bool(faults.freeze) && *now < current.deadline {
                let until = current.deadline.plus(Duration::from_millis(random.random_range(FROZEN_MS)));
                current.frozen = Some(until);
                schedule.note(*now, current.event, What::Freezes { at: call, until });
            }
            time + jitter
        };
        self.wait(draw).await;
    }

    /// Lets time pass for the event that is being polled.
    async fn pass(&self, time: Duration) {
        self.wait(|_| time).await;
    }

    /// Waits for a time that is drawn when the wait begins.
    async fn wait(&self, draw: impl FnOnce(&mut State) -> Duration) {
        let (mut draw, mut until) = (Some(draw), None);
        poll_fn(|context| {
            let mut state = self.state();
            // One who has crashed does nothing more, and one who is frozen nothing now.
            let is_up = |current: &Current| !current.crashed && current.frozen.is_none();
            if state.current.as_ref().is_some_and(is_up) {
                match until {
                    Some(until) if state.now >= until => return Poll::Ready(()),
                    Some(_) => {}
                    None => {
                        let time = draw.take().map_or(Duration::ZERO, |draw| draw(&mut state));
                        until = Some(state.now.plus(time));
                    }
                }
            }
            let wake = until.unwrap_or(state.now);
            let Some(current) = &mut state.current else { return Poll::Ready(()) };
            current.wake = Some(current.wake.map_or(wake, |earlier| earlier.min(wake)));
            // The executor polls when it is time; those between it and this call have to pass it on.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl State {
    /// How long it takes to a region, one way.
    fn distance(&self, to: &Region) -> Duration {
        match (&self.latency, &self.current) {
            (Some(latency), Some(current)) if current.region != *to => latency(&current.region, to),
            _ => Duration::ZERO,
        }
    }

    /// How long a caller waits who gets no answer.
    fn patience(&mut self) -> Duration {
        let longest = self.faults.patience.as_millis() as u64;
        Duration::from_millis(self.random.random_range(0..=longest))
    }

    /// Whether an outage is between the event that is being polled and a region.
    fn is_cut_off(&self, to: &Region) -> bool {
        let Some(current) = &self.current else { return false };
        let out = |region: &Region| self.outages.until(region, self.now).is_some();
        current.region != *to && (out(&current.region) || out(to))
    }

    fn on_the_way(&mut self, to: &Region, call: &'static str) -> Hindrance {
        if self.faults.down.contains(to) {
            self.note(|| What::Unreachable { call, region: to.clone() });
            return Hindrance::Refusal("the region is down");
        }
        if self.is_cut_off(to) {
            self.note(|| What::Unreachable { call, region: to.clone() });
            if self.random.random_bool(0.5) {
                return Hindrance::Refusal("no connection");
            }
            return Hindrance::Silence(self.patience());
        }
        let lost = self.faults.lost_request;
        if self.random.random_bool(lost) {
            self.note(|| What::Loses { call, answer: false });
            return Hindrance::Silence(self.patience());
        }
        Hindrance::Nothing
    }

    fn on_the_way_back(&mut self, from: &Region, call: &'static str) -> Option<Duration> {
        let lost = self.faults.lost_answer;
        if self.is_cut_off(from) || self.random.random_bool(lost) {
            self.note(|| What::Loses { call, answer: true });
            return Some(self.patience());
        }
        None
    }
}
