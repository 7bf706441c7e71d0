//! Values on their way between stages, encoded.

use std::any::Any;

use bytes::Bytes;
use caribou_model::Region;
use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::function::Payload;
use crate::{Bytes as Encoded, Error};

/// One encoded value: in the message itself, or a reference to a blob.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Encoded with the [`codec`].
    Inline(Bytes),
    /// Encoded with the [`codec`], stored as a blob; `content` once it was fetched.
    Blob {
        /// Where the blob lies.
        reference: BlobReference,
        /// What it holds, if it was fetched.
        content: Option<Bytes>,
    },
    /// A parameter of the workflow as a client sent it, in JSON.
    Json(serde_json::Value),
}

/// Where a blob lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobReference {
    /// The region of its producer.
    #[serde(rename = "r")]
    pub region: Region,
    /// Its key there.
    #[serde(rename = "k")]
    pub key: String,
    /// Its size in bytes.
    #[serde(rename = "n")]
    pub bytes: u64,
}

/// Why a value could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// The message does not have that many values.
    #[error(
        "value {index} is missing: the message has {present}; it was made by another version of the workflow"
    )]
    Missing {
        /// The position asked for.
        index: u16,
        /// How many there are.
        present: usize,
    },
    /// The bytes are not of the wanted type.
    #[error("value {index} is not of type `{wanted}`: {cause}")]
    Codec {
        /// The position asked for.
        index: u16,
        /// The wanted type.
        wanted: &'static str,
        /// What the decoder found.
        cause: CodecError,
    },
    /// The client's JSON is not of the wanted type.
    #[error("parameter {index} of the workflow is not of type `{wanted}`: {cause}")]
    Json {
        /// The position asked for.
        index: u16,
        /// The wanted type.
        wanted: &'static str,
        /// What the JSON reader found.
        cause: serde_json::Error,
    },
    /// The blob was not fetched before it was read: a fault of the macros' `reads`.
    #[error(
        "value {index} lies in a blob that was not fetched; this is a fault in caribou, please report it"
    )]
    NotFetched {
        /// The position asked for.
        index: u16,
    },
    /// The stage's output is not there, or of another type: a fault of the macros.
    #[error(
        "the output of the stage is not of type `{wanted}`; this is a fault in caribou, please report it"
    )]
    Output {
        /// The wanted type.
        wanted: &'static str,
    },
}

/// The values that reached a node, by position; after its function returned, with its output.
///
/// For a stage the first [`Arguments::COUNT`](crate::Arguments::COUNT) are its arguments, and what follows are values that are read
/// further on. For a sync node they are the values of slot 0, then those of slot 1, and so on. Where a map is collected,
/// slot 1 is one value: what the items gave, in order, each still encoded.
#[derive(Debug, Default)]
pub struct Values {
    items: Vec<Value>,
    outcome: Option<Result<Box<dyn Any + Send>, Error>>,
}

impl Values {
    /// These values, in order.
    pub fn new(items: Vec<Value>) -> Self {
        Self { items, outcome: None }
    }

    /// The same values with the output of the stage that read them.
    #[must_use]
    pub fn with_output(mut self, output: Box<dyn Any + Send>) -> Self {
        self.outcome = Some(Ok(output));
        self
    }

    /// The same values with the final failure of the stage that read them.
    #[must_use]
    pub fn with_failure(mut self, failure: Error) -> Self {
        self.outcome = Some(Err(failure));
        self
    }

    /// The values, encoded.
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// The values, encoded, to fetch blobs into.
    pub fn items_mut(&mut self) -> &mut [Value] {
        &mut self.items
    }

    /// Decodes a value.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if it is missing, not fetched, or not of type `T`.
    pub fn take<T: Payload>(&self, index: u16) -> Result<T, ValueError> {
        let wanted = std::any::type_name::<T>();
        let present = self.items.len();
        match self.items.get(usize::from(index)).ok_or(ValueError::Missing { index, present })? {
            Value::Inline(bytes) | Value::Blob { content: Some(bytes), .. } => {
                codec::decode(bytes).map_err(|cause| ValueError::Codec { index, wanted, cause })
            }
            Value::Json(json) => {
                T::deserialize(json).map_err(|cause| ValueError::Json { index, wanted, cause })
            }
            Value::Blob { content: None, .. } => Err(ValueError::NotFetched { index }),
        }
    }

