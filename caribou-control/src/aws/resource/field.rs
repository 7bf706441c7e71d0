//! Properties of a thing, as they are compared and shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::Id;
use crate::aws::error::AwsError;

/// A property's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// One that may be shown.
    Plain(String),
    /// One that may be a secret: compared, never shown.
    Hidden(String),
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.pad(text),
            Self::Hidden(_) => f.pad("(not shown)"),
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A property that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// The property.
    pub field: String,
    /// As it is. `None` if it is not set.
    pub actual: Option<Text>,
    /// As it should be. `None` if it should not be set.
    pub wanted: Option<Text>,
}

impl fmt::Display for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &Option<Text>| text.as_ref().map_or("nothing".to_owned(), ToString::to_string);
        write!(f, "{}: {} -> {}", self.field, shown(&self.actual), shown(&self.wanted))
    }
}

impl Differing {
    /// The error that says that this property of a thing cannot be changed.
    pub(crate) fn fixed(&self, id: Id) -> AwsError {
        let text = |text: &Option<Text>| text.as_ref().map_or(String::new(), ToString::to_string);
        let (found, wanted) = (text(&self.actual), text(&self.wanted));
        AwsError::Fixed { id: Box::new(id), field: self.field.clone(), found, wanted }
    }
}

/// The properties of a thing by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, Text>);

impl Fields {
    #[expect(clippy::needless_pass_by_value, reason = "what is given is mostly made for it")]
    pub(crate) fn with(mut self, field: impl Into<String>, value: impl ToString) -> Self {
        self.0.insert(field.into(), Text::Plain(value.to_string()));
        self
    }

