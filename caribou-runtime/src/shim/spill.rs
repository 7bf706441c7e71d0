//! Large values on their way through the blobs.

use std::collections::HashMap;

use bytes::Bytes;
use caribou_model::{NodeId, Timestamp};
use futures_util::future::try_join_all;

use super::claim::StoredDelivery;
use super::error::HandleError;
use super::ledger::Ledger;
use crate::port::BlobError;
use crate::stored::StoredValue;
use crate::{BlobReference, Delivery, Pin, Value, codec, key};

/// The largest value that a message carries itself, in bytes.
pub(crate) const LARGEST_INLINE: usize = 16 * 1024;
/// The most that one delivery's inline values have together: base64 makes 171 KiB of it, of 256 KiB in a message.
const LARGEST_DELIVERY: usize = 128 * 1024;
/// The most that one outcome's inline values have together, of 400 KB in an item.
const LARGEST_OUTCOME: usize = 256 * 1024;

/// Where an attempt puts its large values.
pub(crate) struct Spill<'a> {
    pub(crate) ledger: &'a Ledger<'a>,
    pub(crate) region: &'a caribou_model::Region,
    pub(crate) pin: &'a Pin,
    pub(crate) node: NodeId,
    /// Unique among the attempts at the node.
    pub(crate) attempt: String,
    pub(crate) expires: Timestamp,
}

impl Spill<'_> {
    /// Turns deliveries into what the store and the messages can hold: every value once, the large ones as blobs.
    pub(crate) async fn deliveries(
        &self,
        deliveries: Vec<Delivery>,
    ) -> Result<(Vec<StoredDelivery>, Vec<StoredValue>), HandleError> {
        let mut pool = Pool::default();
        let stored = deliveries.into_iter().map(|Delivery { to, slot, values, .. }| StoredDelivery {
            to,
            slot,
            values: values.into_iter().map(|value| pool.index(value)).collect(),
            moved: None,
        });
        let stored: Vec<_> = stored.collect();
        let groups: Vec<&[u32]> = stored.iter().map(|delivery| delivery.values.as_slice()).collect();
        let large = pool.too_large(&groups);
        let values = self.store(pool.values, &large).await?;
        Ok((stored, values))
    }

    /// The same for values that stay together.
    pub(crate) async fn values(&self, values: Vec<Value>) -> Result<Vec<StoredValue>, HandleError> {
        let mut pool = Pool::default();
        let indices: Vec<u32> = values.into_iter().map(|value| pool.index(value)).collect();
        let large = pool.too_large(&[&indices]);
        let stored = self.store(pool.values, &large).await?;
        Ok(indices.iter().filter_map(|index| stored.get(*index as usize).cloned()).collect())
    }

    async fn store(&self, values: Vec<StoredValue>, large: &[bool]) -> Result<Vec<StoredValue>, HandleError> {
        let stored = values.into_iter().zip(large).enumerate().map(|(n, (value, large))| async move {
            match value {
                StoredValue::Inline(content) if *large => self.blob(n, content.into_inner()).await,
                value => Ok(value),
            }
        });
        Ok(try_join_all(stored).await?)
    }

    async fn blob(&self, n: usize, content: Bytes) -> Result<StoredValue, BlobError> {
        let key = key::blob(&self.pin.workflow, &self.pin.run, self.node, &self.attempt, n);
        let bytes = content.len() as u64;
        self.ledger.put_blob(self.region, &key, &content, self.expires).await?;
        Ok(StoredValue::Blob(BlobReference { region: self.region.clone(), key, bytes }))
    }
}

/// Different values, each once.
#[derive(Default)]
struct Pool {
    values: Vec<StoredValue>,
    known: HashMap<Bytes, u32>,
}

