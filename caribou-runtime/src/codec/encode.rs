//! From values to bytes.

use serde::ser::{self, Serialize};

use super::{CodecError, DEEPEST, MOST_NAMES, tag};

/// Writes one value.
pub(super) struct Encoder {
    bytes: Vec<u8>,
    names: Vec<&'static str>,
    depth: usize,
    wide_integers: bool,
}

/// An encoded value, and what was noticed on the way.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// Whether it holds 128-bit integers.
    pub(super) wide_integers: bool,
}

impl Encoder {
    pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Encoded, CodecError> {
        let mut encoder = Self { bytes: Vec::new(), names: Vec::new(), depth: 0, wide_integers: false };
        value.serialize(&mut encoder)?;
        Ok(Encoded { bytes: encoder.bytes, wide_integers: encoder.wide_integers })
    }

    fn varint(&mut self, mut number: u128) {
        while number >= 0x80 {
            self.bytes.push((number as u8) | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn length(&mut self, length: usize) {
        self.varint(length as u128);
    }

    fn positive(&mut self, number: u128) {
        match number {
            0..0x80 => self.bytes.push(number as u8),
            0x80..0x100 => self.bytes.extend([tag::BYTE, number as u8]),
            _ => {
                self.bytes.push(tag::POSITIVE);
                self.varint(number);
            }
        }
    }

    fn integer(&mut self, number: i128) {
        if number >= 0 {
            self.positive(number.unsigned_abs());
        } else {
            self.bytes.push(tag::NEGATIVE);
            self.varint((-1 - number).unsigned_abs());
        }
    }

    fn name(&mut self, name: &'static str) {
        if let Some(place) = self.names.iter().position(|known| *known == name) {
            self.varint((place as u128) << 1);
        } else {
            self.varint((name.len() as u128) << 1 | 1);
            self.bytes.extend_from_slice(name.as_bytes());
            if self.names.len() < MOST_NAMES {
                self.names.push(name);
            }
        }
    }

    fn descend(&mut self) -> Result<(), CodecError> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(CodecError::TooDeep) } else { Ok(()) }
    }

    /// Begins something with a count, which is put in front at the end.
    fn compound(&mut self, header: Header, expected: Option<usize>) -> Result<Compound<'_>, CodecError> {
        self.descend()?;
        let start = self.bytes.len();
        if let Some(expected) = expected {
            header.write(self, expected);
        }
        let begin = self.bytes.len();
        Ok(Compound { encoder: self, header, expected, count: 0, start, begin })
    }
}

/// How a count is written.
#[derive(Clone, Copy)]
enum Header {
    Sequence,
    Struct,
    Map,
    Bare,
}

impl Header {
    fn write(self, encoder: &mut Encoder, count: usize) {
        match self {
            Self::Sequence if count < 16 => return encoder.bytes.push(tag::SHORT_SEQUENCE | count as u8),
            Self::Struct if count < 16 => return encoder.bytes.push(tag::SHORT_STRUCT | count as u8),
            Self::Sequence => encoder.bytes.push(tag::SEQUENCE),
            Self::Struct => encoder.bytes.push(tag::STRUCT),
            Self::Map => encoder.bytes.push(tag::MAP),
            Self::Bare => {}
        }
        encoder.length(count);
    }
}

/// A sequence, map or struct on its way out.
pub(super) struct Compound<'a> {
    encoder: &'a mut Encoder,
    header: Header,
    expected: Option<usize>,
    count: usize,
    /// Where the header stands, or belongs.
    start: usize,
    /// Where the first element stands.
    begin: usize,
}

impl Compound<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.count += 1;
        value.serialize(&mut *self.encoder)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), CodecError> {
        self.encoder.name(name);
        self.element(value)
    }

    fn finish(self) {
        self.encoder.depth -= 1;
        if self.expected != Some(self.count) {
            let elements = self.encoder.bytes.split_off(self.begin);
            self.encoder.bytes.truncate(self.start);
            self.header.write(self.encoder, self.count);
            self.encoder.bytes.extend_from_slice(&elements);
        }
    }
}

impl<'a> ser::Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), CodecError> {
        self.bytes.push(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), CodecError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), CodecError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), CodecError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), CodecError> {
        self.integer(value.into());
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), CodecError> {
        self.wide_integers = true;
        self.integer(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), CodecError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), CodecError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), CodecError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), CodecError> {
        self.positive(value.into());
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), CodecError> {
        self.wide_integers = true;
        self.positive(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), CodecError> {
        self.bytes.push(tag::F32);
        self.bytes.extend(value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), CodecError> {
        self.bytes.push(tag::F64);
        self.bytes.extend(value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), CodecError> {
        self.bytes.push(tag::CHAR);
        self.varint(u32::from(value).into());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), CodecError> {
        if value.len() < 32 {
            self.bytes.push(tag::SHORT_STRING | value.len() as u8);
        } else {
            self.bytes.push(tag::STRING);
            self.length(value.len());
        }
        self.bytes.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CodecError> {
        self.bytes.push(tag::BYTES);
        self.length(value.len());
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), CodecError> {
        self.bytes.push(tag::NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        self.bytes.push(tag::SOME);
        self.descend()?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), CodecError> {
        self.bytes.push(tag::UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), CodecError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), CodecError> {
        self.bytes.push(tag::UNIT_VARIANT);
        self.name(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        self.bytes.push(tag::NEWTYPE_VARIANT);
        self.name(variant);
        self.descend()?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'a>, CodecError> {
        self.compound(Header::Sequence, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'a>, CodecError> {
        self.compound(Header::Sequence, Some(length))
    }

    fn serialize_tuple_struct(self, _name: &'static str, length: usize) -> Result<Compound<'a>, CodecError> {
        self.compound(Header::Sequence, Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, CodecError> {
        self.bytes.push(tag::TUPLE_VARIANT);
        self.name(variant);
        self.compound(Header::Bare, Some(length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'a>, CodecError> {
        self.compound(Header::Map, length)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Compound<'a>, CodecError> {
        if name.starts_with("$serde_json::private::") {
            return Err(CodecError::NotExact(
                "raw JSON can be read by serde_json only; use `serde_json::Value`".into(),
            ));
        }
        self.compound(Header::Struct, Some(length))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, CodecError> {
        self.bytes.push(tag::STRUCT_VARIANT);
        self.name(variant);
        self.compound(Header::Bare, Some(length))
    }
}

macro_rules! elements {
    ($($form:ident $method:ident),*) => {
        $(impl ser::$form for Compound<'_> {
            type Ok = ();
            type Error = CodecError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
                self.element(value)
            }

            fn end(self) -> Result<(), CodecError> {
                self.finish();
                Ok(())
            }
        })*
    };
}

elements!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! fields {
    ($($form:ident),*) => {
        $(impl ser::$form for Compound<'_> {
            type Ok = ();
            type Error = CodecError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), CodecError> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), CodecError> {
                self.finish();
                Ok(())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = CodecError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CodecError> {
        key.serialize(&mut *self.encoder)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.element(value)
    }

    fn end(self) -> Result<(), CodecError> {
        self.finish();
        Ok(())
    }
}
