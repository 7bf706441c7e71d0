//! Stores, blobs, queue and clock of the simulated regions.

use std::collections::{BTreeSet, HashMap};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_model::{Region, StageRecord, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::{Call, Faults, SentMessage};
use crate::Context;
use crate::port::{
    BlobError, Blobs, Clock, Condition, Item, Page, Ports, ProcessMeter, Put, SendError, StageAddress, Store,
    StoreError, Telemetry, Transport,
};

/// When every simulation begins: 2023-11-14T22:13:20Z.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The longest time of a port call.
const LONGEST_CALL_MS: u64 = 5;

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
    items: HashMap<(Region, String), (Item, Timestamp)>,
    sets: HashMap<(Region, String), BTreeSet<u32>>,
    blobs: HashMap<(Region, String), (Bytes, Timestamp)>,
    revision: u64,
    deliveries: u64,
    pub(super) queue: Vec<Envelope>,
    /// The task that is being polled, if one is.
    pub(super) current: Option<Current>,
    pub(super) telemetry: Vec<StageRecord>,
    pub(super) calls: Vec<Call>,
    pub(super) messages: Vec<SentMessage>,
    pub(super) schedule: Vec<String>,
}

/// A message in the queue.
#[derive(Clone)]
pub(super) struct Envelope {
    pub(super) to: StageAddress,
    pub(super) body: String,
    pub(super) request_id: String,
    pub(super) due: Timestamp,
    pub(super) tries: u32,
    /// Why the platform gave it up, if it did.
    pub(super) reason: Option<String>,
}

/// What the task that is being polled tells the executor.
pub(super) struct Current {
    pub(super) name: String,
    pub(super) deadline: Timestamp,
    /// When it wants to be polled again.
    pub(super) wake: Option<Timestamp>,
    pub(super) crashed: bool,
    pub(super) frozen: bool,
}

/// What a port call meets on its way.
enum Fate {
    Fine,
    AnswerLost,
}

impl World {
    /// Empty regions.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: Pcg64::seed_from_u64(seed),
            now: BEGINNING,
            faults: Faults::default(),
            items: HashMap::new(),
            sets: HashMap::new(),
            blobs: HashMap::new(),
            revision: 0,
            deliveries: 0,
            queue: Vec::new(),
            current: None,
            telemetry: Vec::new(),
            calls: Vec::new(),
            messages: Vec::new(),
            schedule: Vec::new(),
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
        state.queue.drain(..).map(|envelope| (envelope.to, envelope.body)).collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to a port: gives way to the others, takes a moment, and may meet with a fault. Fails if the region is
    /// down.
    async fn enter(&self, region: &Region, call: &'static str) -> Result<(), String> {
        self.step(call).await;
        if self.state().faults.down.contains(region) { Err("the region is down".into()) } else { Ok(()) }
    }

    /// The way back.
    async fn leave(&self, call: &'static str) -> Fate {
        self.step(call).await;
        let mut state = self.state();
        let (inside, share) = (state.current.is_some(), state.faults.lost_answer);
        if inside && state.random.random_bool(share) { Fate::AnswerLost } else { Fate::Fine }
    }