impl Pool {
    fn index(&mut self, value: Value) -> u32 {
        let next = self.values.len() as u32;
        let value = match value {
            Value::Blob { reference, .. } => StoredValue::Blob(reference),
            Value::Inline(bytes) => {
                if let Some(known) = self.known.get(&bytes) {
                    return *known;
                }
                self.known.insert(bytes.clone(), next);
                StoredValue::Inline(bytes.into())
            }
            Value::Json(json) => return self.index(Value::Inline(codec::json_document(&json).into())),
        };
        self.values.push(value);
        next
    }

    fn inline_len(&self, index: u32) -> usize {
        match self.values.get(index as usize) {
            Some(StoredValue::Inline(bytes)) => bytes.len(),
            _ => 0,
        }
    }

    /// Which values have to become blobs so that every group and all together stay within the limits.
    fn too_large(&self, groups: &[&[u32]]) -> Vec<bool> {
        let mut large: Vec<bool> =
            (0..self.values.len() as u32).map(|index| self.inline_len(index) > LARGEST_INLINE).collect();
        let all: Vec<u32> = (0..self.values.len() as u32).collect();
        let limits = groups.iter().map(|group| (*group, LARGEST_DELIVERY));
        for (group, limit) in limits.chain([(all.as_slice(), LARGEST_OUTCOME)]) {
            let mut kept: Vec<u32> = group.iter().copied().filter(|index| !large[*index as usize]).collect();
            kept.sort_by_key(|index| self.inline_len(*index));
            let mut total: usize = kept.iter().map(|index| self.inline_len(*index)).sum();
            while let Some(largest) = (total > limit).then(|| kept.pop()).flatten() {
                total -= self.inline_len(largest);
                large[largest as usize] = true;
            }
        }
        large
    }
}

/// Fetches the blobs of the values at these positions; tells how many bytes that were.
pub(crate) async fn fetch(
    ledger: &Ledger<'_>,
    values: &mut [Value],
    positions: &[u16],
) -> Result<u64, BlobError> {
    let wanted = values
        .iter_mut()
        .enumerate()
        .filter(|(position, _)| u16::try_from(*position).is_ok_and(|position| positions.contains(&position)));
    let fetches = wanted.map(|(_, value)| async move {
        let Value::Blob { reference, content: content @ None } = value else { return Ok(0) };
        let fetched = ledger.get_blob(&reference.region, &reference.key).await?;
        let bytes = fetched.len() as u64;
        *content = Some(fetched);
        Ok(bytes)
    });
    Ok(try_join_all(fetches).await?.into_iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inline(byte: u8, length: usize) -> Value {
        Value::Inline(vec![byte; length].into())
    }

    #[test]
    fn equal_values_are_kept_once() {
        let mut pool = Pool::default();
        let indices = [inline(1, 10), inline(2, 10), inline(1, 10)].map(|value| pool.index(value));
        assert_eq!((indices, pool.values.len()), ([0, 1, 0], 2));
    }

    #[test]
    fn no_delivery_and_no_outcome_grows_past_its_limit() {
        let mut pool = Pool::default();
        let indices: Vec<u32> =
            (0..40).map(|n| pool.index(inline(n, LARGEST_INLINE - usize::from(n)))).collect();
        let large = pool.too_large(&[&indices[..20], &indices[20..]]);
        let kept = |group: &[u32]| -> usize {
            let kept = group.iter().filter(|index| !large[**index as usize]);
            kept.map(|index| pool.inline_len(*index)).sum()
        };
        for group in [&indices[..20], &indices[20..]] {
            assert!(kept(group) <= LARGEST_DELIVERY && kept(group) > LARGEST_DELIVERY / 2);
        }
        assert!(kept(&indices) <= LARGEST_OUTCOME);
    }

    #[test]
    fn a_value_over_16_kib_becomes_a_blob() {
        let mut pool = Pool::default();
        let indices = [pool.index(inline(1, LARGEST_INLINE)), pool.index(inline(1, LARGEST_INLINE + 1))];
        assert_eq!(pool.too_large(&[&indices]), [false, true]);
    }
}
