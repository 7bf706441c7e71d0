//! The store of a function instance: what no function calls is not linked into its bootstrap.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_model::{Region, Timestamp};

use super::Adapter;
use crate::port::{Condition, Item, Page, Put, Store, StoreError};

/// The adapter, of which nothing is listed.
pub(super) struct Instance(pub(super) Arc<Adapter>);

#[async_trait]
impl Store for Instance {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.0.get_item(region, key).await
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        self.0.put_item(region, key, value, condition, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        self.0.add_member(region, key, member, expires).await
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        _after: Option<&str>,
        _limit: u16,
    ) -> Result<Page, StoreError> {
        let cause = format!("a function has no permission to list `{prefix}`; list it with a client");
        Err(StoreError { region: region.clone(), operation: "list", cause, refused: true })
    }
}
