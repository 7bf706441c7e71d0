//! The simulated regions: what they have in common.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caribou_model::{Region, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::Faults;
use super::agenda::{Agenda, Envelope};
use super::audit::Audit;
use super::outage::Outages;
use super::report::{Noted, Sent};
use super::schedule::{Schedule, What};
use super::shelf::Shelf;
use crate::Context;
use crate::key::Place;
use crate::message::Message;
use crate::port::{Ports, StageAddress};
use crate::request::Request;
use caribou_model::{NodeId, RunId, StageRecord};

/// When every simulation begins: 2023-11-14T22:13:20Z.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// How long a call takes one way between two regions.
pub(super) type Latency = dyn Fn(&Region, &Region) -> Duration + Send + Sync;
/// How long a function takes.
pub(super) type Work = dyn Fn(&Context) -> Duration + Send + Sync;

/// The simulated regions, as ports. Clones share them.
///
/// Outside of a [`Simulation`](super::Simulation) every call is done at once, and messages stay in the queue.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
}

pub(super) struct State {
    pub(super) random: Pcg64,
    pub(super) now: Timestamp,
    pub(super) faults: Faults,
    pub(super) outages: Outages,
    pub(super) latency: Option<Arc<Latency>>,
    pub(super) work: Option<Arc<Work>>,
    pub(super) shelf: Shelf,
    pub(super) deliveries: u64,
    pub(super) agenda: Agenda,
    /// The event that is being polled, if one is.
    pub(super) current: Option<Current>,
    pub(super) telemetry: Vec<StageRecord>,
    pub(super) calls: Vec<Noted>,
    pub(super) messages: Vec<Sent>,
    pub(super) schedule: Schedule,
    pub(super) audit: Audit,
}

/// What the event that is being polled tells the executor.
pub(super) struct Current {
    /// Its number in the schedule.
    pub(super) event: u32,
    pub(super) region: Region,
    pub(super) deadline: Timestamp,
    /// How far the instance's clock is ahead, in milliseconds.
    pub(super) skew: i64,
    /// When it wants to be polled again.
    pub(super) wake: Option<Timestamp>,
    pub(super) crashed: bool,
    /// Until when it is frozen.
    pub(super) frozen: Option<Timestamp>,
}

impl World {
    /// Empty regions.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: Pcg64::seed_from_u64(seed),
            now: BEGINNING,
            faults: Faults::default(),
            outages: Outages::default(),
            latency: None,
            work: None,
            shelf: Shelf::default(),
            deliveries: 0,
            agenda: Agenda::default(),
            current: None,
            telemetry: Vec::new(),
            calls: Vec::new(),
            messages: Vec::new(),
            schedule: Schedule::default(),
            audit: Audit::default(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The regions as ports.
    pub fn ports(&self) -> Ports {
        let world = Arc::new(self.clone());
        Ports {
            transport: world.clone(),
            store: world.clone(),
            blobs: world.clone(),
            clock: world.clone(),
            telemetry: world.clone(),
            meter: world,
        }
    }

    /// Moves the clock.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        state.now = state.now.plus(duration);
    }

    /// Takes every message out of the queue.
    pub fn take_messages(&self) -> Vec<(StageAddress, String)> {
        let mut state = self.state();
        state.messages.clear();
        let envelopes = state.agenda.take_all();
        envelopes.into_iter().map(|envelope| ((*envelope.to).clone(), envelope.body.to_string())).collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes what the event that is being polled does.
    pub(super) fn note(&mut self, what: impl FnOnce() -> What) {
        if let Some(current) = &self.current {
            self.schedule.note(self.now, current.event, what());
        }
    }

    /// Puts a message into the queue; tells the delivery's number.
    pub(super) fn enqueue(
        &mut self,
        to: &Arc<StageAddress>,
        body: &Arc<str>,
        about: Option<&(RunId, Place)>,
        not_before: Option<Timestamp>,
    ) -> u64 {
        self.deliveries += 1;
        let longest = self.faults.delay.as_millis() as u64;
        let delay = if longest == 0 { 0 } else { self.random.random_range(0..=longest) };
        let due = self.now.plus(Duration::from_millis(delay)).max(not_before.unwrap_or_default());
        let (to, body, about) = (to.clone(), body.clone(), about.cloned());
        let envelope = Envelope { to, body, delivery: self.deliveries, tries: 0, reason: None, about };
        let chance = self.random.random();
        self.agenda.post(due, chance, envelope);
        self.deliveries
    }
}

/// What a body is about: the run, and what is to be done for it.
pub(super) fn about(body: &str) -> (Option<Message>, Option<(RunId, Place)>) {
    if Message::is_meant_by(body) {
        let message = Message::decode(body).ok();
        let about = message.as_ref().map(|message| {
            let item = message.item.map(|item| item.index);
            (message.pin.run.clone(), Place { node: message.to, item })
        });
        return (message, about);
    }
    let run = Request::decode(body).ok().and_then(|request| request.run);
    (None, run.map(|run| (run, Place { node: NodeId::ENTRY, item: None })))
}
