//! From bytes to values.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::{CodecError, DEEPEST, MOST_NAMES, tag};

/// Reads one value.
pub(super) struct Decoder<'de> {
    bytes: &'de [u8],
    at: usize,
    depth: usize,
    names: Vec<&'de str>,
}

impl<'de> Decoder<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, names: Vec::new() }
    }

    /// Makes sure that nothing is left.
    pub(super) fn finish(&self) -> Result<(), CodecError> {
        match self.left() {
            0 => Ok(()),
            left => Err(CodecError::Trailing(left)),
        }
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn malformed(&self, what: &'static str) -> CodecError {
        CodecError::Malformed { at: self.at.saturating_sub(1), what }
    }

    pub(super) fn peek(&self) -> Result<u8, CodecError> {
        self.bytes.get(self.at).copied().ok_or(CodecError::Truncated { at: self.at })
    }

    pub(super) fn byte(&mut self) -> Result<u8, CodecError> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, length: usize) -> Result<&'de [u8], CodecError> {
        let truncated = CodecError::Truncated { at: self.at };
        let end = self.at.checked_add(length).ok_or(truncated.clone())?;
        let taken = self.bytes.get(self.at..end).ok_or(truncated)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn varint(&mut self) -> Result<u128, CodecError> {
        let mut number = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(self.malformed("a number of more than 128 bits"));
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.malformed("a number of more than 128 bits"))
    }

    /// A length in bytes or a count of elements, each of which takes a byte at least.
    pub(super) fn length(&mut self) -> Result<usize, CodecError> {
        let length = self.varint()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => Ok(length),
            _ => Err(CodecError::Truncated { at: self.bytes.len() }),
        }
    }

    fn text(&mut self, length: usize) -> Result<&'de str, CodecError> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("a string that is not UTF-8"))
    }

    pub(super) fn name(&mut self) -> Result<&'de str, CodecError> {
        let head = self.varint()?;
        if head & 1 == 0 {
            let place = usize::try_from(head >> 1).ok();
            let name = place.and_then(|place| self.names.get(place)).copied();
            return name.ok_or_else(|| self.malformed("a name that was not given before"));
        }
        let length = usize::try_from(head >> 1).map_err(|_| CodecError::Truncated { at: self.at })?;
        let name = self.text(length)?;
        if self.names.len() < MOST_NAMES {
            self.names.push(name);
        }
        Ok(name)
    }

    /// Reads something one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        if self.depth == DEEPEST {
            return Err(CodecError::TooDeep);
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn sequence<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, CodecError> {
        self.deeper(|decoder| {
            let mut elements = Elements { decoder, left: count, keys: Keys::Values };
            let value = visitor.visit_seq(&mut elements)?;
            elements.finish(value)
        })
    }

    fn map<V: Visitor<'de>>(&mut self, count: usize, keys: Keys, visitor: V) -> Result<V::Value, CodecError> {
        self.deeper(|decoder| {
            let mut elements = Elements { decoder, left: count, keys };
            let value = visitor.visit_map(&mut elements)?;
            elements.finish(value)
        })
    }

    fn integer<V: Visitor<'de>>(&mut self, negative: bool, visitor: V) -> Result<V::Value, CodecError> {
        let number = self.varint()?;
        if !negative {
            return match u64::try_from(number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_u128(number),
            };
        }
        let number = i128::try_from(number).map_err(|_| self.malformed("a number below -2^127"))?;
        match i64::try_from(-1 - number) {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => visitor.visit_i128(-1 - number),
        }
    }
}

