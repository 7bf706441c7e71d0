//! A warm instance stays healthy: what goes wrong in one event leaves no trace in the next, and memory stays flat over
//! 100,000 events.

use std::collections::{BTreeSet, HashMap};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allocation_counter::measure;
use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::model::{FunctionSpec, Graph, NodeId, Region, StageRecord, Timestamp};
use caribou_runtime::port::{
    BlobError, Blobs, Clock, Condition, Item, Page, Ports, ProcessMeter, Put, SendError, StageAddress, Store,
    StoreError, Telemetry, Transport,
};
use caribou_runtime::{
    Client, Context, Deployment, Error, Event, Function, HandleError, Handled, Result, RouteError, RunStatus,
    Shim, Step, Workflow, call_stage,
};
use serde_json::json;

use crate::platform::wait;
use crate::workflows::{function, graph, pass, reads_first, stage};

const HOME: Region = Region::aws("us-east-1");
/// Of so many runs one that succeeds is held against what a fresh instance does.
const COMPARED: u64 = 64;

function!(Moody "moody", |_context, n: u64| -> u64 {
    match Mood::of(n) {
        Mood::Fails => Err(Error::transient("not today")),
        Mood::FailsForGood => Err(Error::permanent("never")),
        // As a panic does, without a line on standard error for each.
        Mood::Panics => resume_unwind(Box::new("I panic".to_owned())),
        _ => Ok(n + 8),
    }
});

static TWICE: Workflow = Workflow {
    name: "twice",
    version: "0.1.0",
    parameters: &["n"],
    graph: || -> Graph {
        let stages = vec![stage("moody", 0, 1), stage("moody#2", 0, 1)];
        graph(&TWICE, vec![Moody::spec()], stages, 1, &[(0, 1, 0), (1, 2, 0), (2, 3, 0)])
    },
    route: |step, values, outbox| match step {
        Step::After(NodeId::ENTRY) => pass(outbox, 1, 0, &values.take::<u64>(0)?),
        Step::After(NodeId(node @ (1 | 2))) => pass(outbox, node + 1, 0, &values.output::<u64>()?),
        other => Err(RouteError::NoSuchStep(other)),
    },
    reads: reads_first,
    call: |node| (1..=2).contains(&node.0).then_some(call_stage::<Moody>),
    plain: |input| Box::pin(async move { Ok(input) }),
};

/// What happens with a run of this number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Succeeds,
    Fails,
    FailsForGood,
    Panics,
    IsRefused,
    IsOfAnotherVersion,
    IsNotSent,
    IsNotStored,
}

impl Mood {
    fn of(n: u64) -> Self {
        use Mood::{
            Fails, FailsForGood, IsNotSent, IsNotStored, IsOfAnotherVersion, IsRefused, Panics, Succeeds,
        };
        let moods =
            [Succeeds, Fails, FailsForGood, Panics, IsRefused, IsOfAnotherVersion, IsNotSent, IsNotStored];
        moods[(n % 8) as usize]
    }
}

/// Regions that forget a run when it is over, so that what memory grows by is the instance's.
struct Forgetful {
    items: Mutex<HashMap<String, Item>>,
    sent: Mutex<Vec<String>>,
    revision: AtomicU64,
    now: AtomicU64,
    sends_nothing: AtomicBool,
    stores_nothing: AtomicBool,
}

