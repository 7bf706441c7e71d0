//! Values at rest: in outcomes, arrivals and run records.

use serde::{Deserialize, Serialize};

use crate::{BlobReference, Bytes, Value, codec};

/// A value in an item of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum StoredValue {
    /// Encoded with the [`codec`].
    #[serde(rename = "i")]
    Inline(Bytes),
    /// Encoded with the [`codec`], stored as a blob.
    #[serde(rename = "b")]
    Blob(BlobReference),
}

impl From<Value> for StoredValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Inline(bytes) => Self::Inline(bytes.into()),
            Value::Blob { reference, .. } => Self::Blob(reference),
            Value::Json(json) => Self::Inline(codec::json_document(&json).into()),
        }
    }
}

impl From<StoredValue> for Value {
    fn from(value: StoredValue) -> Self {
        match value {
            StoredValue::Inline(bytes) => Self::Inline(bytes.into_inner()),
            StoredValue::Blob(reference) => Self::Blob { reference, content: None },
        }
    }
}

impl StoredValue {
    /// Bytes that it takes itself; none if it is a blob.
    pub(crate) fn inline_len(&self) -> usize {
        match self {
            Self::Inline(bytes) => bytes.len(),
            Self::Blob(_) => 0,
        }
    }

    /// Bytes of the value itself, wherever they lie.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Blob(reference) => reference.bytes,
        }
    }
}