impl<'de> de::Deserializer<'de> for &mut Decoder<'de> {
    type Error = CodecError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let tag = self.peek()?;
        if is_variant(tag) {
            let mut variant = VariantAsMap { decoder: self, form: Some(tag) };
            let value = visitor.visit_map(&mut variant)?;
            return match variant.form {
                None => Ok(value),
                Some(_) => Err(CodecError::Type("the wanted type has no variants".into())),
            };
        }
        self.at += 1;
        match tag {
            ..tag::SMALL_INTEGER_END => visitor.visit_u64(tag.into()),
            tag::SHORT_STRING..tag::SHORT_STRING_END => {
                visitor.visit_borrowed_str(self.text(usize::from(tag - tag::SHORT_STRING))?)
            }
            tag::SHORT_SEQUENCE..tag::SHORT_SEQUENCE_END => {
                self.sequence(usize::from(tag - tag::SHORT_SEQUENCE), visitor)
            }
            tag::SHORT_STRUCT..tag::SHORT_STRUCT_END => {
                self.map(usize::from(tag - tag::SHORT_STRUCT), Keys::Names, visitor)
            }
            tag::UNIT => visitor.visit_unit(),
            tag::NONE => visitor.visit_none(),
            tag::SOME => self.deeper(|decoder| visitor.visit_some(decoder)),
            tag::FALSE => visitor.visit_bool(false),
            tag::TRUE => visitor.visit_bool(true),
            tag::BYTE => visitor.visit_u64(self.byte()?.into()),
            tag::POSITIVE => self.integer(false, visitor),
            tag::NEGATIVE => self.integer(true, visitor),
            tag::F32 => visitor.visit_f32(f32::from_bits(u32::from_le_bytes(self.array()?))),
            tag::F64 => visitor.visit_f64(f64::from_bits(u64::from_le_bytes(self.array()?))),
            tag::CHAR => {
                let scalar = self.varint()?;
                let letter = u32::try_from(scalar).ok().and_then(char::from_u32);
                visitor.visit_char(letter.ok_or_else(|| self.malformed("not a character"))?)
            }
            tag::STRING => {
                let length = self.length()?;
                visitor.visit_borrowed_str(self.text(length)?)
            }
            tag::BYTES => {
                let length = self.length()?;
                visitor.visit_borrowed_bytes(self.take(length)?)
            }
            tag::SEQUENCE => {
                let count = self.length()?;
                self.sequence(count, visitor)
            }
            tag::MAP => {
                let count = self.length()?;
                self.map(count, Keys::Values, visitor)
            }
            tag::STRUCT => {
                let count = self.length()?;
                self.map(count, Keys::Names, visitor)
            }
            _ => Err(self.malformed("an unknown tag")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.peek()? {
            tag::NONE | tag::SOME => self.deserialize_any(visitor),
            // Written by hand-made implementations that know no options.
            tag::UNIT => {
                self.at += 1;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        let tag = self.peek()?;
        if is_variant(tag) {
            self.at += 1;
            return visitor.visit_enum(Variant { decoder: self, form: tag });
        }
        // Written by hand-made implementations that know no enums.
        let name: &'de str = de::Deserialize::deserialize(self)?;
        visitor.visit_enum(name.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

fn is_variant(tag: u8) -> bool {
    (tag::UNIT_VARIANT..=tag::STRUCT_VARIANT).contains(&tag)
}

/// What the keys of a map are.
#[derive(Clone, Copy)]
enum Keys {
    Names,
    Values,
}

/// The elements of a sequence, or the entries of a map.
struct Elements<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: usize,
    keys: Keys,
}

impl Elements<'_, '_> {
    fn finish<T>(self, value: T) -> Result<T, CodecError> {
        match self.left {
            0 => Ok(value),
            left => Err(CodecError::Type(format!("{left} more elements than the wanted type has"))),
        }
    }

    fn next(&mut self) -> bool {
        let more = self.left > 0;
        self.left -= usize::from(more);
        more
    }
}

impl<'de> de::SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = CodecError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, CodecError> {
        if self.next() { seed.deserialize(&mut *self.decoder).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> de::MapAccess<'de> for &mut Elements<'_, 'de> {
    type Error = CodecError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, CodecError> {
        if !self.next() {
            return Ok(None);
        }
        match self.keys {
            Keys::Names => seed.deserialize(BorrowedStrDeserializer::new(self.decoder.name()?)).map(Some),
            Keys::Values => seed.deserialize(&mut *self.decoder).map(Some),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, CodecError> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant whose enum is known.
struct Variant<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    form: u8,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), CodecError> {
        let name = self.decoder.name()?;
        Ok((seed.deserialize(BorrowedStrDeserializer::new(name))?, self))
    }
}

impl Variant<'_, '_> {
    fn expect(&self, form: u8, wanted: &'static str) -> Result<(), CodecError> {
        if self.form == form {
            return Ok(());
        }
        let found = match self.form {
            tag::UNIT_VARIANT => "unit",
            tag::NEWTYPE_VARIANT => "newtype",
            tag::TUPLE_VARIANT => "tuple",
            _ => "struct",
        };
        Err(CodecError::Type(format!("found a {found} variant where a {wanted} variant is expected")))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;

    fn unit_variant(self) -> Result<(), CodecError> {
        self.expect(tag::UNIT_VARIANT, "unit")
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, CodecError> {
        self.expect(tag::NEWTYPE_VARIANT, "newtype")?;
        self.decoder.deeper(|decoder| seed.deserialize(decoder))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, CodecError> {
        self.expect(tag::TUPLE_VARIANT, "tuple")?;
        let count = self.decoder.length()?;
        self.decoder.sequence(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.expect(tag::STRUCT_VARIANT, "struct")?;
        let count = self.decoder.length()?;
        self.decoder.map(count, Keys::Names, visitor)
    }
}

/// A variant whose enum is not known, because serde buffers it: one entry of name and content, the shape from
/// which serde's buffer makes an enum again.
struct VariantAsMap<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    form: Option<u8>,
}

impl<'de> de::MapAccess<'de> for &mut VariantAsMap<'_, 'de> {
    type Error = CodecError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, CodecError> {
        if self.form.is_none() {
            return Ok(None);
        }
        self.decoder.byte()?;
        let name = self.decoder.name()?;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, CodecError> {
        match self.form.take() {
            Some(form) => seed.deserialize(VariantContent { decoder: &mut *self.decoder, form }),
            None => Err(CodecError::Type("the content of a variant was asked for twice".into())),
        }
    }
}

/// What a variant holds.
struct VariantContent<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    form: u8,
}

impl<'de> de::Deserializer<'de> for VariantContent<'_, 'de> {
    type Error = CodecError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.form {
            tag::UNIT_VARIANT => visitor.visit_unit(),
            tag::NEWTYPE_VARIANT => {
                self.decoder.deeper(|decoder| de::Deserializer::deserialize_any(decoder, visitor))
            }
            tag::TUPLE_VARIANT => {
                let count = self.decoder.length()?;
                self.decoder.sequence(count, visitor)
            }
            _ => {
                let count = self.decoder.length()?;
                self.decoder.map(count, Keys::Names, visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.form {
            tag::NEWTYPE_VARIANT => {
                self.decoder.deeper(|decoder| de::Deserializer::deserialize_option(decoder, visitor))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}
