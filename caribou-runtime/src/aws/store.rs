//! [`Store`] on DynamoDB.
//!
//! A key is split at its last `/`: what is before it is the partition key `group`, what is behind it the sort key `name`.
//! The table is that of the workflow that the key begins with.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `group`, `name` | S | the key |
//! | `value` | B | what was written |
//! | `revision` | N | 63 random bits, made by the writer: a write that is repeated recognises itself |
//! | `expires` | N | seconds since 1970, DynamoDB's TTL attribute; absent for "never" |
//! | `members` | NS | instead of `value` and `revision`: a set |
//!
//! DynamoDB removes what has expired within days. Here it is absent from its second on, by the caller's clock.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use bytes::Bytes;
use caribou_model::{Region, Timestamp};

use super::failure::Failure;
use super::{Account, Adapter};
use crate::local::SystemClock;
use crate::port::{Clock as _, Condition, Item, Page, Put, Store, StoreError};

/// How often an expired set is looked at that others replace meanwhile.
const TRIES: u32 = 8;

type Attributes = HashMap<String, AttributeValue>;

/// A key as the table has it.
struct Key<'k> {
    table: String,
    group: &'k str,
    name: &'k str,
}

impl<'k> Key<'k> {
    fn of(key: &'k str) -> Result<Self, Failure> {
        let (group, name) = key.rsplit_once('/').unwrap_or_default();
        if group.is_empty() || name.is_empty() {
            return Err(Failure::defect(format!("`{key}` is no key of the store: it has no group or no name")));
        }
        Ok(Self { table: table_of(group), group, name })
    }

    fn group(&self) -> AttributeValue {
        AttributeValue::S(self.group.to_owned())
    }

    fn name(&self) -> AttributeValue {
        AttributeValue::S(self.name.to_owned())
    }
}

fn table_of(group: &str) -> String {
    Account::table_name(group.split('/').next().unwrap_or_default())
}

#[async_trait]
impl Store for Adapter {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.get_item(region, key).await
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        self.put_item(region, key, value, condition, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        self.add_member(region, key, member, expires).await
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let failed = |failure: Failure| failure.of_store(region, "list");
        let Some((group, begin)) = prefix.rsplit_once('/').filter(|(group, _)| !group.is_empty()) else {
            let said = format!("`{prefix}` does not begin with a whole group: it has no `/`");
            return Err(failed(Failure::defect(said)));
        };
        let now = seconds(SystemClock.now());
        let mut request = self
            .access
            .dynamodb(region)
            .query()
            .table_name(table_of(group))
            .consistent_read(true)
            .limit(i32::from(limit.max(1)))
            .expression_attribute_names("#g", "group")
            .expression_attribute_values(":g", AttributeValue::S(group.to_owned()));
        request = if begin.is_empty() {
            request.key_condition_expression("#g = :g")
        } else {
            request
                .key_condition_expression("#g = :g AND begins_with(#n, :n)")
                .expression_attribute_names("#n", "name")
                .expression_attribute_values(":n", AttributeValue::S(begin.to_owned()))
        };
        match after {
            Some(after) if after.starts_with(prefix) && after.len() > prefix.len() => {
                let name = AttributeValue::S(after[group.len() + 1..].to_owned());
                request = request
                    .exclusive_start_key("group", AttributeValue::S(group.to_owned()))
                    .exclusive_start_key("name", name);
            }
            Some(after) if after > prefix && !after.starts_with(prefix) => return Ok(Page::default()),
            _ => {}
        }
        let answer = request.send().await;
        let answer = answer.map_err(|error| failed(Failure::of("dynamodb:Query", &error)))?;
        let key_of = |attributes: &Attributes| match attributes.get("name") {
            Some(AttributeValue::S(name)) => Ok(format!("{group}/{name}")),
            _ => Err(failed(Failure::strange("an item has no name".to_owned()))),
        };
        let mut page = Page::default();
        for attributes in answer.items.unwrap_or_default() {
            // Sets lie in the same table.
            if attributes.contains_key("members") {
                continue;
            }
            let key = key_of(&attributes)?;
            if let Some(item) = item(attributes, now).map_err(failed)? {
                page.items.push((key, item));
            }
        }
        page.next = answer.last_evaluated_key.as_ref().map(key_of).transpose()?;
        Ok(page)
    }
}

