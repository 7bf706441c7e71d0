//! Encoded values as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Deserialize;
use serde_json::{Map, Number, Value};

use super::decode::Decoder;
use super::{CodecError, tag};

/// An encoded value as JSON, in the shape that `serde_json` would give to it.
///
/// JSON is less exact: bytes become base64 text, a float that is no number `null`, an integer of more than 64 bits
/// text. A type that writes itself otherwise for people (`serializer.is_human_readable()`) is shown in its compact form.
///
/// # Errors
///
/// [`CodecError`] if the bytes are not one whole encoded value.
pub fn to_json(bytes: &[u8]) -> Result<Value, CodecError> {
    if let [tag::JSON_DOCUMENT, text @ ..] = bytes {
        return serde_json::from_slice(text).map_err(|cause| CodecError::Type(cause.to_string()));
    }
    let mut decoder = Decoder::new(bytes);
    let value = value(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

fn value(decoder: &mut Decoder<'_>) -> Result<Value, CodecError> {
    let tag = decoder.peek()?;
    match tag {
        tag::F32 => return Ok(f32::deserialize(decoder)?.into()),
        tag::F64 => {
            let float = f64::deserialize(decoder)?;
            return Ok(Number::from_f64(float).map_or(Value::Null, Value::Number));
        }
        tag::CHAR => return Ok(char::deserialize(decoder)?.to_string().into()),
        tag::BYTES => return Ok(STANDARD.encode(crate::Bytes::deserialize(decoder)?).into()),
        tag::POSITIVE => {
            let number = u128::deserialize(decoder)?;
            return Ok(u64::try_from(number).map_or_else(|_| number.to_string().into(), Value::from));
        }
        tag::NEGATIVE => {
            let number = i128::deserialize(decoder)?;
            return Ok(i64::try_from(number).map_or_else(|_| number.to_string().into(), Value::from));
        }
        _ => {}
    }
    if !is_compound(tag) {
        return Value::deserialize(decoder);
    }
    decoder.byte()?;
    decoder.deeper(|decoder| match tag {
        tag::SOME => value(decoder),
        tag::SHORT_SEQUENCE..tag::SHORT_SEQUENCE_END => {
            sequence(decoder, usize::from(tag - tag::SHORT_SEQUENCE))
        }
        tag::SHORT_STRUCT..tag::SHORT_STRUCT_END => fields(decoder, usize::from(tag - tag::SHORT_STRUCT)),
        tag::SEQUENCE => {
            let count = decoder.length()?;
            sequence(decoder, count)
        }
        tag::STRUCT => {
            let count = decoder.length()?;
            fields(decoder, count)
        }
        tag::MAP => map(decoder),
        _ => variant(decoder, tag),
    })
}

fn is_compound(tag: u8) -> bool {
    matches!(
        tag,
        tag::SOME
            | tag::SHORT_SEQUENCE..tag::SHORT_STRUCT_END
            | tag::SEQUENCE..=tag::STRUCT
            | tag::UNIT_VARIANT..=tag::STRUCT_VARIANT
    )
}

fn sequence(decoder: &mut Decoder<'_>, count: usize) -> Result<Value, CodecError> {
    (0..count).map(|_| value(decoder)).collect()
}

fn fields(decoder: &mut Decoder<'_>, count: usize) -> Result<Value, CodecError> {
    let mut fields = Map::new();
    for _ in 0..count {
        let name = decoder.name()?.to_owned();
        fields.insert(name, value(decoder)?);
    }
    Ok(Value::Object(fields))
}

/// A map whose keys are text, numbers or truth values is an object, any other a list of pairs.
fn map(decoder: &mut Decoder<'_>) -> Result<Value, CodecError> {
    let mut pairs = Vec::new();
    for _ in 0..decoder.length()? {
        let key = value(decoder)?;
        pairs.push((key, value(decoder)?));
    }
    let text = |key: &Value| match key {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(key.to_string()),
        _ => None,
    };
    let object: Option<Map<_, _>> =
        pairs.iter().map(|(key, value)| Some((text(key)?, value.clone()))).collect();
    Ok(match object {
        Some(object) => Value::Object(object),
        None => pairs.into_iter().map(|(key, value)| Value::from(vec![key, value])).collect(),
    })
}

fn variant(decoder: &mut Decoder<'_>, tag: u8) -> Result<Value, CodecError> {
    let name = decoder.name()?.to_owned();
    let content = match tag {
        tag::UNIT_VARIANT => return Ok(name.into()),
        tag::NEWTYPE_VARIANT => value(decoder)?,
        tag::TUPLE_VARIANT => {
            let count = decoder.length()?;
            sequence(decoder, count)?
        }
        _ => {
            let count = decoder.length()?;
            fields(decoder, count)?
        }
    };
    Ok(Value::Object(Map::from_iter([(name, content)])))
}
