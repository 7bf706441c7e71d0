//! The format in which values travel: exact, self-describing and compact.
//!
//! Every serde type comes back as it was: `Option<Option<T>>`, `Option<()>`, unit, empty collections, 128-bit
//! integers, floats to the bit (NaN payloads and the sign of zero included), characters, bytes as against
//! sequences, maps with keys of any type, enums in all four forms. Because a value describes itself, `flatten`,
//! `untagged` and internally tagged types work, and people can read it with [`to_json`].
//!
//! ```
//! use caribou_runtime::codec;
//!
//! let value = (Some(None::<u8>), f32::NAN, 'ä', "text");
//! let bytes = codec::encode(&value)?;
//! let (nested, nan, letter, text): (Option<Option<u8>>, f32, char, String) = codec::decode(&bytes)?;
//! assert_eq!((nested, letter, text.as_str()), (Some(None), 'ä', "text"));
//! assert_eq!(nan.to_bits(), f32::NAN.to_bits());
//! # Ok::<(), codec::CodecError>(())
//! ```
//!
//! # The format
//!
//! A value is one tag byte and what the tag asks for. A *length* or *count* is a varint: seven bits a byte, lowest
//! first, the top bit set on all bytes but the last. A *name* (of a field or a variant) is a varint `h`: if `h` is
//! odd, `h >> 1` bytes of UTF-8 follow, and the name takes the next free place in a table of at most 64; if `h` is
//! even, it is the name at place `h >> 1`.
//!
//! | tag | value | what follows |
//! |---|---|---|
//! | `00`..`7f` | the integer 0..127 | |
//! | `80`..`9f` | a string of 0..31 bytes | UTF-8 |
//! | `a0`..`af` | a sequence or tuple of 0..15 elements | the elements |
//! | `b0`..`bf` | a struct of 0..15 fields | name and value of each |
//! | `c0` | unit, unit struct | |
//! | `c1`, `c2` | `None`, `Some` | for `Some` the value |
//! | `c3`, `c4` | `false`, `true` | |
//! | `c5` | an integer 128..255 | one byte |
//! | `c6` | a positive integer | varint |
//! | `c7` | a negative integer `n` | varint of `-1 - n` |
//! | `c8` | an `f32` | four bytes, lowest first |
//! | `c9` | an `f64` | eight bytes, lowest first |
//! | `ca` | a character | varint of its scalar value |
//! | `cb` | a string | length, UTF-8 |
//! | `cc` | bytes | length, bytes |
//! | `cd` | a sequence or tuple | count, the elements |
//! | `ce` | a map | count, key and value of each |
//! | `cf` | a struct | count, name and value of each field |
//! | `d0` | a unit variant | name |
//! | `d1` | a newtype variant | name, value |
//! | `d2` | a tuple variant | name, count, the elements |
//! | `d3` | a struct variant | name, count, name and value of each field |
//! | `d4` | a JSON document, as a client sent it; never inside another value | UTF-8 to the end |
//!
//! Every other tag is refused. A newtype struct is written as what it holds. Nesting goes [`DEEPEST`] levels deep, on
//! both sides. A decoder never reserves more memory than the input justifies, and never panics.
//!
//! # What cannot come back
//!
//! - A 128-bit integer inside a type that serde buffers (below `flatten`, `untagged` or an internally tagged enum):
//!   serde's own buffer has no such integers. [`encode_payload`] finds it and refuses it at the producer.
//! - `serde_json::value::RawValue`, which only `serde_json` can read: refused by every encoder.
//! - What a type's own serde attributes lose (`skip` with a default, an `untagged` enum in which two variants look
//!   alike, as text and bytes do to serde): the type says so itself, in every format.

mod decode;
mod encode;
mod json;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use json::to_json;

/// How many sequences, maps, structs, variants and options may lie inside each other.
pub const DEEPEST: usize = 128;

/// The most names that are kept for repetition.
const MOST_NAMES: usize = 64;

