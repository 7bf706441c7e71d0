//! A platform without faults: every message is handled when it is its turn, at once. And what goes through the ports.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::client::{RunDetail, RunFilter, Runs};
use caribou_runtime::memory::World;
use caribou_runtime::model::{Epoch, NodeId, Placement, Plan, Region, RunId, StageRecord, Timestamp};
use caribou_runtime::port::{
    Clock, Condition, Item, Page, Ports, Put, SendError, StageAddress, Store, StoreError, Telemetry,
    Transport,
};
use caribou_runtime::{
    Client, Deployment, Event, HandleError, Handled, RetryError, RunStatus, Shim, Workflow, plan,
};
use serde_json::Value as Json;

const HOME: Region = Region::aws("us-east-1");

/// What went through the ports of a run. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Measures {
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    item: AtomicUsize,
    set: AtomicUsize,
    sent: AtomicUsize,
    /// From so many messages on none is accepted; 0 for ever so many.
    limit: AtomicUsize,
    calls: std::sync::Mutex<HashMap<String, usize>>,
    /// Regions in which nothing is deployed any more, and functions whose messages get lost.
    gone: std::sync::Mutex<BTreeSet<Region>>,
    lost: std::sync::Mutex<BTreeSet<String>>,
    /// So many more writes happen; all of them if it is `None`.
    writes: std::sync::Mutex<Option<usize>>,
}

impl Measures {
    /// The largest item of the store, in bytes.
    pub(crate) fn largest_item(&self) -> usize {
        self.seen.item.load(Ordering::Relaxed)
    }

    /// The most members of a set of the store.
    pub(crate) fn largest_set(&self) -> usize {
        self.seen.set.load(Ordering::Relaxed)
    }

    /// Messages that were accepted.
    pub(crate) fn sent(&self) -> usize {
        self.seen.sent.load(Ordering::Relaxed)
    }

    /// Accepts no more messages than that in all.
    pub(crate) fn fail_after(&self, messages: usize) {
        self.seen.limit.store(messages, Ordering::Relaxed);
    }

    /// Deploys nothing in these regions any more. Their stores answer as ever.
    pub(crate) fn undeploy(&self, regions: impl IntoIterator<Item = Region>) {
        *self.seen.gone.lock().unwrap() = regions.into_iter().collect();
    }

    /// Lets the store take so many writes, and no more.
    pub(crate) fn write_at_most(&self, writes: usize) {
        *self.seen.writes.lock().unwrap() = Some(writes);
    }

    /// Loses every message to these functions.
    pub(crate) fn lose<'f>(&self, functions: impl IntoIterator<Item = &'f str>) {
        *self.seen.lost.lock().unwrap() = functions.into_iter().map(str::to_owned).collect();
    }

    /// Puts itself between a shim and its ports.
    pub(crate) fn wrap(&self) -> impl Fn(Ports) -> Ports + 'static {
        let seen = self.seen.clone();
        move |ports| {
            let (seen, inner) = (seen.clone(), ports.clone());
            let between = Arc::new(Between { seen, inner });
            Ports { store: between.clone(), transport: between.clone(), telemetry: between, ..ports }
        }
    }
}

struct Between {
    seen: Arc<Seen>,
    inner: Ports,
}

#[async_trait]
impl Store for Between {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.inner.store.get(region, key).await
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        self.seen.item.fetch_max(value.len(), Ordering::Relaxed);
        if let Some(left) = &mut *self.seen.writes.lock().unwrap() {
            let cause = "it takes no more".into();
            *left = left.checked_sub(1).ok_or(StoreError {
                region: region.clone(),
                operation: "put",
                cause,
                refused: false,
            })?;
        }
        self.inner.store.put(region, key, value, condition, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        let whole = self.inner.store.add(region, key, member, expires).await?;
        self.seen.set.fetch_max(whole.len(), Ordering::Relaxed);
        Ok(whole)
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.inner.store.list(region, prefix, after, limit).await
    }
}

