//! Sync nodes: what has arrived at them.

use caribou_model::{NodeId, Timestamp};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::error::HandleError;
use crate::stored::StoredValue;
use crate::{Value, codec, key};

/// The values that fill one slot of a sync node.
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
}

impl Attempt<'_> {
    /// The values of all slots, in the slots' order.
    pub(crate) async fn arrivals(&mut self) -> Result<Vec<Value>, HandleError> {
        let slots = u8::try_from(self.shim.slots_of(self.node)).unwrap_or(u8::MAX);
        let items = try_join_all((0..slots).map(|slot| self.arrival(slot))).await?;
        self.bytes_in += items.iter().map(|(bytes, _)| bytes).sum::<u64>();
        Ok(items.into_iter().flat_map(|(_, arrival)| arrival.values).map(Value::from).collect())
    }

    async fn arrival(&self, slot: u8) -> Result<(u64, Arrival), HandleError> {
        let key = key::arrival(&self.pin.workflow, &self.pin.run, self.node, slot);
        let Some(item) = self.ledger.get(self.region(), &key).await? else {
            return Err(HandleError::Gone { key });
        };
        match codec::decode(&item.value) {
            Ok(arrival) => Ok((item.value.len() as u64, arrival)),
            Err(cause) => Err(HandleError::Item { key, cause }),
        }
    }
}
