//! The simulated platform: delivers, retries, gives up; and chooses who goes on.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use caribou_model::Timestamp;
use rand::RngExt;

use super::World;
use super::report::DeadLetter;
use super::world::{Current, Envelope};
use crate::port::StageAddress;
use crate::{Event, HandleError, Shim};

/// The wait before the platform's first retry; each further wait is twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// How often a dead letter is read before it is kept for good.
const LETTER_ATTEMPTS: u32 = 50;

/// What makes the shim of an address; `None` if nothing is deployed there.
pub(super) type Deploy<'a> = dyn Fn(&StageAddress) -> Option<Shim> + 'a;

type Work = Pin<Box<dyn Future<Output = Result<(), HandleError>>>>;

struct Task {
    name: String,
    envelope: Envelope,
    work: Work,
    deadline: Timestamp,
    wake: Timestamp,
    /// The platform has given it up, but it goes on.
    forgotten: bool,
    crashed: bool,
}

/// Runs until nothing is left to do.
pub(super) struct Executor<'a> {
    world: World,
    deploy: &'a Deploy<'a>,
    shims: HashMap<StageAddress, Shim>,
    tasks: Vec<Task>,
    started: u64,
    pub(super) dead_letters: Vec<DeadLetter>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(world: World, deploy: &'a Deploy<'a>) -> Self {
        Self { world, deploy, shims: HashMap::new(), tasks: Vec::new(), started: 0, dead_letters: Vec::new() }
    }

    /// Delivers everything, at most until `end`.
    pub(super) fn run(&mut self, end: Timestamp) {
        loop {
            let now = self.world.state().now;
            let ready: Vec<usize> =
                (0..self.tasks.len()).filter(|task| self.tasks[*task].wake <= now).collect();
            let due = self.world.state().queue.iter().enumerate().filter(|(_, e)| e.due <= now).count();
            if ready.is_empty() && due == 0 {
                let Some(next) = self.next_instant() else { return };
                if next > end {
                    return;
                }
                self.world.state().now = next;
                continue;
            }
            let choice = self.world.state().random.random_range(0..ready.len() + due);
            match ready.get(choice) {
                Some(task) => self.poll(*task),
                None => self.begin(now, choice - ready.len()),
            }
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.next_instant().is_none()
    }

    fn next_instant(&self) -> Option<Timestamp> {
        let wakes = self.tasks.iter().map(|task| task.wake);
        let state = self.world.state();
        wakes.chain(state.queue.iter().map(|envelope| envelope.due)).min()
    }

    /// Hands the `n`th message that is due to an instance.
    fn begin(&mut self, now: Timestamp, n: usize) {
        let envelope = {
            let mut state = self.world.state();
            let due = state.queue.iter().enumerate().filter(|(_, envelope)| envelope.due <= now);
            let Some(place) = due.map(|(place, _)| place).nth(n) else { return };
            state.queue.remove(place)
        };
        let cold = !self.shims.contains_key(&envelope.to);
        if cold {
            let Some(shim) = (self.deploy)(&envelope.to) else {
                return self.keep(envelope, "nothing is deployed there".into());
            };
            self.shims.insert(envelope.to.clone(), shim);
        }
        let Some(shim) = self.shims.get(&envelope.to).cloned() else { return };
        self.started += 1;
        let name = format!("#{} {}@{}", self.started, envelope.to.function, envelope.to.region.code());
        let deadline = now.plus(Duration::from_secs(shim.function().timeout_s.into()));
        let event = Event {
            body: envelope.body.clone(),
            request_id: envelope.request_id.clone(),
            deadline,
            received: now,
            cold,
        };
        let reason = envelope.reason.clone();
        let kind = if reason.is_some() { "reads the dead letter" } else { "receives" };
        let line = format!("{now:?} {name} {kind} {} (try {})", envelope.request_id, envelope.tries + 1);
        self.world.state().schedule.push(line);
        let work: Work = Box::pin(async move {
            match reason {
                Some(reason) => shim.handle_failure(event, &reason).await,
                None => shim.handle(event).await.map(|_| ()),
            }
        });
        let task = Task { name, envelope, work, deadline, wake: now, forgotten: false, crashed: false };
        self.tasks.push(task);
    }

    fn poll(&mut self, index: usize) {
        let task = &mut self.tasks[index];
        let now = {
            let mut state = self.world.state();
            state.current = Some(Current {
                name: task.name.clone(),
                deadline: task.deadline,
                wake: None,
                crashed: task.crashed,
                frozen: false,
            });
            state.now
        };
        if now >= task.deadline && !task.forgotten {
            self.world.state().current = None;
            let task = self.tasks.swap_remove(index);
            return self.again(task.envelope, "it timed out".into());
        }
        let polled = task.work.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
        let current = self.world.state().current.take();
        let Some(current) = current else { return };
        match polled {
            Poll::Ready(result) => {
                let task = self.tasks.swap_remove(index);
                match result {
                    _ if task.forgotten => {}
                    Ok(()) => {}
                    Err(error) if error.is_refusal() => self.keep(task.envelope, error.to_string()),
                    Err(error) => self.again(task.envelope, error.to_string()),
                }
            }
            Poll::Pending if current.crashed => {
                let task = self.tasks.swap_remove(index);
                if !task.forgotten {
                    self.again(task.envelope, "the instance crashed".into());
                }
            }
            // It waits for something that never comes, and nobody will time it out.
            Poll::Pending if current.wake.is_none() && task.forgotten => drop(self.tasks.swap_remove(index)),
            Poll::Pending => {
                task.wake = current.wake.unwrap_or(task.deadline).max(now);
                if current.frozen && !task.forgotten {
                    task.forgotten = true;
                    let (envelope, deadline) = (task.envelope.clone(), task.deadline);
                    self.again_at(envelope, "it timed out".into(), deadline);
                }
            }
        }
    }

    fn again(&mut self, envelope: Envelope, reason: String) {
        let now = self.world.state().now;
        self.again_at(envelope, reason, now);
    }

    /// The platform's retry, with the same request id; after the last a dead letter.
    fn again_at(&mut self, mut envelope: Envelope, reason: String, from: Timestamp) {
        let mut state = self.world.state();
        state.schedule.push(format!("{from:?} {} fails: {reason}", envelope.request_id));
        let wait = FIRST_RETRY * 2_u32.saturating_pow(envelope.tries.min(6));
        envelope.due = from.plus(wait);
        envelope.tries += 1;
        if envelope.reason.is_some() && envelope.tries >= LETTER_ATTEMPTS {
            drop(state);
            return self.keep(envelope, reason);
        }
        if envelope.reason.is_none() && envelope.tries >= state.faults.platform_attempts {
            envelope.reason = Some(reason);
            envelope.tries = 0;
        }
        state.queue.push(envelope);
    }

    fn keep(&mut self, envelope: Envelope, reason: String) {
        let Envelope { to, body, .. } = envelope;
        self.dead_letters.push(DeadLetter { to, body, reason });
    }
}
