//! Regions whose store is away for a while, and instances that stop at a write.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::Workflow;
use caribou_runtime::model::{Epoch, Placement, Plan, Region, Timestamp};
use caribou_runtime::port::{
    Condition, Item, Page, Ports, Put, SendError, StageAddress, Store, StoreError, Transport,
};

use crate::platform::Platform;

const HOME: Region = Region::aws("us-east-1");
const AWAY: Region = Region::aws("eu-north-1");

/// A workflow with its last stage away, and the stores that may go away.
pub(crate) fn with_last_stage_away(workflow: &'static Workflow) -> (Platform, Outage) {
    let outage = Outage::default();
    let platform = Platform::between(workflow, outage.wrap());
    let graph = (workflow.graph)();
    let mut regions = vec![HOME; graph.stages().count()];
    *regions.last_mut().unwrap() = AWAY;
    let placement = Placement::new(&regions).unwrap();
    let (epoch, expires) = (Epoch(1), Timestamp::from_millis(u64::MAX));
    platform.switch(&Plan { epoch, expires, hours: vec![placement; 24], ..Plan::at_home(&graph, HOME) });
    (platform, outage)
}

/// What is away. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Outage {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Until when.
    down: BTreeMap<Region, Timestamp>,
    /// Writes until one never comes back, if one does.
    writes_left: Option<usize>,
    not_before: Vec<Timestamp>,
}

impl Outage {
    /// The store of a region goes away.
    pub(crate) fn begin(&self, region: &Region) {
        self.begin_until(region, Timestamp::from_millis(u64::MAX));
    }

    /// The store of a region goes away until then.
    pub(crate) fn begin_until(&self, region: &Region, until: Timestamp) {
        self.state.lock().unwrap().down.insert(region.clone(), until);
    }

    /// All stores are there again.
    pub(crate) fn end(&self) {
        self.state.lock().unwrap().down.clear();
    }

    /// After so many writes the next one never comes back.
    pub(crate) fn stop_after(&self, writes: usize) {
        self.state.lock().unwrap().writes_left = Some(writes);
    }

    /// When the messages that were to wait may be delivered.
    pub(crate) fn not_before(&self) -> Vec<Timestamp> {
        self.state.lock().unwrap().not_before.clone()
    }

    /// Puts itself between the shims and the regions.
    pub(crate) fn wrap(&self) -> impl Fn(Ports) -> Ports + use<> {
        let outage = self.clone();
        move |ports| {
            let away = Arc::new(Away { outage: outage.clone(), inner: ports.clone() });
            Ports { store: away.clone(), transport: away, ..ports }
        }
    }
}

struct Away {
    outage: Outage,
    inner: Ports,
}

impl Away {
    fn check(&self, region: &Region, operation: &'static str) -> Result<(), StoreError> {
        let until = self.outage.state.lock().unwrap().down.get(region).copied();
        let down = until.is_some_and(|until| self.inner.clock.now() < until);
        let error =
            || StoreError { region: region.clone(), operation, cause: "it is away".into(), refused: false };
        if down { Err(error()) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Away {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.check(region, "get")?;
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
        self.check(region, "put")?;
        let stops = match &mut self.outage.state.lock().unwrap().writes_left {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            left => left.take().is_some(),
        };
        if stops {
            pending::<()>().await;
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
        self.check(region, "add")?;
        self.inner.store.add(region, key, member, expires).await
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
impl Transport for Away {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        self.outage.state.lock().unwrap().not_before.extend(not_before);
        self.inner.transport.send(to, body, not_before).await
    }
}
