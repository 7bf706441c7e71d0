//! A JSON file whose every value knows the keys that lead to it, so that an error can name them.
//!
//! The order of an object's keys is kept (the original numbers instances by it), and a key that stands twice is an error.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::rc::Rc;

use caribou_model::Region;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::OriginalError;

/// The largest file that is read. The original keeps 5,000 runs of a workflow, which take a tenth of this.
const LIMIT_MIB: u64 = 256;

/// A parsed file.
#[derive(Debug)]
pub(super) struct Document {
    file: &'static str,
    root: Json,
}

#[derive(Debug)]
enum Json {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A value of a document, and how it was reached.
#[derive(Clone, Debug)]
pub(super) struct Value<'a> {
    file: &'static str,
    json: &'a Json,
    path: Option<Rc<Step<'a>>>,
}

#[derive(Debug)]
struct Step<'a> {
    before: Option<Rc<Step<'a>>>,
    key: Key<'a>,
}

#[derive(Debug)]
enum Key<'a> {
    Name(&'a str),
    Index(usize),
}

impl Document {
    /// Reads a table.
    pub(super) fn read(dir: &Path, file: &'static str) -> Result<Self, OriginalError> {
        let path = dir.join(file);
        let opened = File::open(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => OriginalError::MissingTable { file, dir: dir.to_owned() },
            _ => OriginalError::Unreadable { path: path.clone(), source },
        })?;
        let mut text = Vec::new();
        let limit = LIMIT_MIB * 1024 * 1024;
        opened
            .take(limit + 1)
            .read_to_end(&mut text)
            .map_err(|source| OriginalError::Unreadable { path: path.clone(), source })?;
        if text.len() as u64 > limit {
            return Err(OriginalError::TooLarge { path, limit_mib: LIMIT_MIB });
        }
        Self::parse(file, &text)
    }

    /// Parses a table's text.
    pub(super) fn parse(file: &'static str, text: &[u8]) -> Result<Self, OriginalError> {
        let root = serde_json::from_slice(text)
            .map_err(|error| OriginalError::Syntax { file, fault: error.to_string() })?;
        Ok(Self { file, root })
    }

    /// The whole.
    pub(super) fn root(&self) -> Value<'_> {
        Value { file: self.file, json: &self.root, path: None }
    }
}

impl<'a> Value<'a> {
    fn step(&self, json: &'a Json, key: Key<'a>) -> Self {
        let path = Some(Rc::new(Step { before: self.path.clone(), key }));
        Self { file: self.file, json, path }
    }

    /// The keys that lead to this value, as `instances."a".config[2]`.
    pub(super) fn key(&self) -> String {
        let mut steps = Vec::new();
        let mut step = self.path.as_ref();
        while let Some(this) = step {
            steps.push(&this.key);
            step = this.before.as_ref();
        }
        let mut text = String::new();
        for key in steps.into_iter().rev() {
            match key {
                Key::Index(index) => {
                    let _ = write!(text, "[{index}]");
                }
                Key::Name(name) => {
                    let dot = if text.is_empty() { "" } else { "." };
                    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    let quote = if plain { "" } else { "\"" };
                    let _ = write!(text, "{dot}{quote}{name}{quote}");
                }
            }
        }
        if text.is_empty() { "the file".into() } else { text }
    }

    /// The error that this value is not what it must be.
    pub(super) fn bad(&self, expected: impl Into<String>) -> OriginalError {
        let found = self.json.to_string();
        OriginalError::BadValue { file: self.file, key: self.key(), found, expected: expected.into() }
    }

    /// The error that this value names a region that is not available.
    pub(super) fn unknown_region(&self, region: &Region) -> OriginalError {
        OriginalError::UnknownRegion { file: self.file, key: self.key(), region: region.to_string() }
    }

    /// The error that this value names an instance that does not exist.
    pub(super) fn unknown_instance(&self, instance: &str) -> OriginalError {
        OriginalError::UnknownInstance { file: self.file, key: self.key(), instance: instance.into() }
    }

    /// The value under a key; nothing where it is missing or null.
    pub(super) fn find(&self, name: &str) -> Option<Self> {
        let Json::Object(members) = self.json else { return None };
        let (key, json) = members.iter().find(|(key, _)| key == name)?;
        (!matches!(json, Json::Null)).then(|| self.step(json, Key::Name(key)))
    }