#[async_trait]
impl Transport for Between {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let limit = self.seen.limit.load(Ordering::Relaxed);
        if limit != 0 && self.seen.sent.load(Ordering::Relaxed) >= limit {
            return Err(SendError::Ambiguous { region: to.region.clone(), cause: "nobody answers".into() });
        }
        if self.seen.gone.lock().unwrap().contains(&to.region) {
            return Err(SendError::NotAccepted { region: to.region.clone(), cause: "not deployed".into() });
        }
        self.seen.sent.fetch_add(1, Ordering::Relaxed);
        if self.seen.lost.lock().unwrap().contains(&to.function) {
            return Ok(());
        }
        self.inner.transport.send(to, body, not_before).await
    }
}

impl Telemetry for Between {
    fn record(&self, record: &StageRecord) {
        self.inner.telemetry.record(record);
    }

    fn started(&self, attempt: &caribou_runtime::Context) {
        self.inner.telemetry.started(attempt);
        *self.seen.calls.lock().unwrap().entry(attempt.stage.clone()).or_default() += 1;
    }
}

/// Shims and a client around one world.
pub(crate) struct Platform {
    world: World,
    ports: Ports,
    pub(crate) measures: Measures,
    workflow: &'static Workflow,
    shims: HashMap<StageAddress, Shim>,
    deliveries: u32,
}

impl Platform {
    pub(crate) fn new(workflow: &'static Workflow) -> Self {
        Self::between(workflow, |ports| ports)
    }

    /// With something between the shims and the regions.
    pub(crate) fn between(workflow: &'static Workflow, wrap: impl Fn(Ports) -> Ports) -> Self {
        let (world, measures) = (World::new(1), Measures::default());
        let ports = measures.wrap()(wrap(world.ports()));
        Self { world, ports, measures, workflow, shims: HashMap::new(), deliveries: 0 }
    }

    /// Everything at home from now on, or elsewhere.
    pub(crate) fn place(&self, region: &Region) {
        let graph = (self.workflow.graph)();
        let placement = Placement::uniform(region.clone(), graph.stages().count());
        let (epoch, expires) = (Epoch(1), Timestamp::from_millis(u64::MAX));
        let plan = Plan { epoch, expires, hours: vec![placement; 24], ..Plan::at_home(&graph, HOME) };
        wait(plan::switch(&*self.ports.store, &plan, None)).unwrap();
    }

    /// Asks for a run to be taken up again.
    pub(crate) fn retry(&self, run: &RunId) -> Result<u32, RetryError> {
        wait(self.client().retry(run))
    }

    /// What is known of a run.
    pub(crate) fn show(&self, run: &RunId) -> RunDetail {
        wait(self.client().show(run, &(self.workflow.graph)())).unwrap().unwrap()
    }

    /// The newest runs.
    pub(crate) fn runs(&self, filter: &RunFilter, limit: usize) -> Runs {
        wait(self.client().runs(filter, limit)).unwrap()
    }

    /// Starts a run of this name.
    pub(crate) fn start_as(&self, run: &str, input: Json) -> RunId {
        wait(self.client().start(Some(run.parse().unwrap()), input)).unwrap()
    }

    fn client(&self) -> Client {
        let graph = (self.workflow.graph)();
        let entry = &graph.function_of(NodeId::ENTRY).unwrap().name;
        Client::new(self.workflow.name, self.workflow.version, entry, HOME, self.ports.clone())
    }

    /// Starts a run.
    pub(crate) fn start(&self, input: Json) -> RunId {
        self.start_as("run", input)
    }

    /// Puts a plan in force, the first.
    pub(crate) fn switch(&self, plan: &Plan) {
        wait(plan::switch(&*self.world.ports().store, plan, None)).unwrap();
    }

    /// Puts another body or version of the workflow in the place of the one before.
    pub(crate) fn deploy(&mut self, workflow: &'static Workflow) {
        self.workflow = workflow;
        self.shims.clear();
    }

