//! Starting a map: one message for each item.

use std::cmp::Ordering;

use caribou_model::Region;

use super::attempt::Attempt;
use super::claim::{Outcome, StoredDelivery, StoredItems};
use super::collect::SHARD;
use super::crowd::crowd;
use super::deliver::Undelivered;
use super::error::HandleError;
use super::sync::Given;
use crate::message::{MapItem, Message};
use crate::outbox::interleave;
use crate::port::{Condition, Item, Put};
use crate::stored::StoredValue;
use crate::{codec, key};

/// How many items are sent before it is noted how far the dispatch is.
pub(crate) const STEP: u32 = 256;

// In a run that was taken up again, a step is a shard.
const _: () = assert!(STEP == SHARD);

/// How many items are handed over for certain, as it is noted in the store.
struct Noted {
    region: Region,
    key: String,
    sent: u32,
    /// How often the run had been taken up again.
    resumed: u32,
    condition: Condition,
}

impl Attempt<'_> {
    /// Sends one message for each item of a map; tells the bytes. A dispatch that was interrupted goes on where it stopped.
    ///
    /// Where the map may move, the first item finds out whether the region accepts messages: if it certainly does not, the
    /// whole map goes elsewhere. After that no item does, so that a map stays in one region.
    ///
    /// In a run that was taken up again only those items are sent that have not arrived. The map goes elsewhere whenever
    /// one of them is not accepted: what is claimed is claimed in the planned region all the same.
    pub(super) async fn dispatch(
        &self,
        outcome: &Outcome,
        delivery: &StoredDelivery,
        items: &StoredItems,
        region: &Region,
        may_move: bool,
    ) -> Result<u64, Undelivered> {
        if items.count == 0 {
            return Ok(self.dispatch_nothing(delivery).await?);
        }
        let shared = outcome.values_of(delivery);
        let own = self.own(outcome, items).await?;
        let mut bytes = self.bytes_of_blobs(own.iter().flatten());
        let (shared, own) = (&shared, &own);
        let post = |index: u32, may_move: bool| async move {
            let own = own.get(index as usize).map(Vec::as_slice).unwrap_or_default();
            let values = interleave(&items.shared, shared, own);
            let item = Some(MapItem { index, total: items.count });
            let displaced = delivery.displaced;
            let message = Message { item, displaced, ..self.message(delivery.to, false, values) };
            self.post(&message, region, may_move).await
        };
        let mut noted = self.noted(delivery, items.count).await?;
        let mut sent = noted.as_ref().map_or(0, |noted| noted.sent);
        let resumed = self.pin.resumed > 0;
        if sent == 0 && may_move && !resumed {
            bytes += post(0, true).await?;
            sent = 1;
        }
        while sent < items.count {
            let end = items.count.min((sent / STEP + 1) * STEP);
            let missing = if resumed {
                self.missing(delivery.to, sent..end, items.count).await?
            } else {
                (sent..end).collect()
            };
            let posts = missing.into_iter().map(|index| post(index, resumed && may_move));
            bytes += crowd(posts).await?.iter().sum::<u64>();
            sent = match &mut noted {
                Some(noted) => self.note(noted, end).await?,
                None => end,
            };
        }
        Ok(bytes)
    }

    /// A map without items is complete at once.
    async fn dispatch_nothing(&self, delivery: &StoredDelivery) -> Result<u64, HandleError> {
        let graph = &self.shim.graph;
        let Some(collect) = graph.collect_of(delivery.to) else { return Ok(0) };
        let placed = self.pin.placement.region_of_node(graph, collect, &self.pin.home);
        let region = placed.unwrap_or(&self.pin.home);
        self.arrive(collect, 1, Given::Items(0), region).await
    }

    /// What the items do not share.
    async fn own(
        &self,
        outcome: &Outcome,
        items: &StoredItems,
    ) -> Result<Vec<Vec<StoredValue>>, HandleError> {
        let (content, key) = match outcome.values.get(items.own as usize) {
            Some(StoredValue::Inline(bytes)) => (bytes.clone().into_inner(), "its outcome".to_owned()),
            Some(StoredValue::Blob(blob)) => {
                (self.ledger.get_blob(&blob.region, &blob.key).await?, blob.key.clone())
            }
            None => return Err(HandleError::Gone { key: format!("items of {}", self.place()) }),
        };
        codec::decode(&content).map_err(|cause| HandleError::Item { key, cause })
    }

    /// How far the dispatch is. `None` if it is so small that nothing is noted.
    async fn noted(&self, delivery: &StoredDelivery, count: u32) -> Result<Option<Noted>, HandleError> {
        if count <= STEP {
            return Ok(None);
        }
        // The entry may be repeated in another region; its outcome lies at home.
        let at_entry = self.node == caribou_model::NodeId::ENTRY;
        let region = if at_entry { &self.pin.home } else { self.seat() }.clone();
        let key = key::dispatched(&self.pin.workflow, &self.pin.run, delivery.to);
        let item = self.ledger.get(&region, &key).await?;
        let resumed = self.pin.resumed;
        let mut noted = Noted { region, key, sent: 0, resumed, condition: Condition::Absent };
        if let Some(item) = item {
            noted.see(&item)?;
        }
        Ok(Some(noted))
    }

    /// Notes that so many items are handed over. Tells how many are, if another attempt is further.
    async fn note(&self, noted: &mut Noted, sent: u32) -> Result<u32, HandleError> {
        let unwritable = |cause| HandleError::Item { key: noted.key.clone(), cause };
        let value = codec::encode(&(sent, noted.resumed)).map_err(unwritable)?.into();
        let expires = self.pin.kept_until();
        match self.ledger.put(&noted.region, &noted.key, value, noted.condition, expires).await? {
            Put::Written(revision) => {
                noted.condition = Condition::Revision(revision);
                noted.sent = sent;
            }
            Put::Refused(Some(item)) => noted.see(&item)?,
            Put::Refused(None) => return Err(HandleError::Gone { key: noted.key.clone() }),
        }
        Ok(noted.sent.max(sent))
    }
}

impl Noted {
    fn see(&mut self, item: &Item) -> Result<(), HandleError> {
        let (sent, resumed): (u32, u32) =
            codec::decode(&item.value).map_err(|cause| HandleError::Item { key: self.key.clone(), cause })?;
        self.sent = match resumed.cmp(&self.resumed) {
            Ordering::Less => 0,
            Ordering::Equal => sent,
            // Whoever took the run up again sees to all of it.
            Ordering::Greater => u32::MAX,
        };
        self.condition = Condition::Revision(item.revision);
        Ok(())
    }
}
