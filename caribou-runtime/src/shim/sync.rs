//! Sync nodes: what arrives at them, and what has arrived.

use caribou_model::{NodeId, Region, Timestamp};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::deliver::Undelivered;
use super::error::HandleError;
use crate::port::{Condition, Put, SendError};
use crate::stored::StoredValue;
use crate::{Value, codec, key};

/// What fills one slot of a sync node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arrival {
    #[serde(rename = "m")]
    pub(crate) from: NodeId,
    #[serde(rename = "a")]
    pub(crate) attempt: u32,
    #[serde(rename = "s")]
    pub(crate) sent: Timestamp,
    #[serde(rename = "v")]
    pub(crate) values: Vec<StoredValue>,
    /// Instead of values: how many items of a map have arrived, each on its own.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<u32>,
}

/// What is brought to a slot.
pub(crate) enum Given {
    Values(Vec<StoredValue>),
    /// So many items of a map, which have arrived before.
    Items(u32),
}

/// What fills all slots of a sync node.
pub(crate) struct Arrived {
    /// The values, in the slots' order.
    pub(crate) values: Vec<Value>,
    /// How many items of a map there are besides, where one is collected.
    pub(crate) items: Option<u32>,
}

impl Attempt<'_> {
    /// Fills a slot of a sync node, and fires the node if that was the last. Tells the bytes moved.
    pub(super) async fn arrive(
        &self,
        to: NodeId,
        slot: u8,
        given: Given,
        region: &Region,
    ) -> Result<u64, HandleError> {
        let (workflow, run) = (&self.pin.workflow, &self.pin.run);
        let bytes = self.put_arrival(key::arrival(workflow, run, to, slot), given, region).await?;
        let arrived = key::arrived(workflow, run, to);
        let filled = self.ledger.add(region, &arrived, slot.into(), self.pin.kept_until()).await?;
        if filled.len() >= self.shim.slots_of(to) {
            self.fire(to, region).await?;
        }
        Ok(bytes)
    }

    /// Starts a sync node whose slots are filled. It does not move; in a run that was taken up again it may start at home,
    /// on what has arrived in its region.
    async fn fire(&self, to: NodeId, region: &Region) -> Result<(), HandleError> {
        let home = &self.pin.home;
        let may_move = self.pin.resumed > 0 && region != home;
        let mut message = self.message(to, true, Vec::new());
        let mut fired = self.post(&message, region, may_move).await;
        if let Err(Undelivered::NotAccepted) = fired
            && may_move
        {
            message.displaced = true;
            fired = self.post(&message, home, false).await;
        }
        match fired {
            Ok(_) => Ok(()),
            Err(Undelivered::Error(error)) => Err(error),
            Err(Undelivered::NotAccepted) => {
                let cause = "a sync node does not move".into();
                Err(SendError::NotAccepted { region: region.clone(), cause }.into())
            }
        }
    }

    /// Writes down what arrives, unless that was done before. Tells its bytes.
    pub(super) async fn put_arrival(
        &self,
        key: String,
        given: Given,
        region: &Region,
    ) -> Result<u64, HandleError> {
        let (values, items) = match given {
            Given::Values(values) => (values, None),
            Given::Items(items) => (Vec::new(), Some(items)),
        };
        let sent = self.shim.ports.clock.now();
        let arrival = Arrival { from: self.node, attempt: self.number, sent, values, items };
        let value = codec::encode(&arrival).map_err(|cause| HandleError::Item { key: key.clone(), cause })?;
        let bytes = value.len() as u64;
        let expires = self.pin.kept_until();
        match self.ledger.put(region, &key, value.into(), Condition::Absent, expires).await? {
            Put::Written(_) | Put::Refused(Some(_)) => Ok(bytes),
            Put::Refused(None) => Err(HandleError::Gone { key }),
        }
    }

    /// What fills all slots.
    pub(crate) async fn arrivals(&mut self) -> Result<Arrived, HandleError> {
        let slots = u8::try_from(self.shim.slots_of(self.node)).unwrap_or(u8::MAX);
        let key = |slot| key::arrival(&self.pin.workflow, &self.pin.run, self.node, slot);
        let found = try_join_all((0..slots).map(|slot| self.get_arrival(key(slot)))).await?;
        let mut arrived = Arrived { values: Vec::new(), items: None };
        for (bytes, arrival) in found {
            self.bytes_in += bytes;
            arrived.values.extend(arrival.values.into_iter().map(Value::from));
            arrived.items = arrived.items.or(arrival.items);
        }
        Ok(arrived)
    }

    /// Reads what has arrived, and its size.
    pub(super) async fn get_arrival(&self, key: String) -> Result<(u64, Arrival), HandleError> {
        let Some(item) = self.ledger.get(self.seat(), &key).await? else {
            return Err(HandleError::Gone { key });
        };
        match codec::decode(&item.value) {
            Ok(arrival) => Ok((item.value.len() as u64, arrival)),
            Err(cause) => Err(HandleError::Item { key, cause }),
        }
    }
}
