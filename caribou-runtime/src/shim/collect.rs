//! Collecting a map: what its items gave arrives, and is read when all of it has.
//!
//! No item of the store may grow with a map. So the items that have arrived are noted in sets of [`SHARD`], a set that is
//! complete in a set of those sets, and that one's completion fills the slot of the node that collects. Whoever adds to a set
//! that is complete does all that follows, once more if need be: every step does no harm when it is repeated.

use caribou_model::Region;

use super::attempt::Attempt;
use super::claim::StoredDelivery;
use super::crowd::crowd;
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
        let (workflow, run) = (&self.pin.workflow, &self.pin.run);
        let arrival = key::item_arrival(workflow, run, to, slot, item.index);
        let bytes = self.put_arrival(arrival, Given::Values(values), region).await?;
        let (shard, shards) = (item.index / SHARD, item.total.div_ceil(SHARD));
        let size = SHARD.min(item.total - shard * SHARD);
        let set = key::shard_arrived(workflow, run, to, slot, shard);
        let expires = self.pin.kept_until();
        let arrived = self.ledger.add(region, &set, item.index % SHARD, expires).await?;
        if arrived.len() < size as usize {
            return Ok(bytes);
        }
        if shards > 1 {
            let set = key::shards_arrived(workflow, run, to, slot);
            let complete = self.ledger.add(region, &set, shard, expires).await?;
            if complete.len() < shards as usize {
                return Ok(bytes);
            }
        }
        self.arrive(to, slot, Given::Items(item.total), region).await?;
        Ok(bytes)
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