    /// A value to pass on as it is, undecoded.
    ///
    /// # Errors
    ///
    /// [`ValueError::Missing`] if there is none at that position.
    pub fn forward(&self, index: u16) -> Result<Value, ValueError> {
        let present = self.items.len();
        self.items.get(usize::from(index)).cloned().ok_or(ValueError::Missing { index, present })
    }

    /// The output of the stage's function.
    ///
    /// # Errors
    ///
    /// [`ValueError::Output`] if there is none, or it is not a `T`.
    pub fn output<T: 'static>(&mut self) -> Result<T, ValueError> {
        self.outcome()?.map_err(|_| ValueError::Output { wanted: std::any::type_name::<T>() })
    }

    /// The output of the stage's function, or the stage's final failure.
    ///
    /// # Errors
    ///
    /// [`ValueError::Output`] if there is neither, or the output is not a `T`.
    pub fn outcome<T: 'static>(&mut self) -> Result<Result<T, Error>, ValueError> {
        let wanted = std::any::type_name::<T>();
        match self.outcome.take().ok_or(ValueError::Output { wanted })? {
            Ok(output) => {
                output.downcast().map(|output| Ok(*output)).map_err(|_| ValueError::Output { wanted })
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Decodes what the items of a map gave, in their order, each of type `T`.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if there is no such value, or an item is not of type `T`.
    pub fn collected<T: Payload>(&self, index: u16) -> Result<Vec<T>, ValueError> {
        let wanted = std::any::type_name::<T>();
        let items = self.take::<Vec<Encoded>>(index)?;
        let decode =
            |item: &Encoded| codec::decode(item).map_err(|cause| ValueError::Codec { index, wanted, cause });
        items.iter().map(decode).collect()
    }

    /// Decodes what the items of a map gave whose failures are values: all outputs in the items' order, or the failure of
    /// the first item that failed.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if there is no such value, or an item is neither a `T` nor a failure.
    pub fn collected_outcome<T: Payload>(&self, index: u16) -> Result<Result<Vec<T>, Error>, ValueError> {
        Ok(self.collected::<Result<T, Error>>(index)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded<T: Serialize>(items: &[T]) -> Values {
        let items: Vec<Encoded> = items.iter().map(|item| codec::encode(item).unwrap().into()).collect();
        Values::new(vec![Value::Inline(codec::encode(&items).unwrap().into())])
    }

    #[test]
    fn what_the_items_of_a_map_gave_comes_back_in_order() {
        assert_eq!(encoded(&["a", "b"]).collected::<String>(0).unwrap(), ["a", "b"]);
        assert!(encoded::<u8>(&[]).collected::<u8>(0).unwrap().is_empty());
        assert!(matches!(encoded(&["a"]).collected::<u8>(0), Err(ValueError::Codec { .. })));
        assert!(matches!(encoded(&["a"]).collected::<u8>(1), Err(ValueError::Missing { .. })));
    }

    #[test]
    fn the_failure_of_a_map_is_that_of_its_first_item_that_failed() {
        let [first, last] = ["first", "last"].map(Error::permanent);
        let items = [Ok(1), Err(first.clone()), Ok(2), Err(last)];
        assert_eq!(encoded::<Result<u8, Error>>(&items).collected_outcome::<u8>(0).unwrap(), Err(first));
        let items: [Result<u8, Error>; 2] = [Ok(1), Ok(2)];
        assert_eq!(encoded(&items).collected_outcome::<u8>(0).unwrap(), Ok(vec![1, 2]));
    }

    #[test]
    fn an_outcome_is_an_output_or_a_failure() {
        let values = || Values::new(Vec::new());
        assert_eq!(values().with_output(Box::new(7_u8)).outcome::<u8>().unwrap(), Ok(7));
        let failure = Error::permanent("no");
        assert_eq!(values().with_failure(failure.clone()).outcome::<u8>().unwrap(), Err(failure.clone()));
        assert!(values().with_failure(failure).output::<u8>().is_err());
        assert!(values().outcome::<u8>().is_err());
    }
}
