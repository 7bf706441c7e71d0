//! Large values on their way through the blobs.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use caribou_model::Timestamp;
use futures_util::future::try_join_all;

use super::claim::{StoredDelivery, StoredItems};
use super::crowd::crowd;
use super::error::HandleError;
use super::ledger::Ledger;
use crate::key::Place;
use crate::port::BlobError;
use crate::stored::StoredValue;
use crate::{BlobReference, Delivery, Items, Pin, Value, codec, key};

/// The largest value that a message carries itself, in bytes.
pub(crate) const LARGEST_INLINE: usize = 16 * 1024;
/// The most that one delivery's inline values have together: base64 makes 171 KiB of it, of 256 KiB in a message.
const LARGEST_DELIVERY: usize = 128 * 1024;
/// The most that the items of a map share inline, and the most that one item adds to it: together one delivery.
const LARGEST_SHARE: usize = LARGEST_DELIVERY / 2;
/// The most that one outcome's inline values have together, of 400 KB in an item.
const LARGEST_OUTCOME: usize = 256 * 1024;

/// Where an attempt puts its large values.
pub(crate) struct Spill<'a> {
    pub(crate) ledger: &'a Ledger<'a>,
    pub(crate) region: &'a caribou_model::Region,
    pub(crate) pin: &'a Pin,
    pub(crate) place: Place,
    /// Unique among the attempts at the place.
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
        let mut stored = Vec::with_capacity(deliveries.len());
        for Delivery { to, slot, values, items } in deliveries {
            let values = values.into_iter().map(|value| pool.index(value)).collect();
            let items = match items {
                Some(items) => Some(self.items(items, stored.len(), &mut pool).await?),
                None => None,
            };
            stored.push(StoredDelivery { to, slot, values, items, moved: None, displaced: false });
        }
        let limit = |delivery: &StoredDelivery| match delivery.items {
            Some(_) => LARGEST_SHARE,
            None => LARGEST_DELIVERY,
        };
        let groups: Vec<(&[u32], usize)> =
            stored.iter().map(|delivery| (delivery.values.as_slice(), limit(delivery))).collect();
        let large = pool.too_large(&groups);
        let values = self.store(pool.values, &large).await?;
        Ok((stored, values))
    }

    /// The items of a map: all that they do not share is one value, in which only the large ones are blobs.
    async fn items(&self, items: Items, nth: usize, pool: &mut Pool) -> Result<StoredItems, HandleError> {
        let Items { shared, own } = items;
        let mut own: Vec<Vec<StoredValue>> =
            own.into_iter().map(|values| values.into_iter().map(StoredValue::from).collect()).collect();
        let mut large = Vec::new();
        for (item, values) in own.iter().enumerate() {
            let lengths: Vec<usize> = values.iter().map(StoredValue::inline_len).collect();
            large.extend(too_large(&lengths, LARGEST_SHARE).into_iter().map(|position| (item, position)));
        }
        let blobs = large.iter().map(|&(item, position)| {
            let content = match &own[item][position] {
                StoredValue::Inline(bytes) => bytes.clone().into_inner(),
                StoredValue::Blob(_) => Bytes::new(),
            };
            async move { self.blob(&format!("{nth}.{item}.{position}"), content).await }
        });
        let blobs: Vec<_> = blobs.collect();
        for ((item, position), blob) in large.into_iter().zip(crowd(blobs).await?) {
            own[item][position] = blob;
        }
        let count = u32::try_from(own.len()).unwrap_or(u32::MAX);
        let encoded = codec::encode(&own)
            .map_err(|cause| HandleError::Item { key: format!("items of {}", self.place), cause })?;
        Ok(StoredItems { count, shared, own: pool.index(Value::Inline(encoded.into())) })
    }

    /// The same for values that stay together.
    pub(crate) async fn values(&self, values: Vec<Value>) -> Result<Vec<StoredValue>, HandleError> {
        let mut pool = Pool::default();
        let indices: Vec<u32> = values.into_iter().map(|value| pool.index(value)).collect();
        let large = pool.too_large(&[(&indices, LARGEST_DELIVERY)]);
        let stored = self.store(pool.values, &large).await?;
        Ok(indices.iter().filter_map(|index| stored.get(*index as usize).cloned()).collect())
    }

    async fn store(&self, values: Vec<StoredValue>, large: &[bool]) -> Result<Vec<StoredValue>, HandleError> {
        let stored = values.into_iter().zip(large).enumerate().map(|(n, (value, large))| async move {
            match value {
                StoredValue::Inline(content) if *large => self.blob(&n, content.into_inner()).await,
                value => Ok(value),
            }
        });
        Ok(try_join_all(stored).await?)
    }

    async fn blob(&self, n: &(dyn fmt::Display + Sync), content: Bytes) -> Result<StoredValue, BlobError> {
        let key = key::blob(&self.pin.workflow, &self.pin.run, self.place, &self.attempt, n);
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
        self.values.get(index as usize).map_or(0, StoredValue::inline_len)
    }

    /// Which values have to become blobs so that every group and all together stay within their limits.
    fn too_large(&self, groups: &[(&[u32], usize)]) -> Vec<bool> {
        let all: Vec<u32> = (0..self.values.len() as u32).collect();
        let mut large = vec![false; all.len()];
        for &(group, limit) in groups.iter().chain([&(all.as_slice(), LARGEST_OUTCOME)]) {
            let kept: Vec<u32> = group.iter().copied().filter(|index| !large[*index as usize]).collect();
            let lengths: Vec<usize> = kept.iter().map(|index| self.inline_len(*index)).collect();
            for position in too_large(&lengths, limit) {
                large[kept[position] as usize] = true;
            }
        }
        large
    }
}

/// Which of the values with these lengths have to become blobs: every large one, and the largest of the others until
/// those that are left have no more than `limit` together.
fn too_large(lengths: &[usize], limit: usize) -> Vec<usize> {
    let (mut kept, mut large): (Vec<usize>, Vec<usize>) =
        (0..lengths.len()).partition(|position| lengths[*position] <= LARGEST_INLINE);
    kept.sort_by_key(|position| lengths[*position]);
    let mut total: usize = kept.iter().map(|position| lengths[*position]).sum();
    while let Some(largest) = (total > limit).then(|| kept.pop()).flatten() {
        total -= lengths[largest];
        large.push(largest);
    }
    large
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
        let large = pool.too_large(&[&indices[..20], &indices[20..]].map(|group| (group, LARGEST_DELIVERY)));
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
        assert_eq!(pool.too_large(&[(&indices, LARGEST_DELIVERY)]), [false, true]);
    }

    #[test]
    fn the_largest_values_become_blobs_until_the_others_fit() {
        assert_eq!(too_large(&[3, 9, 5, LARGEST_INLINE + 1], 8), [3, 1]);
        assert!(too_large(&[3, 5], 8).is_empty());
    }
}
