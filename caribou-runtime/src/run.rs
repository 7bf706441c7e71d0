//! The record of a run, in its home region.

use caribou_model::{Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::shim::claim::Claim;
use crate::stored::StoredValue;
use crate::{Pin, codec};

/// What the home region keeps of a run: what was fixed for it, how far its entry is, how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) pin: Pin,
    /// When its request was received.
    pub(crate) started: Timestamp,
    /// Where its request was received.
    pub(crate) entry_region: Region,
    /// The function that receives its requests.
    pub(crate) function: String,
    /// Until when what was written first for the run is kept.
    pub(crate) kept_until: Timestamp,
    /// Claim and outcome of the entry.
    pub(crate) entry: Claim,
    /// The input, where the entry has failed and is to run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<StoredValue>,
    pub(crate) end: Option<End>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum End {
    Succeeded {
        at: Timestamp,
        result: StoredValue,
    },
    Failed {
        at: Timestamp,
        failure: Failure,
    },
    /// It passed its deadline, and nobody has told why.
    Overdue {
        at: Timestamp,
    },
}

impl End {
    /// Whether this end may still be written over that one: the first wins, and a cause is added to one that has none.
    pub(crate) fn may_follow(&self, earlier: Option<&Self>) -> bool {
        match earlier {
            None => true,
            Some(Self::Overdue { .. }) => matches!(self, Self::Failed { .. }),
            Some(Self::Succeeded { .. } | Self::Failed { .. }) => false,
        }
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The node's name.
    pub(crate) stage: String,
    /// The item, if the node is a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<u32>,
    pub(crate) region: Region,
    pub(crate) attempt: u32,
    pub(crate) error: String,
    /// The values that reached the node.
    pub(crate) input: Vec<StoredValue>,
}

impl RunRecord {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, codec::CodecError> {
        codec::decode(bytes)
    }
}

/// How a run stands, for whoever asks.
#[derive(Clone, Debug, PartialEq)]
pub enum RunStatus {
    /// Home knows of no such run: its request was not received yet, or was never sent, or the record has expired.
    Unknown,
    /// It is under way.
    Running {
        /// When its request was received.
        started: Timestamp,
        /// When it must have ended.
        deadline: Timestamp,
    },
    /// It ended with a result.
    Succeeded {
        /// The result, as JSON.
        result: serde_json::Value,
        /// When its request was received.
        started: Timestamp,
        /// When the result was recorded.
        ended: Timestamp,
        /// What was fixed for it at its entry.
        pin: Box<Pin>,
    },
    /// It failed for good, or did not end in time.
    Failed {
        /// The node that failed, if it is known.
        stage: Option<String>,
        /// Which item failed, if the node is a map.
        item: Option<u32>,
        /// What went wrong.
        error: String,
        /// The values that reached the node, as JSON; those that lie in blobs are fetched. In place of one that is not to
        /// be had stands where it was: `{"gone": key, "region": region}`; `{"unreachable": key, "region": region,
        /// "cause": text}`; `{"unreadable": text, "bytes": n}`.
        input: Vec<serde_json::Value>,
        /// When its request was received.
        started: Timestamp,
        /// When the failure was recorded, or the deadline that passed.
        ended: Timestamp,
        /// What was fixed for it at its entry.
        pin: Box<Pin>,
    },
}

impl RunStatus {
    /// Whether nothing more will happen to the run.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Succeeded { .. } | Self::Failed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_end_stays_and_only_a_cause_is_added_to_one_that_has_none() {
        let at = Timestamp::from_millis(7);
        let overdue = End::Overdue { at };
        let success = End::Succeeded { at, result: StoredValue::Inline(Vec::new().into()) };
        let failure = Failure {
            stage: "press".into(),
            item: None,
            region: Region::aws("us-east-1"),
            attempt: 1,
            error: "no".into(),
            input: Vec::new(),
        };
        let failure = End::Failed { at, failure };
        for end in [&overdue, &success, &failure] {
            assert!(end.may_follow(None));
            assert!(!end.may_follow(Some(&success)) && !end.may_follow(Some(&failure)));
            assert_eq!(end.may_follow(Some(&overdue)), *end == failure);
        }
    }
}
