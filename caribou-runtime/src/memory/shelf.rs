//! Stores and blobs of the simulated regions.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use bytes::Bytes;
use caribou_model::{Region, Timestamp};

use super::World;
use super::passage::Lost;
use super::schedule::What;
use super::world::State;
use crate::port::{BlobError, Blobs, Condition, Item, Page, Put, Store, StoreError};

/// The largest item, in bytes of key and value, as in DynamoDB.
const LARGEST_ITEM: usize = 400 * 1024;

/// What the regions keep, by region and key.
#[derive(Default)]
pub(super) struct Shelf {
    items: HashMap<(Region, String), (Item, Timestamp)>,
    sets: HashMap<(Region, String), (BTreeSet<u32>, Timestamp)>,
    blobs: HashMap<(Region, String), (Bytes, Timestamp)>,
    revision: u64,
}

impl Shelf {
    fn item(&self, at: &(Region, String), now: Timestamp) -> Option<Item> {
        let (item, expires) = self.items.get(at)?;
        (now < *expires).then(|| item.clone())
    }
}

impl State {
    fn put(&mut self, at: (Region, String), value: Bytes, condition: Condition, expires: Timestamp) -> Put {
        let there = self.shelf.item(&at, self.now);
        let holds = match (condition, &there) {
            (Condition::Any, _) | (Condition::Absent, None) => true,
            (Condition::Revision(wanted), Some(item)) => item.revision == wanted,
            _ => false,
        };
        if !holds {
            self.audit.refused(&at.1, &value, there.as_ref());
            return Put::Refused(there);
        }
        self.audit.written(&at.1, &value);
        self.shelf.revision += 1;
        let revision = self.shelf.revision;
        self.shelf.items.insert(at, (Item { value, revision }, expires));
        Put::Written(revision)
    }
}

fn store_error(region: &Region, operation: &'static str, lost: &Lost) -> StoreError {
    StoreError { region: region.clone(), operation, cause: lost.cause.into(), refused: false }
}

#[async_trait]
impl Store for World {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        let error = |lost: Lost| store_error(region, "get", &lost);
        self.enter(region, "get").await.map_err(error)?;
        let item = {
            let mut state = self.state();
            let item = state.shelf.item(&(region.clone(), key.to_owned()), state.now);
            let revision = item.as_ref().map(|item| item.revision);
            state.note(|| What::Gets { key: key.into(), revision });
            item
        };
        self.leave(region, "get").await.map_err(error)?;
        Ok(item)
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        let error = |lost: Lost| store_error(region, "put", &lost);
        self.enter(region, "put").await.map_err(error)?;
        if key.len() + value.len() > LARGEST_ITEM {
            let cause = format!("an item has at most 400 KB, and `{key}` would have {} bytes", value.len());
            return Err(StoreError { region: region.clone(), operation: "put", cause, refused: true });
        }
        let put = {
            let mut state = self.state();
            let put = state.put((region.clone(), key.to_owned()), value, condition, expires);
            let revision = match &put {
                Put::Written(revision) => Some(*revision),
                Put::Refused(_) => None,
            };
            state.note(|| What::Puts { key: key.into(), revision });
            put
        };
        self.leave(region, "put").await.map_err(error)?;
        Ok(put)
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        let error = |lost: Lost| store_error(region, "add", &lost);
        self.enter(region, "add").await.map_err(error)?;
        let whole = {
            let mut state = self.state();
            let now = state.now;
            let (set, kept) = state.shelf.sets.entry((region.clone(), key.to_owned())).or_default();
            if now >= *kept {
                set.clear();
            }
            *kept = expires;
            set.insert(member);
            let whole = set.clone();
            state.note(|| What::Adds { key: key.into(), member, members: whole.len() });
            whole
        };
        self.leave(region, "add").await.map_err(error)?;
        Ok(whole)
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let error = |lost: Lost| store_error(region, "list", &lost);
        self.enter(region, "list").await.map_err(error)?;
        let state = self.state();
        let in_group =
            |key: &str| key.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
        let known = state.shelf.items.keys().filter(|(there, key)| there == region && in_group(key));
        let behind = known.filter(|(_, key)| after.is_none_or(|after| key.as_str() > after));
        let mut items: Vec<(String, Item)> =
            behind.filter_map(|at| Some((at.1.clone(), state.shelf.item(at, state.now)?))).collect();
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
        let error = |lost| unreachable(region, key, &lost);
        self.enter(region, "put blob").await.map_err(error)?;
        {
            let mut state = self.state();
            state.note(|| What::PutsBlob { key: key.into() });
            state.shelf.blobs.insert((region.clone(), key.to_owned()), (content, expires));
        }
        self.leave(region, "put blob").await.map_err(error)
    }

    async fn get(&self, region: &Region, key: &str) -> Result<Bytes, BlobError> {
        let error = |lost| unreachable(region, key, &lost);
        self.enter(region, "get blob").await.map_err(error)?;
        let blob = {
            let state = self.state();
            let blob = state.shelf.blobs.get(&(region.clone(), key.to_owned()));
            blob.filter(|(_, expires)| state.now < *expires).map(|(content, _)| content.clone())
        };
        self.leave(region, "get blob").await.map_err(error)?;
        blob.ok_or_else(|| BlobError::Missing { region: region.clone(), key: key.to_owned() })
    }
}

fn unreachable(region: &Region, key: &str, lost: &Lost) -> BlobError {
    BlobError::Unreachable { region: region.clone(), key: key.to_owned(), cause: lost.cause.into() }
}
