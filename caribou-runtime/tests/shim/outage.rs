//! Regions whose store is away for a while, and instances that stop at a write.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::model::{Region, Timestamp};
use caribou_runtime::port::{
    Condition, Item, Ports, Put, SendError, StageAddress, Store, StoreError, Transport,
};

/// What is away. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Outage {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    down: BTreeSet<Region>,
    /// Writes until one never comes back, if one does.
    writes_left: Option<usize>,
    not_before: Vec<Timestamp>,
}

impl Outage {
    /// The store of a region goes away.
    pub(crate) fn begin(&self, region: &Region) {
        self.state.lock().unwrap().down.insert(region.clone());
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
        let down = self.outage.state.lock().unwrap().down.contains(region);
        let error = || StoreError { region: region.clone(), operation, cause: "it is away".into() };
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
