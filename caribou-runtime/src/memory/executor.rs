//! The simulated platform: delivers, retries, gives up.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, Wake};
use std::time::Duration;

use caribou_model::{RunId, Timestamp};
use rand::RngExt;

use super::World;
use super::agenda::{Due, Envelope};
use super::report::DeadLetter;
use super::schedule::What;
use super::world::Current;
use crate::key::Place;
use crate::port::StageAddress;
use crate::{Event, HandleError, Shim};

/// The wait before the platform's first retry; each further wait is twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// How often a dead letter is read before it is kept for good.
const LETTER_ATTEMPTS: u32 = 50;
/// The share of events that an instance takes that has served before, if one is free.
const WARM: f64 = 0.8;

/// What makes the first instance of an address; `None` if nothing is deployed there.
pub(super) type Deploy<'a> = dyn Fn(&World, &StageAddress) -> Option<Shim> + 'a;
/// What the one who runs the simulation does.
pub(super) type Change<'a> = dyn Fn(&World, usize) + 'a;

type Work = Pin<Box<dyn Future<Output = Result<(), HandleError>>>>;

/// An instance of a function.
struct Instance {
    shim: Shim,
    /// How far its clock is ahead, in milliseconds.
    skew: i64,
}

/// All instances of one address.
struct Fleet {
    /// What all of them are made after.
    shim: Shim,
    free: Vec<Instance>,
}

/// An event that is being handled.
struct Task {
    number: u32,
    envelope: Envelope,
    instance: Instance,
    work: Work,
    deadline: Timestamp,
    /// When it goes on, if that is after its deadline.
    resumes: Option<Timestamp>,
    frozen: bool,
    /// The platform has given it up, but it goes on.
    forgotten: bool,
}

/// Runs until nothing is left to do.
pub(super) struct Executor<'a> {
    world: World,
    deploy: &'a Deploy<'a>,
    change: &'a Change<'a>,
    fleets: HashMap<Arc<StageAddress>, Fleet>,
    tasks: Vec<Option<Task>>,
    free: Vec<usize>,
    pub(super) dead_letters: Vec<DeadLetter>,
    /// How many deliveries came to a bad end, by what they were about.
    pub(super) mishaps: HashMap<(RunId, Place), u32>,
}

