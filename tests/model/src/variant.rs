//! Protocols that are broken on purpose: the shim as it is, over ports that keep their promises to it in one way less.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::codec;
use caribou_runtime::model::{Region, Timestamp};
use caribou_runtime::port::{Condition, Item, Page, Ports, Put, Store, StoreError};

/// How the protocol is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Not at all.
    Sound,
    /// A stage is claimed with its outcome only, after its work: two deliveries work at the same time.
    ClaimedAfterwards,
    /// An outcome is recorded whatever was recorded before: two attempts' outcomes are sent.
    OutcomeUnconditional,
    /// No outcome is recorded before the messages that follow from it are sent.
    SentBeforeOutcome,
    /// What arrives at a sync node is added to a set that is read first and then written.
    ArrivalsNotAtomic,
}

impl Variant {
    /// All that are broken.
    pub const BROKEN: [Self; 4] = [
        Self::ClaimedAfterwards,
        Self::OutcomeUnconditional,
        Self::SentBeforeOutcome,
        Self::ArrivalsNotAtomic,
    ];

    /// Ports through which a sound shim acts as a broken one.
    #[must_use]
    pub fn break_ports(self, ports: Ports) -> Ports {
        if self == Self::Sound {
            return ports;
        }
        Ports { store: Arc::new(Broken { variant: self, store: ports.store.clone() }), ..ports }
    }
}

struct Broken {
    variant: Variant,
    store: Arc<dyn Store>,
}

/// The revision of what was not written.
const NOT_WRITTEN: u64 = u64::MAX;

#[async_trait]
impl Store for Broken {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.store.get(region, key).await
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        let claim = key.contains("/claim/");
        let condition = match (self.variant, condition) {
            (Variant::ClaimedAfterwards, Condition::Absent) if claim => return Ok(Put::Written(NOT_WRITTEN)),
            (Variant::ClaimedAfterwards, Condition::Revision(NOT_WRITTEN)) => Condition::Any,
            (Variant::OutcomeUnconditional, Condition::Revision(_)) if claim => Condition::Any,
            (Variant::SentBeforeOutcome, Condition::Revision(_)) if claim => {
                return Ok(Put::Written(NOT_WRITTEN));
            }
            (_, condition) => condition,
        };
        self.store.put(region, key, value, condition, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        if self.variant != Variant::ArrivalsNotAtomic {
            return self.store.add(region, key, member, expires).await;
        }
        let there = self.store.get(region, key).await?;
        let there: Option<Vec<u32>> = there.and_then(|item| codec::decode(&item.value).ok());
        let mut set: BTreeSet<u32> = there.unwrap_or_default().into_iter().collect();
        set.insert(member);
        let value = codec::encode(&set.iter().collect::<Vec<_>>()).unwrap_or_default();
        self.store.put(region, key, value.into(), Condition::Any, expires).await?;
        Ok(set)
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.store.list(region, prefix, after, limit).await
    }
}
