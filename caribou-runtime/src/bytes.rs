//! Binary payloads.

use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Binary data that travels as it is, where a `Vec<u8>` would travel number by number. Cloning it is cheap.
///
/// In JSON it is base64 text.
///
/// ```
/// use caribou_runtime::{Bytes, codec};
///
/// let image = Bytes::from(vec![0xff; 1000]);
/// let encoded = codec::encode(&image)?;
/// assert!(encoded.len() < 1004);
/// assert_eq!(codec::decode::<Bytes>(&encoded)?, image);
/// # Ok::<(), codec::CodecError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(bytes::Bytes);

impl Bytes {
    /// The data as the `bytes` crate's type.
    pub fn into_inner(self) -> bytes::Bytes {
        self.0
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(data: Vec<u8>) -> Self {
        Self(data.into())
    }
}

impl From<&[u8]> for Bytes {
    fn from(data: &[u8]) -> Self {
        Self(bytes::Bytes::copy_from_slice(data))
    }
}

impl From<bytes::Bytes> for Bytes {
    fn from(data: bytes::Bytes) -> Self {
        Self(data)
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(data: Bytes) -> Self {
        data.0.into()
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(data: I) -> Self {
        Self(data.into_iter().collect())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} bytes)", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(BytesVisitor { base64: true })
        } else {
            deserializer.deserialize_byte_buf(BytesVisitor { base64: false })
        }
    }
}

struct BytesVisitor {
    base64: bool,
}

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.base64 { "base64 text" } else { "bytes" })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        if !self.base64 {
            return Err(E::invalid_type(de::Unexpected::Str(text), &self));
        }
        STANDARD.decode(text).map(Bytes::from).map_err(|cause| E::custom(format!("not base64: {cause}")))
    }

    fn visit_bytes<E>(self, data: &[u8]) -> Result<Bytes, E> {
        Ok(data.into())
    }

    fn visit_byte_buf<E>(self, data: Vec<u8>) -> Result<Bytes, E> {
        Ok(data.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Bytes, A::Error> {
        let mut data = Vec::with_capacity(sequence.size_hint().unwrap_or(0).min(1 << 16));
        while let Some(byte) = sequence.next_element()? {
            data.push(byte);
        }
        Ok(data.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64_text_in_json() {
        let data = Bytes::from(&[0_u8, 255, 7][..]);
        assert_eq!(serde_json::to_string(&data).unwrap(), r#""AP8H""#);
        assert_eq!(serde_json::from_str::<Bytes>(r#""AP8H""#).unwrap(), data);
        assert!(serde_json::from_str::<Bytes>(r##""#no""##).is_err());
    }
}