    /// A property that is left out where it is not set.
    pub(crate) fn with_some(self, field: impl Into<String>, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    pub(crate) fn with_hidden(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(field.into(), Text::Hidden(value.into()));
        self
    }

    /// The tags of Caribou: what else is tagged is somebody else's affair.
    pub(crate) fn with_tags<K, V>(mut self, tags: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        for (key, value) in tags {
            let key = key.into();
            if key.starts_with(TAG_PREFIX) {
                self.0.insert(format!("tag {key}"), Text::Plain(value.into()));
            }
        }
        self
    }

    /// What differs from what is `wanted`, in the order of the names.
    pub(crate) fn differing(&self, wanted: &Self) -> Vec<Differing> {
        let mut fields: Vec<&String> = self.0.keys().chain(wanted.0.keys()).collect();
        fields.sort_unstable();
        fields.dedup();
        let differing = fields.into_iter().map(|field| Differing {
            field: field.clone(),
            actual: self.0.get(field).cloned(),
            wanted: wanted.0.get(field).cloned(),
        });
        differing.filter(|differing| differing.actual != differing.wanted).collect()
    }
}

impl Fields {
    /// Why this is not the thing that is `wanted`: one of Caribou's tags tells of another workflow, version, function or home;
    /// or there is none of them, where there must be.
    pub(crate) fn foreign(&self, wanted: &Self, must_have_tags: bool) -> Option<String> {
        let is_tag = |field: &&String| field.starts_with(&format!("tag {TAG_PREFIX}"));
        let tags: Vec<&String> = wanted.0.keys().filter(is_tag).collect();
        let other = tags.iter().find_map(|tag| {
            let value = self.0.get(*tag).filter(|value| Some(*value) != wanted.0.get(*tag))?;
            Some(format!("its {tag} is {value}"))
        });
        let bare = must_have_tags && !tags.is_empty() && !tags.iter().any(|tag| self.0.contains_key(*tag));
        other.or_else(|| bare.then(|| format!("it has none of the tags {TAG_PREFIX}*")))
    }
}

/// What the keys of Caribou's tags begin with.
pub(crate) const TAG_PREFIX: &str = "caribou:";

/// Whether a property of this name, or one below it, is among those that differ.
pub(crate) fn differs(differing: &[Differing], field: &str) -> bool {
    differing.iter().any(|one| {
        let rest = one.field.strip_prefix(field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// Caribou's tags that are there and should not be.
pub(crate) fn superfluous_tags(differing: &[Differing]) -> Vec<String> {
    let superfluous = differing.iter().filter(|one| one.wanted.is_none());
    superfluous.filter_map(|one| one.field.strip_prefix("tag ").map(str::to_owned)).collect()
}

/// JSON in one spelling, whatever the order of keys and the space between; the text itself if it is none. Where IAM takes
/// one value or a list of them, a list of one is that value.
pub(crate) fn canonical(json: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(json) else { return json.to_owned() };
    simplify(&mut value);
    value.to_string()
}

fn simplify(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(simplify);
            if items.iter().all(serde_json::Value::is_string) {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
            if let [one] = items.as_mut_slice()
                && one.is_string()
            {
                *value = one.take();
            }
        }
        serde_json::Value::Object(entries) => {
            entries.values_mut().for_each(simplify);
            // serde_json keeps the keys sorted unless a dependency asks it not to
            let mut sorted: Vec<_> = std::mem::take(entries).into_iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            entries.extend(sorted);
        }
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_tagged_for_another_or_not_at_all_is_foreign() {
        use super::Fields;
        let tagged =
            |tags: &[(&str, &str)]| Fields::default().with("memory", 1).with_tags(tags.iter().copied());
        let wanted = tagged(&[("caribou:workflow", "press"), ("caribou:version", "1.0.0")]);
        assert_eq!(wanted.foreign(&wanted, true), None);
        assert_eq!(tagged(&[("caribou:version", "1.0.0"), ("team", "a")]).foreign(&wanted, true), None);
        let other = tagged(&[("caribou:workflow", "press-1"), ("caribou:version", "1.0.0")]);
        assert_eq!(other.foreign(&wanted, false).unwrap(), "its tag caribou:workflow is press-1");
        let bare = tagged(&[("team", "a")]);
        assert!(bare.foreign(&wanted, true).unwrap().contains("none of the tags"));
        assert_eq!(bare.foreign(&wanted, false), None);
    }

    use super::*;

    #[test]
    fn what_differs_is_told_by_name_and_a_secret_is_not_shown() {
        let actual = Fields::default().with("memory", 512).with("old", 1).with_hidden("variable TOKEN", "a");
        let wanted = Fields::default().with("memory", 1024).with_hidden("variable TOKEN", "b");
        let shown: Vec<String> = actual.differing(&wanted).iter().map(ToString::to_string).collect();
        let expected =
            ["memory: 512 -> 1024", "old: 1 -> nothing", "variable TOKEN: (not shown) -> (not shown)"];
        assert_eq!(shown, expected);
        assert_eq!(wanted.differing(&wanted), []);
    }

    #[test]
    fn tags_of_others_do_not_count() {
        let wanted = Fields::default().with_tags([("caribou:workflow", "press")]);
        let actual = Fields::default().with_tags([("caribou:workflow", "press"), ("team", "images")]);
        assert_eq!(actual.differing(&wanted), []);
        let marked = Fields::default().with_tags([("caribou:workflow", "press"), ("caribou:unneeded", "1")]);
        let differing = marked.differing(&wanted);
        assert!(differs(&differing, "tag") && !differs(&differing, "ta"));
        assert_eq!(superfluous_tags(&differing), ["caribou:unneeded"]);
    }

    #[test]
    fn json_is_compared_by_what_it_says() {
        let a = r#"{"b": ["x"], "a": {"d": ["2", "1"], "c": 1}}"#;
        let b = r#"{"a":{"c":1,"d":["1","2"]},"b":"x"}"#;
        assert_eq!(canonical(a), canonical(b));
        assert_ne!(canonical(a), canonical(r#"{"a":{"c":1,"d":["1","2"]},"b":"y"}"#));
        assert_eq!(canonical("not json"), "not json");
    }
}
