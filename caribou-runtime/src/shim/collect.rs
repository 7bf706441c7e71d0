//! Collecting a map: what its items gave arrives, and is read when all of it has.
//!
//! No item of the store may grow with a map. So the items that have arrived are noted in sets of [`SHARD`], a set that is
//! complete in a set of those sets, and that one's completion fills the slot of the node that collects. Whoever adds to a set
//! that is complete does all that follows, once more if need be: every step does no harm when it is repeated.

use std::collections::BTreeSet;
use std::ops::Range;

use caribou_model::{NodeId, Region};

use super::attempt::Attempt;
use super::claim::StoredDelivery;
use super::crowd::{MOST_IN_FLIGHT, crowd};
use super::error::HandleError;
use super::stage::Stopped;
use super::sync::Given;
use crate::message::MapItem;
use crate::port::BlobError;
use crate::stored::StoredValue;
use crate::{Bytes, Value, codec, key};

/// The most items that are noted in one set.
pub(crate) const SHARD: u32 = 256;

impl Attempt<'_> {
    /// Takes down what one item gave, and fills the slot if it was the last. Tells the bytes moved.
    pub(super) async fn arrive_item(
        &self,
        item: MapItem,
        delivery: &StoredDelivery,
        values: Vec<StoredValue>,
        region: &Region,
    ) -> Result<u64, HandleError> {
        let StoredDelivery { to, slot, .. } = *delivery;
        let arrival = key::item_arrival(&self.pin.workflow, &self.pin.run, to, slot, item.index);
        let bytes = self.put_arrival(arrival, Given::Values(values), region).await?;
        let arrived = self.note_item(item.index, to, slot, region).await?;
        self.check_shard(item, arrived.len(), to, slot, region).await?;
        Ok(bytes)
    }

    /// Notes that an item has arrived; tells which of its shard have, by their places in it.
    async fn note_item(
        &self,
        index: u32,
        to: NodeId,
        slot: u8,
        region: &Region,
    ) -> Result<BTreeSet<u32>, HandleError> {
        let set = key::shard_arrived(&self.pin.workflow, &self.pin.run, to, slot, index / SHARD);
        Ok(self.ledger.add(region, &set, index % SHARD, self.pin.kept_until()).await?)
    }

    /// Fills the slot if so many items of the item's shard have arrived that it is complete, and all other shards are.
    async fn check_shard(
        &self,
        item: MapItem,
        arrived: usize,
        to: NodeId,
        slot: u8,
        region: &Region,
    ) -> Result<(), HandleError> {
        let (shard, shards) = (item.index / SHARD, item.total.div_ceil(SHARD));
        let size = SHARD.min(item.total - shard * SHARD);
        if arrived < size as usize {
            return Ok(());
        }
        if shards > 1 {
            let set = key::shards_arrived(&self.pin.workflow, &self.pin.run, to, slot);
            let complete = self.ledger.add(region, &set, shard, self.pin.kept_until()).await?;
            if complete.len() < shards as usize {
                return Ok(());
            }
        }
        self.arrive(to, slot, Given::Items(item.total), region).await.map(drop)
    }

    /// Which items of one shard have not arrived, in a run that was taken up again. What was left to do for those that
    /// have is done: they are noted, and a shard that is complete counts.
    pub(super) async fn missing(
        &self,
        map: NodeId,
        items: Range<u32>,
        total: u32,
    ) -> Result<Vec<u32>, HandleError> {
        let Some(to) = self.shim.graph.collect_of(map) else { return Ok(items.collect()) };
        let placed = self.pin.placement.region_of_node(&self.shim.graph, to, &self.pin.home);
        let region = placed.unwrap_or(&self.pin.home);
        let there = |index: u32| async move {
            let key = key::item_arrival(&self.pin.workflow, &self.pin.run, to, 1, index);
            self.ledger.get(region, &key).await.map(|item| item.is_some())
        };
        let (mut arrived, mut missing) = (BTreeSet::new(), Vec::new());
        let all: Vec<u32> = items.clone().collect();
        for few in all.chunks(MOST_IN_FLIGHT) {
            let unknown: Vec<u32> =
                few.iter().copied().filter(|index| !arrived.contains(&(index % SHARD))).collect();
            let found = crowd(unknown.clone().into_iter().map(there)).await?;
            for (index, found) in unknown.into_iter().zip(found) {
                match found {
                    false => missing.push(index),
                    // What is noted already tells of the others as well.
                    true if !arrived.contains(&(index % SHARD)) => {
                        arrived = self.note_item(index, to, 1, region).await?;
                    }
                    true => {}
                }
            }
        }
        let item = MapItem { index: items.start, total };
        self.check_shard(item, arrived.len(), to, 1, region).await?;
        Ok(missing)
    }

    /// What all items of a map gave, as one value: a list of encoded values, in the order of the items.
    pub(super) async fn collected(&mut self, total: u32) -> Result<Value, Stopped> {
        let this: &Self = self;
        let given = crowd((0..total).map(|index| this.given(index))).await?;
        self.bytes_in += given.iter().map(|(bytes, _)| bytes).sum::<u64>();
        let items: Vec<Bytes> = given.into_iter().map(|(_, item)| item).collect();
        match codec::encode(&items) {
            Ok(list) => Ok(Value::Inline(list.into())),
            Err(cause) => Err(Stopped::ForGood { error: cause.to_string(), input: Vec::new() }),
        }
    }

    /// What one item gave, and how many bytes were read for it.
    async fn given(&self, index: u32) -> Result<(u64, Bytes), Stopped> {
        let key = key::item_arrival(&self.pin.workflow, &self.pin.run, self.node, 1, index);
        let (bytes, arrival) = self.get_arrival(key.clone()).await?;
        match arrival.values.into_iter().next() {
            Some(StoredValue::Inline(item)) => Ok((bytes, item)),
            Some(StoredValue::Blob(blob)) => match self.ledger.get_blob(&blob.region, &blob.key).await {
                Ok(content) => Ok((bytes + content.len() as u64, content.into())),
                Err(error @ BlobError::Missing { .. }) => {
                    Err(Stopped::ForGood { error: error.to_string(), input: Vec::new() })
                }
                Err(error) => Err(Stopped::Event(error.into())),
            },
            None => Err(Stopped::Event(HandleError::Gone { key })),
        }
    }
}
