//! The four ports through which the shim touches the world, shaped for SNS, DynamoDB and S3.
//!
//! Every port call names the region it goes to. An adapter derives ARNs, URLs and table names from the arguments;
//! the shim knows none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_model::{Region, StageRecord, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Context, Values};

/// Everything the shim needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Sends messages.
    pub transport: Arc<dyn Transport>,
    /// Keeps plans, claims, outcomes, arrivals and run records.
    pub store: Arc<dyn Store>,
    /// Keeps large values.
    pub blobs: Arc<dyn Blobs>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Takes telemetry.
    pub telemetry: Arc<dyn Telemetry>,
    /// Measures the process.
    pub meter: Arc<dyn ProcessMeter>,
}

/// The function instance group that a message goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StageAddress {
    /// The workflow's name.
    pub workflow: String,
    /// Its version.
    pub version: String,
    /// The function's name.
    pub function: String,
    /// The region.
    pub region: Region,
}

impl StageAddress {
    /// The name of the function as it is deployed in its region: workflow, version and function, each dot and plus of the
    /// version an underscore. The macros hold it to the 64 characters that Lambda allows.
    pub fn deployed_name(&self) -> String {
        format!("{}-{}-{}", self.workflow, self.version.replace(['.', '+'], "_"), self.function)
    }
}

/// Sends messages to functions: at least once, in any order. One topic per function and region.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Hands a message over. When this returns `Ok`, it will be delivered. `not_before` asks for a delayed
    /// delivery; it may come later, not earlier.
    ///
    /// # Errors
    ///
    /// [`SendError`] says whether it is certain that the message was not accepted.
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError>;
}

/// Why a message was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It is certain that nothing was accepted: name, connection or TLS failure, or a region that is down.
    #[error("{region} did not accept the message: {cause}")]
    NotAccepted {
        /// The region asked.
        region: Region,
        /// What it said.
        cause: String,
    },
    /// It is certain that nothing was accepted, as too much is sent at a time: what passes by waiting.
    #[error("{region} is asked for too much at a time: {cause}")]
    Busy {
        /// The region asked.
        region: Region,
        /// What it said.
        cause: String,
    },
    /// It is certain that nothing was accepted, nor will be before somebody changes something: a permission, what is deployed.
    #[error("{region} refuses the message: {cause}")]
    Refused {
        /// The region asked.
        region: Region,
        /// What it said.
        cause: String,
    },
    /// No region will ever accept it.
    #[error("the message cannot be sent: {cause}")]
    Unsendable {
        /// Why.
        cause: String,
    },
    /// It may have been accepted: the answer was lost or late.
    #[error("it is not known whether {region} accepted the message: {cause}")]
    Ambiguous {
        /// The region asked.
        region: Region,
        /// What happened.
        cause: String,
    },
}

impl SendError {
    /// Whether this region certainly does not have the message, and another may take it.
    pub fn is_certain(&self) -> bool {
        matches!(self, Self::NotAccepted { .. } | Self::Busy { .. } | Self::Refused { .. })
    }
}

/// A small strongly consistent store in every region: items with a revision, and sets.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads an item.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the region does not answer.
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError>;

    /// Writes an item if the condition holds; tells what is there if it does not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the region does not answer; the write may have happened.
    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError>;

    /// Adds a member to a set, creating it if need be, and returns the whole set after it, in one atomic step.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the region does not answer; the member may have been added.
    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError>;

    /// Lists the items of one group whose keys begin with `prefix`, in the order of their keys, from the first key behind
    /// `after` on: at most `limit` of them, and no more than about 1 MB. What is written meanwhile may be in it or not.
    ///
    /// A key's group is all before its last `/`; `prefix` holds a whole group and its `/`, and lists nothing of the groups
    /// below it: `w/claim/r/` and `w/claim/r/3.` list items of `w/claim/r`.
    ///
    /// A call for the control side, which looks at many runs: handlers never make it. On DynamoDB it is a query, with the
    /// right to make it that functions do not have.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the region does not answer.
    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError>;
}

/// Some of the items that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys and items, in the order of the keys. There may be fewer than the limit, or none, though others follow.
    pub items: Vec<(String, Item)>,
    /// Where the next page begins: what [`Store::list`] takes as `after`. `None` if nothing follows.
    pub next: Option<String>,
}

/// An item of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What was written.
    pub value: Bytes,
    /// Changes with every write; never used twice for one key.
    pub revision: u64,
}

/// When a write may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// If there is no such item.
    Absent,
    /// If the item still has this revision.
    Revision(u64),
    /// Always.
    Any,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was written, with this revision.
    Written(u64),
    /// The condition did not hold; this is what is there, if anything.
    Refused(Option<Item>),
}

/// Why the store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store in {region} did not answer ({operation}): {cause}")]
pub struct StoreError {
    /// The region asked.
    pub region: Region,
    /// What was asked.
    pub operation: &'static str,
    /// What happened.
    pub cause: String,
    /// Whether it was refused, and will be until somebody changes something: a permission, what is deployed, the item's size.
    pub refused: bool,
}

/// Large values, in every region.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores a blob. Writing the same key again replaces it.
    ///
    /// # Errors
    ///
    /// [`BlobError`] if the region does not answer.
    async fn put(
        &self,
        region: &Region,
        key: &str,
        content: Bytes,
        expires: Timestamp,
    ) -> Result<(), BlobError>;

    /// Fetches a blob.
    ///
    /// # Errors
    ///
    /// [`BlobError`] if the region does not answer or has no such blob.
    async fn get(&self, region: &Region, key: &str) -> Result<Bytes, BlobError>;
}

/// Why a blob is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("blob `{key}` is not in {region}; it may have expired")]
    Missing {
        /// The region asked.
        region: Region,
        /// The blob's key.
        key: String,
    },
    /// The region refuses, and will until somebody changes something: a permission, what is deployed.
    #[error("the blobs in {region} refuse `{key}`: {cause}")]
    Refused {
        /// The region asked.
        region: Region,
        /// The blob's key.
        key: String,
        /// What it said.
        cause: String,
    },
    /// The region did not answer.
    #[error("the blobs in {region} did not answer for `{key}`: {cause}")]
    Unreachable {
        /// The region asked.
        region: Region,
        /// The blob's key.
        key: String,
        /// What happened.
        cause: String,
    },
}

/// Tells the time, and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// Lets the time pass that a user's function takes, where time is simulated; elsewhere it has passed already.
    async fn work(&self, attempt: &Context) {
        let _ = attempt;
    }
}

/// Takes the one line of every attempt.
pub trait Telemetry: Send + Sync {
    /// Notes an attempt.
    fn record(&self, record: &StageRecord);

    /// Takes note that a user's function is about to be called. Nothing is written for it.
    fn started(&self, attempt: &Context) {
        let _ = attempt;
    }

    /// Takes note of the values that a user's function is about to be called with: its arguments, and behind them what is
    /// read further on. Nothing is written for it.
    fn reads(&self, attempt: &Context, values: &Values) {
        let _ = (attempt, values);
    }
}

/// Measures this process. What cannot be measured is `None`, never 0.
pub trait ProcessMeter: Send + Sync {
    /// CPU time of all its threads so far.
    fn cpu_time(&self) -> Option<Duration>;

    /// The processor's name.
    fn cpu_model(&self) -> Option<String>;

    /// Highest resident memory so far, in MB of 10^6 bytes.
    fn peak_memory_mb(&self) -> Option<f64>;
}