impl Forgetful {
    fn new(now: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            items: Mutex::default(),
            sent: Mutex::default(),
            revision: AtomicU64::new(0),
            now: AtomicU64::new(now.as_millis()),
            sends_nothing: AtomicBool::new(false),
            stores_nothing: AtomicBool::new(false),
        })
    }

    fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            transport: self.clone(),
            store: self.clone(),
            blobs: self.clone(),
            clock: self.clone(),
            telemetry: self.clone(),
            meter: self.clone(),
        }
    }

    fn shim(self: &Arc<Self>) -> Shim {
        let deployment = Deployment {
            workflow: &TWICE,
            function: "moody".into(),
            region: HOME,
            home: HOME,
            probe_share: 0.0,
            run_deadline: Duration::from_hours(1),
            plan_cache: Duration::from_mins(1),
        };
        Shim::new(deployment, self.ports()).unwrap()
    }

    fn event(&self, request_id: &str, body: String) -> Event {
        let received = self.now();
        let deadline = received.plus(Duration::from_secs(10));
        Event { body, request_id: request_id.into(), message_id: None, deadline, received, cold: false }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    fn forget(&self) {
        self.items.lock().unwrap().clear();
        self.take();
    }

    fn stored(&self, operation: &'static str) -> std::result::Result<(), StoreError> {
        if self.stores_nothing.load(Ordering::Relaxed) {
            return Err(StoreError {
                region: HOME,
                operation,
                cause: "the disk is full".into(),
                refused: false,
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Forgetful {
    async fn get(&self, _: &Region, key: &str) -> std::result::Result<Option<Item>, StoreError> {
        self.stored("get")?;
        Ok(self.items.lock().unwrap().get(key).cloned())
    }

    async fn put(
        &self,
        _: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        _: Timestamp,
    ) -> std::result::Result<Put, StoreError> {
        self.stored("put")?;
        let mut items = self.items.lock().unwrap();
        let there = items.get(key);
        let holds = match condition {
            Condition::Any => true,
            Condition::Absent => there.is_none(),
            Condition::Revision(revision) => there.is_some_and(|item| item.revision == revision),
        };
        if !holds {
            return Ok(Put::Refused(there.cloned()));
        }
        let revision = self.revision.fetch_add(1, Ordering::Relaxed);
        items.insert(key.to_owned(), Item { value, revision });
        Ok(Put::Written(revision))
    }

    async fn add(
        &self,
        _: &Region,
        _: &str,
        member: u32,
        _: Timestamp,
    ) -> std::result::Result<BTreeSet<u32>, StoreError> {
        Ok([member].into())
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> std::result::Result<Page, StoreError> {
        let _ = (region, prefix, after, limit);
        self.stored("list")?;
        Ok(Page { items: Vec::new(), next: None })
    }
}

#[async_trait]
impl Transport for Forgetful {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        _: Option<Timestamp>,
    ) -> std::result::Result<(), SendError> {
        if self.sends_nothing.load(Ordering::Relaxed) {
            return Err(SendError::Ambiguous { region: to.region.clone(), cause: "nobody answers".into() });
        }
        self.sent.lock().unwrap().push(body.to_owned());
        Ok(())
    }
}

#[async_trait]
impl Blobs for Forgetful {
    async fn put(&self, _: &Region, _: &str, _: Bytes, _: Timestamp) -> std::result::Result<(), BlobError> {
        Ok(())
    }

    async fn get(&self, region: &Region, key: &str) -> std::result::Result<Bytes, BlobError> {
        Err(BlobError::Missing { region: region.clone(), key: key.to_owned() })
    }
}

#[async_trait]
impl Clock for Forgetful {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.now.fetch_add(duration.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Telemetry for Forgetful {
    fn record(&self, _: &StageRecord) {}

    fn started(&self, _: &Context) {}
}

impl ProcessMeter for Forgetful {
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

/// A run from its request to whatever becomes of it. Tells what was sent, and how many events that were.
fn run(regions: &Arc<Forgetful>, shim: &Shim, n: u64) -> (Vec<String>, usize) {
    let request =
        json!({"caribou": 1, "request": {"workflow": "twice", "run": format!("r-{n}"), "input": n}});
    let request = regions.event("request", request.to_string());
    assert!(matches!(wait(shim.handle(request)), Ok(Handled::Accepted { .. })));
    let message = regions.take().pop().unwrap();
    let mood = Mood::of(n);
    let body = match mood {
        Mood::IsRefused => message.replace("\"p\":\"", "\"p\":\"#"),
        Mood::IsOfAnotherVersion => message.replace("0.1.0", "0.2.0"),
        _ => message.clone(),
    };
    regions.sends_nothing.store(mood == Mood::IsNotSent, Ordering::Relaxed);
    regions.stores_nothing.store(mood == Mood::IsNotStored, Ordering::Relaxed);
    let first = wait(shim.handle(regions.event("first", body)));
    regions.sends_nothing.store(false, Ordering::Relaxed);
    regions.stores_nothing.store(false, Ordering::Relaxed);
    let mut sent = vec![message];
    match (mood, first) {
        (Mood::Succeeds, Ok(Handled::Done)) => {
            let message = regions.take().pop().unwrap();
            assert_eq!(wait(shim.handle(regions.event("second", message.clone()))).unwrap(), Handled::Done);
            sent.push(message);
            let client = Client::new("twice", "0.1.0", "moody", HOME, regions.ports());
            let status = wait(client.status(&format!("r-{n}").parse().unwrap())).unwrap();
            let RunStatus::Succeeded { result, .. } = status else { panic!("{n}: {status:?}") };
            assert_eq!(result, json!(n + 16));
            regions.forget();
            return (sent, 3);
        }
        (Mood::FailsForGood, Ok(Handled::Done))
        | (Mood::Fails | Mood::Panics, Err(HandleError::Attempt { .. }))
        | (Mood::IsRefused | Mood::IsOfAnotherVersion, Err(HandleError::Refused(_)))
        | (Mood::IsNotSent, Err(HandleError::Send(_)))
        | (Mood::IsNotStored, Err(HandleError::Store(_))) => {}
        (mood, first) => panic!("{n}: {mood:?} gives {first:?}"),
    }
    regions.forget();
    (sent, 2)
}

/// Runs until so many events are handled, and holds what every good run sends against a fresh instance.
fn handle(regions: &Arc<Forgetful>, shim: &Shim, events: usize, from: u64) -> u64 {
    let (mut handled, mut n) = (0, from);
    while handled < events {
        let now = regions.now();
        let (sent, more) = run(regions, shim, n);
        if n % COMPARED == 0 {
            let fresh = Forgetful::new(now);
            assert_eq!(run(&fresh, &fresh.shim(), n).0, sent, "{n}");
        }
        (handled, n) = (handled + more, n + 1);
    }
    n
}

#[test]
fn memory_stays_flat_over_100_000_events_and_no_error_leaves_a_trace() {
    let regions = Forgetful::new(Timestamp::from_millis(1_700_000_000_000));
    let shim = regions.shim();
    let mut next = handle(&regions, &shim, 10_000, 0);
    let live = measure(|| next = handle(&regions, &shim, 90_000, next)).bytes_current;
    // What is live after 100,000 events and was not after 10,000. One byte kept of every event would be 90,000.
    assert!(live < 16 * 1024, "{live} bytes");
}