impl Adapter {
    /// [`Store::get`].
    pub(super) async fn get_item(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        let failed = |failure: Failure| failure.of_store(region, "get");
        let key = Key::of(key).map_err(failed)?;
        let (group, name) = (key.group(), key.name());
        let now = seconds(SystemClock.now());
        let request = self.access.dynamodb(region).get_item().table_name(key.table).consistent_read(true);
        let answer = request.key("group", group).key("name", name).send().await;
        let answer = answer.map_err(|error| failed(Failure::of("dynamodb:GetItem", &error)))?;
        answer.item.map_or(Ok(None), |attributes| item(attributes, now).map_err(failed))
    }

    /// [`Store::put`].
    pub(super) async fn put_item(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        let failed = |failure: Failure| failure.of_store(region, "put");
        let key = Key::of(key).map_err(failed)?;
        let revision = new_revision();
        let now = seconds(SystemClock.now());
        let mut request = self
            .access
            .dynamodb(region)
            .put_item()
            .item("group", key.group())
            .item("name", key.name())
            .item("value", AttributeValue::B(Blob::new(value)))
            .item("revision", number(revision))
            .set_table_name(Some(key.table));
        if let Some(expires) = expiry(expires) {
            request = request.item("expires", number(expires));
        }
        request = match condition {
            Condition::Any => request,
            Condition::Absent => request
                .condition_expression("attribute_not_exists(#g) OR #e <= :now")
                .expression_attribute_names("#g", "group"),
            Condition::Revision(wanted) => request
                .condition_expression("#r = :r AND (attribute_not_exists(#e) OR #e > :now)")
                .expression_attribute_names("#r", "revision")
                .expression_attribute_values(":r", number(wanted)),
        };
        if condition != Condition::Any {
            request = request
                .expression_attribute_names("#e", "expires")
                .expression_attribute_values(":now", number(now))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        match request.send().await {
            Ok(_) => Ok(Put::Written(revision)),
            Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => {
                let PutItemError::ConditionalCheckFailedException(refused) = answer.into_err() else {
                    return Ok(Put::Refused(None));
                };
                let there =
                    refused.item.map_or(Ok(None), |attributes| item(attributes, now)).map_err(failed)?;
                Ok(match there {
                    // The answer to an earlier request of this very write was lost.
                    Some(there) if there.revision == revision => Put::Written(revision),
                    there => Put::Refused(there),
                })
            }
            Err(error) => Err(failed(Failure::of("dynamodb:PutItem", &error))),
        }
    }

    /// [`Store::add`].
    pub(super) async fn add_member(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        let failed = |failure: Failure| failure.of_store(region, "add");
        let key = Key::of(key).map_err(failed)?;
        for _ in 0..TRIES {
            if let Some(whole) = self.join(region, &key, member, expires).await.map_err(failed)? {
                return Ok(whole);
            }
            if let Some(whole) = self.replace(region, &key, member, expires).await.map_err(failed)? {
                return Ok(whole);
            }
        }
        let said = "the set expires and is replaced again and again, as if the clocks differed".to_owned();
        Err(failed(Failure::strange(said)))
    }

    /// Adds to a set that has not expired. `None` if it has.
    async fn join(
        &self,
        region: &Region,
        key: &Key<'_>,
        member: u32,
        expires: Timestamp,
    ) -> Result<Option<BTreeSet<u32>>, Failure> {
        let now = seconds(SystemClock.now());
        let mut request = self
            .access
            .dynamodb(region)
            .update_item()
            .table_name(&key.table)
            .key("group", key.group())
            .key("name", key.name())
            .condition_expression("attribute_not_exists(#e) OR #e > :now")
            .expression_attribute_names("#m", "members")
            .expression_attribute_names("#e", "expires")
            .expression_attribute_values(":m", AttributeValue::Ns(vec![member.to_string()]))
            .expression_attribute_values(":now", number(now))
            .return_values(ReturnValue::AllNew);
        request = match expiry(expires) {
            Some(expires) => request
                .update_expression("ADD #m :m SET #e = :e")
                .expression_attribute_values(":e", number(expires)),
            None => request.update_expression("ADD #m :m REMOVE #e"),
        };
        match request.send().await {
            Ok(answer) => members(answer.attributes.as_ref()).map(Some),
            Err(SdkError::ServiceError(answer))
                if matches!(answer.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(Failure::of("dynamodb:UpdateItem", &error)),
        }
    }

    /// Begins a set anew that has expired. `None` if another has done so.
    async fn replace(
        &self,
        region: &Region,
        key: &Key<'_>,
        member: u32,
        expires: Timestamp,
    ) -> Result<Option<BTreeSet<u32>>, Failure> {
        let now = seconds(SystemClock.now());
        let mut request = self
            .access
            .dynamodb(region)
            .put_item()
            .table_name(&key.table)
            .item("group", key.group())
            .item("name", key.name())
            .item("members", AttributeValue::Ns(vec![member.to_string()]))
            .condition_expression("attribute_not_exists(#g) OR #e <= :now")
            .expression_attribute_names("#g", "group")
            .expression_attribute_names("#e", "expires")
            .expression_attribute_values(":now", number(now));
        if let Some(expires) = expiry(expires) {
            request = request.item("expires", number(expires));
        }
        match request.send().await {
            Ok(_) => Ok(Some(BTreeSet::from([member]))),
            Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => {
                Ok(None)
            }
            Err(error) => Err(Failure::of("dynamodb:PutItem", &error)),
        }
    }
}

/// What lies there, unless it has expired.
fn item(mut attributes: Attributes, now: u64) -> Result<Option<Item>, Failure> {
    if read(attributes.get("expires")).is_some_and(|expires| expires <= now) {
        return Ok(None);
    }
    match (attributes.remove("value"), read(attributes.get("revision"))) {
        (Some(AttributeValue::B(value)), Some(revision)) => {
            Ok(Some(Item { value: value.into_inner().into(), revision }))
        }
        _ => Err(Failure::strange("what lies there has no value or no revision".to_owned())),
    }
}

fn members(attributes: Option<&Attributes>) -> Result<BTreeSet<u32>, Failure> {
    match attributes.and_then(|attributes| attributes.get("members")) {
        Some(AttributeValue::Ns(members)) => members
            .iter()
            .map(|member| member.parse().map_err(|_| Failure::strange(format!("`{member}` is no member of a set"))))
            .collect(),
        _ => Err(Failure::strange("the answer has no set".to_owned())),
    }
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn read(attribute: Option<&AttributeValue>) -> Option<u64> {
    match attribute? {
        AttributeValue::N(number) => number.parse().ok(),
        _ => None,
    }
}

/// Seconds since 1970, as far as they are over.
fn seconds(instant: Timestamp) -> u64 {
    instant.as_millis() / 1000
}

/// When DynamoDB may remove an item; `None` for never.
fn expiry(expires: Timestamp) -> Option<u64> {
    (expires.as_millis() != u64::MAX).then(|| expires.as_millis().div_ceil(1000))
}

/// 63 bits that no other writer has.
fn new_revision() -> u64 {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(WRITES.fetch_add(1, Ordering::Relaxed)) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_split_at_its_last_slash_and_names_the_table() {
        let key = Key::of("press/claim/r-1/3.17").unwrap();
        assert_eq!((key.table.as_str(), key.group, key.name), ("caribou-press", "press/claim/r-1", "3.17"));
        for key in ["press", "press/", "/press"] {
            assert!(Key::of(key).is_err(), "{key}");
        }
    }

    #[test]
    fn nothing_expires_before_its_time_and_never_is_never() {
        assert_eq!(expiry(Timestamp::from_millis(1_001)), Some(2));
        assert_eq!(expiry(Timestamp::from_millis(u64::MAX)), None);
    }

    #[test]
    fn revisions_are_63_bits_that_differ() {
        let revisions: BTreeSet<u64> = (0..1000).map(|_| new_revision()).collect();
        assert_eq!(revisions.len(), 1000);
        assert!(revisions.iter().all(|revision| *revision < 1 << 63));
    }
}