    /// Puts a blob in place of another.
    pub(crate) fn put_blob(&self, region: &Region, key: &str, content: &'static str) {
        let expires = Timestamp::from_millis(u64::MAX);
        wait(self.ports.blobs.put(region, key, Bytes::from_static(content.as_bytes()), expires)).unwrap();
    }

    /// How a run stands after it was waited for.
    pub(crate) fn wait_for(&self, run: &RunId, poll: Duration, timeout: Duration) -> RunStatus {
        wait(self.client().wait(run, poll, timeout)).unwrap()
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, duration: Duration) {
        self.world.advance(duration);
    }

    /// What the regions' clocks say.
    pub(crate) fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// How a run stands.
    pub(crate) fn status(&self, run: &RunId) -> RunStatus {
        wait(self.client().status(run)).unwrap()
    }

    /// How often the function of a stage was called.
    pub(crate) fn calls(&self, stage: &str) -> usize {
        self.measures.seen.calls.lock().unwrap().get(stage).copied().unwrap_or_default()
    }

    /// The next message; there is exactly one.
    pub(crate) fn take_one(&self) -> (StageAddress, String) {
        let [message] = <[_; 1]>::try_from(self.world.take_messages()).unwrap();
        message
    }

    /// A delivery of a message.
    pub(crate) fn event(&mut self, body: &str) -> Event {
        self.deliveries += 1;
        let received = self.world.now();
        Event {
            body: body.into(),
            request_id: format!("request-{}", self.deliveries),
            message_id: None,
            deadline: received.plus(Duration::from_mins(1)),
            received,
            cold: false,
        }
    }

    fn shim(&mut self, to: &StageAddress) -> Shim {
        let (workflow, ports) = (self.workflow, &self.ports);
        let shim = self.shims.entry(to.clone()).or_insert_with(|| {
            let deployment = Deployment {
                workflow,
                function: to.function.clone(),
                region: to.region.clone(),
                home: HOME,
                probe_share: 0.0,
                run_deadline: Duration::from_hours(1),
                plan_cache: Duration::from_mins(1),
            };
            Shim::new(deployment, ports.clone()).unwrap()
        });
        shim.clone()
    }

    /// Hands a delivery to its function.
    pub(crate) fn handle(&mut self, to: &StageAddress, event: Event) -> Result<Handled, HandleError> {
        wait(self.shim(to).handle(event))
    }

    /// Hands a delivery that the platform has given up to its function.
    pub(crate) fn give_up(
        &mut self,
        to: &StageAddress,
        event: Event,
        reason: &str,
    ) -> Result<(), HandleError> {
        wait(self.shim(to).handle_failure(event, reason))
    }

    /// Hands a delivery to its function, whose instance crashes where it waits.
    pub(crate) fn crash(&mut self, to: &StageAddress, event: Event) {
        let shim = self.shim(to);
        let polled = pin!(shim.handle(event)).as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "it waits for nothing");
    }

    /// Hands a delivery to its function, whose instance freezes where it waits; what is returned goes on.
    pub(crate) fn freeze(
        &mut self,
        to: &StageAddress,
        event: Event,
    ) -> impl Future<Output = Result<Handled, HandleError>> + Unpin + use<> {
        let shim = self.shim(to);
        let mut handling = Box::pin(async move { shim.handle(event).await });
        let polled = handling.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "it waits for nothing");
        handling
    }

    /// Delivers the one message that there is.
    pub(crate) fn deliver_one(&mut self) {
        let (to, body) = self.take_one();
        let event = self.event(&body);
        self.handle(&to, event).unwrap();
    }

    /// Takes every message.
    pub(crate) fn take_all(&self) -> Vec<(StageAddress, String)> {
        self.world.take_messages()
    }

    /// Delivers everything, until nothing is left.
    pub(crate) fn deliver_all(&mut self) {
        loop {
            let messages = self.world.take_messages();
            if messages.is_empty() {
                return;
            }
            for (to, body) in messages {
                let event = self.event(&body);
                self.handle(&to, event).unwrap();
            }
        }
    }
}

/// Polls a future that waits for nothing.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}
