//! Paths and headers of the embedded cloud, for both of its sides.
//!
//! | call | answer |
//! |---|---|
//! | `POST /regions/R/topics/WORKFLOW/VERSION/FUNCTION` | 202: the message is on disk |
//! | `GET /regions/R/items/KEY` | 200 with the value and its revision, or 204 if there is none |
//! | `PUT /regions/R/items/KEY` | 200 with the new revision, or 412 with what is there |
//! | `POST /regions/R/sets/KEY/MEMBER` | 200 with the whole set as a JSON list |
//! | `POST /regions/R/lists` with a [`Query`] | 200 with [`Listed`] |
//! | `GET`, `PUT /regions/R/blobs/KEY` | 200 with the blob or 404; 204 |
//!
//! Every refusal is JSON: [`Refused`]. One with [`NOT_ACCEPTED`] left nothing behind for certain.

use caribou_model::{Region, Timestamp};
use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};

use crate::Bytes;
use crate::port::{Condition, Item, Page, StageAddress};

/// Where the caller runs; absent for a client outside of all regions.
pub const CALLER_REGION: HeaderName = HeaderName::from_static("x-caribou-region");
/// The function instance that calls.
pub const CALLER_INSTANCE: HeaderName = HeaderName::from_static("x-caribou-instance");
/// Milliseconds since 1970: the message is not delivered earlier.
pub const NOT_BEFORE: HeaderName = HeaderName::from_static("x-caribou-not-before");
/// Milliseconds since 1970: the item, set or blob may be removed then.
pub const EXPIRES: HeaderName = HeaderName::from_static("x-caribou-expires");
/// The revision of an item.
pub const REVISION: HeaderName = HeaderName::from_static("x-caribou-revision");
/// A [`Condition`] as text: `absent`, `any`, or the revision's number.
pub const CONDITION: HeaderName = HeaderName::from_static("x-caribou-condition");
/// On a refusal: nothing was accepted, for certain.
pub const NOT_ACCEPTED: HeaderName = HeaderName::from_static("x-caribou-not-accepted");

/// The largest message, in bytes, as on SNS.
pub const LARGEST_MESSAGE: usize = 256 * 1024;
/// The largest item or set, in bytes of its value, as in DynamoDB.
pub const LARGEST_ITEM: usize = 400 * 1024;
/// The bytes of keys and values after which a page of a list ends, as in DynamoDB.
pub const LARGEST_PAGE: usize = 1024 * 1024;
/// The largest [`Query`], in bytes of JSON.
pub const LARGEST_QUERY: usize = 16 * 1024;

/// What the embedded cloud says when it refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What is wrong.
    pub error: String,
    /// What to do.
    pub remedy: String,
}

/// What is to be listed: see [`Store::list`](crate::port::Store::list).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What the keys begin with.
    pub prefix: String,
    /// Only keys behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The most items.
    pub limit: u16,
}

/// A [`Page`] on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Key, revision and value of each item.
    pub items: Vec<(String, u64, Bytes)>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl From<Page> for Listed {
    fn from(Page { items, next }: Page) -> Self {
        let item = |(key, Item { value, revision })| (key, revision, value.into());
        Self { items: items.into_iter().map(item).collect(), next }
    }
}

impl From<Listed> for Page {
    fn from(Listed { items, next }: Listed) -> Self {
        let item =
            |(key, revision, value): (_, _, Bytes)| (key, Item { value: value.into_inner(), revision });
        Self { items: items.into_iter().map(item).collect(), next }
    }
}

/// The path of a function's topic.
pub fn topic(address: &StageAddress) -> String {
    let StageAddress { workflow, version, function, region } = address;
    format!("{}/topics/{}/{}/{}", of(region), escape(workflow), escape(version), escape(function))
}

/// The path of an item.
pub fn item(region: &Region, key: &str) -> String {
    format!("{}/items/{}", of(region), escape(key))
}

/// The path of a member of a set.
pub fn member(region: &Region, key: &str, member: u32) -> String {
    format!("{}/sets/{}/{member}", of(region), escape(key))
}

/// The path of a region's lists of items.
pub fn lists(region: &Region) -> String {
    format!("{}/lists", of(region))
}

/// The path of a blob.
pub fn blob(region: &Region, key: &str) -> String {
    format!("{}/blobs/{}", of(region), escape(key))
}

fn of(region: &Region) -> String {
    format!("/regions/{region}")
}

/// Text as one segment of a path or one file name: everything but letters, digits, `-`, `_` and inner `.` becomes
/// `%XX`.
pub fn escape(text: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || (byte == b'.' && index > 0) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// A condition as [`CONDITION`] carries it.
pub fn write_condition(condition: Condition) -> String {
    match condition {
        Condition::Absent => "absent".to_owned(),
        Condition::Any => "any".to_owned(),
        Condition::Revision(revision) => revision.to_string(),
    }
}

/// The condition in [`CONDITION`]'s text, if it is one.
pub fn read_condition(text: &str) -> Option<Condition> {
    match text {
        "absent" => Some(Condition::Absent),
        "any" => Some(Condition::Any),
        number => number.parse().ok().map(Condition::Revision),
    }
}

/// A number in a header, if it is there and one.
pub fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// An instant in a header, if it is there and one.
pub fn instant(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    number(headers, name).map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_slashes_is_one_segment_and_no_path_leads_upwards() {
        assert_eq!(escape("run/1 ä"), "run%2F1%20%C3%A4");
        assert_eq!(escape(".."), "%2E.");
    }

    #[test]
    fn a_condition_is_read_as_it_was_written() {
        for condition in [Condition::Absent, Condition::Any, Condition::Revision(7)] {
            assert_eq!(read_condition(&write_condition(condition)), Some(condition));
        }
        assert_eq!(read_condition("always"), None);
    }
}