    async fn step(&self, call: &'static str) {
        if self.state().current.is_none() {
            return;
        }
        let mut gone = false;
        poll_fn(|context| {
            let mut state = self.state();
            let State { random, faults, current, now, schedule, .. } = &mut *state;
            let Some(current) = current else { return Poll::Ready(()) };
            if current.crashed || gone {
                return if current.crashed { Poll::Pending } else { Poll::Ready(()) };
            }
            gone = true;
            let mut wake = now.plus(Duration::from_millis(random.random_range(0..=LONGEST_CALL_MS)));
            if random.random_bool(faults.crash) {
                current.crashed = true;
                schedule.push(format!("{now:?} {} crashes at {call}", current.name));
            } else if random.random_bool(faults.freeze) && *now < current.deadline {
                let long = Duration::from_millis(random.random_range(5_000..30_000));
                wake = current.deadline.plus(long);
                current.frozen = true;
                schedule.push(format!("{now:?} {} freezes at {call}", current.name));
            }
            current.wake = Some(current.wake.map_or(wake, |earlier| earlier.min(wake)));
            // The executor polls when it is time; those between it and this call have to pass it on.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl State {
    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(current) = &self.current {
            let line = format!("{:?} {} {}", self.now, current.name, what());
            self.schedule.push(line);
        }
    }

    fn item(&self, at: &(Region, String)) -> Option<Item> {
        let (item, expires) = self.items.get(at)?;
        (self.now < *expires).then(|| item.clone())
    }

    pub(super) fn enqueue(&mut self, to: &StageAddress, body: &str, not_before: Option<Timestamp>) {
        self.deliveries += 1;
        let longest = self.faults.delay.as_millis() as u64;
        let delay = if longest == 0 { 0 } else { self.random.random_range(0..=longest) };
        let due = self.now.plus(Duration::from_millis(delay)).max(not_before.unwrap_or_default());
        let request_id = format!("delivery-{}", self.deliveries);
        let (to, body) = (to.clone(), body.to_owned());
        self.queue.push(Envelope { to, body, request_id, due, tries: 0, reason: None });
    }
}

#[async_trait]
impl Transport for World {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let region = to.region.clone();
        if let Err(cause) = self.enter(&region, "send").await {
            return Err(SendError::NotAccepted { region, cause });
        }
        {
            let mut state = self.state();
            state.note(|| format!("sends to {} in {region}", to.function));
            let at = state.now;
            state.messages.push(SentMessage { to: to.clone(), bytes: body.len(), at });
            state.enqueue(to, body, not_before);
            let twice = state.faults.duplicate;
            if state.random.random_bool(twice) {
                state.note(|| "(twice)".into());
                state.enqueue(to, body, not_before);
            }
        }
        match self.leave("the answer of send").await {
            Fate::Fine => Ok(()),
            Fate::AnswerLost => Err(SendError::Ambiguous { region, cause: "the answer was lost".into() }),
        }
    }
}

fn store_error(region: &Region, operation: &'static str, cause: impl Into<String>) -> StoreError {
    StoreError { region: region.clone(), operation, cause: cause.into() }
}

#[async_trait]
impl Store for World {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.enter(region, "get").await.map_err(|cause| store_error(region, "get", cause))?;
        let item = {
            let mut state = self.state();
            let item = state.item(&(region.clone(), key.to_owned()));
            state.note(|| format!("get {key}: {:?}", item.as_ref().map(|item| item.revision)));
            item
        };
        match self.leave("the answer of get").await {
            Fate::Fine => Ok(item),
            Fate::AnswerLost => Err(store_error(region, "get", "the answer was lost")),
        }
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        self.enter(region, "put").await.map_err(|cause| store_error(region, "put", cause))?;
        let put = {
            let mut state = self.state();
            let at = (region.clone(), key.to_owned());
            let there = state.item(&at);
            let holds = match (condition, &there) {
                (Condition::Any, _) | (Condition::Absent, None) => true,
                (Condition::Revision(wanted), Some(item)) => item.revision == wanted,
                _ => false,
            };
            let put = if holds {
                state.revision += 1;
                let revision = state.revision;
                state.items.insert(at, (Item { value, revision }, expires));
                Put::Written(revision)
            } else {
                Put::Refused(there)
            };
            state.note(|| match &put {
                Put::Written(revision) => format!("put {key}: {revision}"),
                Put::Refused(_) => format!("put {key}: refused"),
            });
            put
        };
        match self.leave("the answer of put").await {
            Fate::Fine => Ok(put),
            Fate::AnswerLost => Err(store_error(region, "put", "the answer was lost")),
        }
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        _expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        self.enter(region, "add").await.map_err(|cause| store_error(region, "add", cause))?;
        let whole = {
            let mut state = self.state();
            let set = state.sets.entry((region.clone(), key.to_owned())).or_default();
            set.insert(member);
            let whole = set.clone();
            state.note(|| format!("add {member} to {key}: {whole:?}"));
            whole
        };
        match self.leave("the answer of add").await {
            Fate::Fine => Ok(whole),
            Fate::AnswerLost => Err(store_error(region, "add", "the answer was lost")),
        }
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.enter(region, "list").await.map_err(|cause| store_error(region, "list", cause))?;
        let state = self.state();
        let known = state.items.keys().filter(|(there, key)| there == region && key.starts_with(prefix));
        let behind = known.filter(|(_, key)| after.is_none_or(|after| key.as_str() > after));
        let mut items: Vec<(String, Item)> =
            behind.filter_map(|at| Some((at.1.clone(), state.item(at)?))).collect();
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = items.len() > limit.max(1).into();
        items.truncate(limit.max(1).into());
        let next = items.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok(Page { items, next })
    }
}

#[async_trait]
impl Blobs for World {
    async fn put(
        &self,
        region: &Region,
        key: &str,
        content: Bytes,
        expires: Timestamp,
    ) -> Result<(), BlobError> {
        let unreachable =
            |cause| BlobError::Unreachable { region: region.clone(), key: key.to_owned(), cause };
        self.enter(region, "put blob").await.map_err(unreachable)?;
        self.state().blobs.insert((region.clone(), key.to_owned()), (content, expires));
        self.leave("the answer of put blob").await;
        Ok(())
    }

    async fn get(&self, region: &Region, key: &str) -> Result<Bytes, BlobError> {
        let unreachable =
            |cause| BlobError::Unreachable { region: region.clone(), key: key.to_owned(), cause };
        self.enter(region, "get blob").await.map_err(unreachable)?;
        let state = self.state();
        let at = (region.clone(), key.to_owned());
        let blob = state.blobs.get(&at).filter(|(_, expires)| state.now < *expires);
        let blob = blob.map(|(content, _)| content.clone());
        blob.ok_or_else(|| BlobError::Missing { region: region.clone(), key: key.to_owned() })
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        self.state().now
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
}

impl Telemetry for World {
    fn record(&self, record: &StageRecord) {
        let mut state = self.state();
        state.note(|| format!("notes attempt {} at {}: {:?}", record.attempt, record.stage, record.outcome));
        state.telemetry.push(record.clone());
    }

    fn started(&self, attempt: &Context) {
        let mut state = self.state();
        state.note(|| format!("calls the function of {} (attempt {})", attempt.stage, attempt.attempt));
        let Context { run, stage, item, attempt, .. } = attempt.clone();
        state.calls.push(Call { run, stage, item, attempt });
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