/// Tag bytes, as in the table above.
mod tag {
    pub(super) const SMALL_INTEGER_END: u8 = 0x80;
    pub(super) const SHORT_STRING: u8 = 0x80;
    pub(super) const SHORT_STRING_END: u8 = 0xa0;
    pub(super) const SHORT_SEQUENCE: u8 = 0xa0;
    pub(super) const SHORT_SEQUENCE_END: u8 = 0xb0;
    pub(super) const SHORT_STRUCT: u8 = 0xb0;
    pub(super) const SHORT_STRUCT_END: u8 = 0xc0;
    pub(super) const UNIT: u8 = 0xc0;
    pub(super) const NONE: u8 = 0xc1;
    pub(super) const SOME: u8 = 0xc2;
    pub(super) const FALSE: u8 = 0xc3;
    pub(super) const TRUE: u8 = 0xc4;
    pub(super) const BYTE: u8 = 0xc5;
    pub(super) const POSITIVE: u8 = 0xc6;
    pub(super) const NEGATIVE: u8 = 0xc7;
    pub(super) const F32: u8 = 0xc8;
    pub(super) const F64: u8 = 0xc9;
    pub(super) const CHAR: u8 = 0xca;
    pub(super) const STRING: u8 = 0xcb;
    pub(super) const BYTES: u8 = 0xcc;
    pub(super) const SEQUENCE: u8 = 0xcd;
    pub(super) const MAP: u8 = 0xce;
    pub(super) const STRUCT: u8 = 0xcf;
    pub(super) const UNIT_VARIANT: u8 = 0xd0;
    pub(super) const NEWTYPE_VARIANT: u8 = 0xd1;
    pub(super) const TUPLE_VARIANT: u8 = 0xd2;
    pub(super) const STRUCT_VARIANT: u8 = 0xd3;
    pub(super) const JSON_DOCUMENT: u8 = 0xd4;
}

/// Why a value could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The input ends in the middle of a value.
    #[error("the encoded value ends too early, at byte {at}")]
    Truncated {
        /// Where the missing part should have begun.
        at: usize,
    },
    /// The bytes are not of this format.
    #[error("byte {at} of the encoded value is not as the format says: {what}")]
    Malformed {
        /// Where.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// Something follows the value.
    #[error("the encoded value is followed by {0} bytes that do not belong to it")]
    Trailing(usize),
    /// Too deeply nested.
    #[error("the value is nested more than {DEEPEST} levels deep; use a flatter type")]
    TooDeep,
    /// The value is well formed, but not of the wanted type; or its `Serialize` implementation refused.
    #[error("{0}")]
    Type(String),
    /// The value could be written but not read again.
    #[error("the value would not come back from its encoded form: {0}")]
    NotExact(String),
}

impl serde::ser::Error for CodecError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Type(message.to_string())
    }
}

impl serde::de::Error for CodecError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Type(message.to_string())
    }
}

/// Encodes a value.
///
/// # Errors
///
/// [`CodecError`] if the value is too deeply nested or its own `Serialize` implementation refuses.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    encode::Encoder::encode(value).map(|encoded| encoded.bytes)
}

/// Encodes a value and makes sure that it can be decoded again: the one case that serde's buffering breaks (see the
/// [module](self)) is tried out.
///
/// # Errors
///
/// [`CodecError`] as for [`encode`], and [`CodecError::NotExact`] if the value would not come back.
pub fn encode_payload<T: Serialize + DeserializeOwned>(value: &T) -> Result<Vec<u8>, CodecError> {
    let encoded = encode::Encoder::encode(value)?;
    if encoded.wide_integers {
        decode::<T>(&encoded.bytes).map_err(|cause| CodecError::NotExact(cause.to_string()))?;
    }
    Ok(encoded.bytes)
}

/// A JSON value as an encoded value: [`decode`] reads any type from it that `serde_json` would.
pub fn json_document(json: &serde_json::Value) -> Vec<u8> {
    let mut bytes = vec![tag::JSON_DOCUMENT];
    bytes.extend_from_slice(json.to_string().as_bytes());
    bytes
}

/// Decodes a value.
///
/// # Errors
///
/// [`CodecError`] if the bytes are not one whole value of type `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    if let [tag::JSON_DOCUMENT, text @ ..] = bytes {
        return serde_json::from_slice(text).map_err(|cause| CodecError::Type(cause.to_string()));
    }
    let mut decoder = decode::Decoder::new(bytes);
    let value = T::deserialize(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}