    /// The value under a key that must be there.
    pub(super) fn get(&self, name: &str, remedy: &'static str) -> Result<Self, OriginalError> {
        if !matches!(self.json, Json::Object(_)) {
            return Err(self.bad("an object"));
        }
        self.find(name).ok_or_else(|| self.missing(name, remedy))
    }

    /// The error that a key is not there.
    pub(super) fn missing(&self, name: &str, remedy: &'static str) -> OriginalError {
        let missing = Value { file: self.file, json: self.json, path: self.path.clone() };
        let key = missing.step(self.json, Key::Name(name)).key();
        OriginalError::MissingKey { file: self.file, key, remedy }
    }

    /// An object's members, in the order of the file.
    pub(super) fn members(&self) -> Result<impl Iterator<Item = (&'a str, Self)> + use<'a>, OriginalError> {
        let this = self.clone();
        let Json::Object(members) = self.json else { return Err(self.bad("an object")) };
        Ok(members.iter().map(move |(key, json)| (key.as_str(), this.step(json, Key::Name(key)))))
    }

    /// A list's items.
    pub(super) fn items(&self) -> Result<impl Iterator<Item = Self> + use<'a>, OriginalError> {
        let this = self.clone();
        let Json::List(items) = self.json else { return Err(self.bad("a list")) };
        Ok(items.iter().enumerate().map(move |(index, json)| this.step(json, Key::Index(index))))
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'a str, OriginalError> {
        let Json::Text(text) = self.json else { return Err(self.bad("a text")) };
        Ok(text)
    }

    /// A number from `least` to `most`.
    pub(super) fn number(&self, least: f64, most: f64) -> Result<f64, OriginalError> {
        match self.json {
            Json::Number(number) if (least..=most).contains(number) => Ok(*number),
            _ if most >= f64::MAX => Err(self.bad(format!("a number of {least} or more"))),
            _ => Err(self.bad(format!("a number from {least} to {most}"))),
        }
    }

    /// A list of numbers of `least` or more.
    pub(super) fn numbers(&self, least: f64) -> Result<Vec<f64>, OriginalError> {
        let Json::List(items) = self.json else { return Err(self.bad("a list of numbers")) };
        let number = |(index, json): (usize, &'a Json)| match json {
            Json::Number(number) if *number >= least => Ok(*number),
            _ => self.step(json, Key::Index(index)).number(least, f64::MAX),
        };
        items.iter().enumerate().map(number).collect()
    }

    /// A list of at least one number of `least` or more.
    pub(super) fn samples(&self, least: f64) -> Result<Vec<f64>, OriginalError> {
        let samples = self.numbers(least)?;
        if samples.is_empty() { Err(self.bad("a list of at least one number")) } else { Ok(samples) }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{:?}", text.chars().take(64).collect::<String>()),
            Self::List(items) if items.is_empty() => f.write_str("an empty list"),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Object(members) => write!(f, "an object of {} keys", members.len()),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some((key, json)) = object.next_entry::<String, Json>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("key `{key}` stands twice in one object")));
            }
            members.push((key, json));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse("table.json", text.as_bytes()).unwrap()
    }

    #[test]
    fn an_error_names_every_key_that_leads_to_the_value() {
        let document = document(r#"{"a": {"b:1": [1, -2]}}"#);
        let list = document.root().get("a", "").unwrap().get("b:1", "").unwrap();
        let error = list.numbers(0.0).unwrap_err().to_string();
        assert!(
            error.starts_with("table.json: a.\"b:1\"[1] is -2, but it must be a number of 0 or more"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_key_is_named_with_its_remedy() {
        let error = document("{}").root().get("home_region", "say where home is").unwrap_err().to_string();
        assert_eq!(error, "table.json has no home_region; say where home is");
    }

    #[test]
    fn the_order_of_keys_is_kept() {
        let document = document(r#"{"z": 1, "a": 2}"#);
        let keys: Vec<&str> = document.root().members().unwrap().map(|(key, _)| key).collect();
        assert_eq!(keys, ["z", "a"]);
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        for text in
            ["{\"a\": NaN}", "{\"a\": 1e999}", "{\"a\": 1, \"a\": 2}", &"[".repeat(100_000), "{\"a\": 1} x"]
        {
            let error = Document::parse("table.json", text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("table.json is no JSON"), "{error}");
        }
    }
}