/// Whether a function has asked to be polled again at once.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Executor<'a> {
    pub(super) fn new(world: World, deploy: &'a Deploy<'a>, change: &'a Change<'a>) -> Self {
        Self {
            world,
            deploy,
            change,
            fleets: HashMap::new(),
            tasks: Vec::new(),
            free: Vec::new(),
            dead_letters: Vec::new(),
            mishaps: HashMap::new(),
        }
    }

    /// Delivers everything, at most until `end`.
    pub(super) fn run(&mut self, end: Timestamp) {
        loop {
            let due = {
                let mut state = self.world.state();
                if state.agenda.next().is_none_or(|at| at > end) {
                    return;
                }
                let Some((at, due)) = state.agenda.pop() else { return };
                state.now = state.now.max(at);
                due
            };
            match due {
                Due::Event(task) => self.poll(task),
                Due::Message(message) => self.begin(message),
                Due::Change(change) => (self.change)(&self.world, change),
            }
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.world.state().agenda.next().is_none()
    }

    /// Hands a message to an instance, unless its region is cut off or the delivery vanishes.
    fn begin(&mut self, message: usize) {
        let (envelope, now) = {
            let mut state = self.world.state();
            let Some(envelope) = state.agenda.take(message) else { return };
            let now = state.now;
            if let Some(back) = state.outages.until(&envelope.to.region, now) {
                let chance = state.random.random();
                return state.agenda.post(back, chance, envelope);
            }
            let share = state.faults.vanish;
            if state.random.random_bool(share) {
                let (acknowledged, delivery) = (state.random.random_bool(0.5), envelope.delivery);
                state.schedule.note(now, 0, What::Vanishes { delivery, acknowledged });
                let (again, chance) = (now.plus(state.faults.redelivery), state.random.random());
                state.agenda.post(again, chance, envelope.clone());
                if let Some(about) = &envelope.about {
                    *self.mishaps.entry(about.clone()).or_default() += 1;
                }
                if !acknowledged {
                    return;
                }
            }
            (envelope, now)
        };
        let Some((instance, cold)) = self.instance(&envelope.to) else {
            return self.keep(envelope, "nothing is deployed there".into());
        };
        let deadline = now.plus(Duration::from_secs(instance.shim.function().timeout_s.into()));
        let event = Event {
            body: envelope.body.to_string(),
            request_id: format!("delivery-{}", envelope.delivery),
            message_id: None,
            deadline,
            received: Timestamp::from_millis(now.as_millis().saturating_add_signed(instance.skew)),
            cold,
        };
        let number = {
            let mut state = self.world.state();
            let number = state.schedule.begin(&envelope.to);
            let Envelope { delivery, tries, ref reason, .. } = envelope;
            state.schedule.note(now, number, What::Receives { delivery, tries, dead: reason.is_some() });
            number
        };
        let (shim, reason) = (instance.shim.clone(), envelope.reason.clone());
        let work: Work = Box::pin(async move {
            match reason {
                Some(reason) => shim.handle_failure(event, &reason).await,
                None => shim.handle(event).await.map(|_| ()),
            }
        });
        let (resumes, frozen, forgotten) = (None, false, false);
        let task = Task { number, envelope, instance, work, deadline, resumes, frozen, forgotten };
        let place = self.free.pop().unwrap_or_else(|| {
            self.tasks.push(None);
            self.tasks.len() - 1
        });
        self.tasks[place] = Some(task);
        self.poll(place);
    }

    /// A free instance of an address or a new one, and whether it is new.
    fn instance(&mut self, to: &Arc<StageAddress>) -> Option<(Instance, bool)> {
        let mut state = self.world.state();
        if !self.fleets.contains_key(to) {
            drop(state);
            let shim = (self.deploy)(&self.world, to)?;
            state = self.world.state();
            self.fleets.insert(to.clone(), Fleet { shim, free: Vec::new() });
        }
        let fleet = self.fleets.get_mut(to)?;
        if !fleet.free.is_empty() && state.random.random_bool(WARM) {
            let chosen = state.random.random_range(0..fleet.free.len());
            return Some((fleet.free.swap_remove(chosen), false));
        }
        let most = state.faults.clock_skew.as_millis() as i64;
        let skew = if most == 0 { 0 } else { state.random.random_range(-most..=most) };
        Some((Instance { shim: fleet.shim.fresh(), skew }, true))
    }

    /// Lets an event go on.
    fn poll(&mut self, place: usize) {
        let Some(mut task) = self.tasks[place].take() else { return };
        let now = {
            let mut state = self.world.state();
            let now = state.now;
            let to = &task.envelope.to;
            if let Some(back) = state.outages.still_until(&to.region, now) {
                let chance = state.random.random();
                state.agenda.push(back, chance, Due::Event(place));
                drop(state);
                self.tasks[place] = Some(task);
                return;
            }
            if now >= task.deadline && !task.forgotten {
                let share = state.faults.outlive;
                let lives = task.frozen || state.random.random_bool(share);
                drop(state);
                return self.time_out(place, task, lives);
            }
            state.current = Some(Current {
                event: task.number,
                region: to.region.clone(),
                deadline: task.deadline,
                skew: task.instance.skew,
                wake: None,
                crashed: false,
                frozen: None,
            });
            now
        };
        let woken = Arc::new(Woken::default());
        let polled = task.work.as_mut().poll(&mut TaskContext::from_waker(&woken.clone().into()));
        let mut state = self.world.state();
        let Some(current) = state.current.take() else { return };
        if current.crashed {
            drop(state);
            self.free.push(place);
            if !task.forgotten {
                self.again(task.envelope, "the instance crashed".into());
            }
            return;
        }
        match polled {
            Poll::Ready(result) => {
                drop(state);
                self.free.push(place);
                if task.forgotten {
                    return;
                }
                if let Some(fleet) = self.fleets.get_mut(&task.envelope.to) {
                    fleet.free.push(task.instance);
                }
                match result {
                    Ok(()) => {}
                    Err(error) if error.is_refusal() => self.keep(task.envelope, error.to_string()),
                    Err(error) => self.again(task.envelope, error.to_string()),
                }
            }
            Poll::Pending => {
                task.frozen |= current.frozen.is_some();
                let wake = current.frozen.or(current.wake).or(woken.0.load(Ordering::Relaxed).then_some(now));
                if wake.is_none() && task.forgotten {
                    // It waits for something that never comes, and nobody times it out any more.
                    drop(state);
                    self.free.push(place);
                    return;
                }
                let wake = wake.unwrap_or(task.deadline).max(now);
                let late = wake > task.deadline && !task.forgotten;
                task.resumes = late.then_some(wake);
                let (at, chance) = (if late { task.deadline } else { wake }, state.random.random());
                state.agenda.push(at, chance, Due::Event(place));
                drop(state);
                self.tasks[place] = Some(task);
            }
        }
    }

    /// The platform gives up an event whose time is over. Its instance may go on all the same.
    fn time_out(&mut self, place: usize, mut task: Task, lives: bool) {
        self.again(task.envelope.clone(), "it timed out".into());
        if !lives {
            self.free.push(place);
            return;
        }
        task.forgotten = true;
        let mut state = self.world.state();
        let now = state.now;
        state.schedule.note(now, task.number, What::Goes("is given up, and goes on"));
        let (at, chance) = (task.resumes.take().unwrap_or(now).max(now), state.random.random());
        state.agenda.push(at, chance, Due::Event(place));
        drop(state);
        self.tasks[place] = Some(task);
    }

    /// The platform's retry, with the same request id; after the last a dead letter.
    fn again(&mut self, mut envelope: Envelope, reason: String) {
        if let Some(about) = &envelope.about {
            *self.mishaps.entry(about.clone()).or_default() += 1;
        }
        let mut state = self.world.state();
        let (now, delivery) = (state.now, envelope.delivery);
        state.schedule.note(now, 0, What::Fails { delivery, reason: reason.clone() });
        let wait = FIRST_RETRY * 2_u32.saturating_pow(envelope.tries.min(6));
        envelope.tries += 1;
        if envelope.reason.is_some() && envelope.tries >= LETTER_ATTEMPTS {
            drop(state);
            return self.keep(envelope, reason);
        }
        if envelope.reason.is_none() && envelope.tries >= state.faults.platform_attempts {
            envelope.reason = Some(reason);
            envelope.tries = 0;
        }
        let chance = state.random.random();
        state.agenda.post(now.plus(wait), chance, envelope);
    }

    fn keep(&mut self, envelope: Envelope, reason: String) {
        let Envelope { to, body, delivery, about, .. } = envelope;
        let mut state = self.world.state();
        let now = state.now;
        state.schedule.note(now, 0, What::Keeps { delivery, reason: reason.clone() });
        let run = about.map(|(run, _)| run);
        self.dead_letters.push(DeadLetter { to: (*to).clone(), body: body.to_string(), run, reason });
    }
}
