//! The store and the blobs as one event uses them: patient, and counted.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use caribou_model::{Region, Timestamp};

use crate::port::{BlobError, Condition, Item, Ports, Put, StoreError};

/// How often a request is made before its failure counts.
const TRIES: u32 = 3;
/// The wait before the second try; each further wait is four times as long.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Store and blobs, with retries, and with the number of requests made.
pub(crate) struct Ledger<'a> {
    ports: &'a Ports,
    reads: AtomicU32,
    writes: AtomicU32,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(ports: &'a Ports) -> Self {
        Self { ports, reads: AtomicU32::new(0), writes: AtomicU32::new(0) }
    }

    pub(crate) fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn writes(&self) -> u32 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Now, by this instance's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    async fn patiently<T, E, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(_) => self.ports.clock.sleep(wait).await,
            }
            wait *= 4;
        }
        ask().await
    }

    /// Reads an item.
    pub(crate) async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.patiently(|| {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.ports.store.get(region, key)
        })
        .await
    }

    /// Writes an item. A write that had its effect though its answer was lost counts as written: the value holds
    /// the writer's own delivery and attempt, so that nobody else writes the same.
    pub(crate) async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        let tries = AtomicU32::new(0);
        let put = self
            .patiently(|| {
                tries.fetch_add(1, Ordering::Relaxed);
                self.writes.fetch_add(1, Ordering::Relaxed);
                self.ports.store.put(region, key, value.clone(), condition, expires)
            })
            .await?;
        Ok(match put {
            Put::Refused(Some(item)) if item.value == value && tries.into_inner() > 1 => {
                Put::Written(item.revision)
            }
            put => put,
        })
    }

    /// Adds a member to a set.
    pub(crate) async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        self.patiently(|| {
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.ports.store.add(region, key, member, expires)
        })
        .await
    }

    /// Stores a blob.
    pub(crate) async fn put_blob(
        &self,
        region: &Region,
        key: &str,
        content: &Bytes,
        expires: Timestamp,
    ) -> Result<(), BlobError> {
        self.patiently(|| self.ports.blobs.put(region, key, content.clone(), expires)).await
    }

    /// Fetches a blob.
    pub(crate) async fn get_blob(&self, region: &Region, key: &str) -> Result<Bytes, BlobError> {
        self.patiently(|| self.ports.blobs.get(region, key)).await
    }
}
