//! The store and the blobs as one event uses them: patient, and counted.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use caribou_model::{Region, Timestamp};

use crate::backoff::Backoff;
use crate::port::{BlobError, Condition, Item, Ports, Put, StoreError};

/// The wait before the second try; each further wait is four times as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// How often a request is made that is refused, or for a blob that is not there: permissions, and what was just deployed, may
/// take a moment to be known everywhere.
const REFUSALS: u32 = 3;
/// What is left of the invocation's time when waiting stops.
const RESERVE: Duration = Duration::from_millis(500);

/// Store and blobs, with the number of requests made. A request that fails is made again until the invocation ends: a
/// region that is down for a moment costs time, and none of the attempts that the function has. What is refused is not asked
/// for much longer: waiting does not change it.
pub(crate) struct Ledger<'a> {
    ports: &'a Ports,
    /// When the invocation ends.
    deadline: Timestamp,
    reads: AtomicU32,
    writes: AtomicU32,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(ports: &'a Ports, deadline: Timestamp) -> Self {
        Self { ports, deadline, reads: AtomicU32::new(0), writes: AtomicU32::new(0) }
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

    /// Asks until there is an answer, it was refused often enough, or time is up.
    async fn patiently<T, E: Refusing, F>(&self, key: &str, mut ask: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT, 4, key);
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let last = error.is_refusal() && backoff.tries() + 1 >= REFUSALS;
            let wait = backoff.wait();
            if last || self.ports.clock.now().plus(wait).plus(RESERVE) >= self.deadline {
                return Err(error);
            }
            self.ports.clock.sleep(wait).await;
        }
    }

    /// Reads an item.
    pub(crate) async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.patiently(key, || {
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
            .patiently(key, || {
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
        self.patiently(key, || {
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
        self.patiently(key, || self.ports.blobs.put(region, key, content.clone(), expires)).await
    }

    /// Fetches a blob.
    pub(crate) async fn get_blob(&self, region: &Region, key: &str) -> Result<Bytes, BlobError> {
        self.patiently(key, || self.ports.blobs.get(region, key)).await
    }
}

/// An error that may be a refusal.
trait Refusing {
    /// Whether asking again changes nothing.
    fn is_refusal(&self) -> bool;
}

impl Refusing for StoreError {
    fn is_refusal(&self) -> bool {
        self.refused
    }
}

impl Refusing for BlobError {
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Refused { .. })
    }
}
