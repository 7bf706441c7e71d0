//! The types of the programs' values.

use serde_json::{Value as Json, json};

use crate::chance::Chance;

/// A type. `Parcel` and `Shape` are the programs' own, and `Failure` is `caribou::Error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `()`
    Unit,
    /// `bool`
    Bool,
    /// `u64`
    Number,
    /// `String`
    Text,
    /// `struct Parcel { id: u64, label: String, weights: Vec<u64> }`
    Parcel,
    /// `enum Shape { Flat, Round(u64), Named(String), Boxed { width: u64, label: String } }`
    Shape,
    /// `Vec<T>`
    List(Box<Type>),
    /// `Option<T>`
    Maybe(Box<Type>),
    /// `(T, U, ..)`
    Tuple(Vec<Type>),
    /// `caribou::Result<T>`
    Outcome(Box<Type>),
    /// `caribou::Error`
    Failure,
}

impl Type {
    pub(crate) fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    pub(crate) fn maybe(of: Self) -> Self {
        Self::Maybe(Box::new(of))
    }

    pub(crate) fn outcome(of: Self) -> Self {
        Self::Outcome(Box::new(of))
    }

    pub(crate) fn tuple<const N: usize>(of: [Self; N]) -> Self {
        Self::Tuple(of.into())
    }

    /// The type in Rust.
    pub fn rust(&self) -> String {
        match self {
            Self::Unit => "()".into(),
            Self::Bool => "bool".into(),
            Self::Number => "u64".into(),
            Self::Text => "String".into(),
            Self::Parcel => "Parcel".into(),
            Self::Shape => "Shape".into(),
            Self::List(of) => format!("Vec<{}>", of.rust()),
            Self::Maybe(of) => format!("Option<{}>", of.rust()),
            Self::Tuple(of) => format!("({})", of.iter().map(Self::rust).collect::<Vec<_>>().join(", ")),
            Self::Outcome(of) => format!("Result<{}>", of.rust()),
            Self::Failure => "Error".into(),
        }
    }

    /// Whether a value stays where it was when it is used.
    pub(crate) fn is_copy(&self) -> bool {
        match self {
            Self::Unit | Self::Bool | Self::Number => true,
            Self::Maybe(of) => of.is_copy(),
            Self::Tuple(of) => of.iter().all(Self::is_copy),
            _ => false,
        }
    }

    /// The parts that can be read as `value.part`.
    pub(crate) fn parts(&self) -> Vec<(String, Self)> {
        match self {
            Self::Parcel => vec![
                ("id".into(), Self::Number),
                ("label".into(), Self::Text),
                ("weights".into(), Self::list(Self::Number)),
            ],
            Self::Tuple(of) => of.iter().enumerate().map(|(n, part)| (n.to_string(), part.clone())).collect(),
            _ => Vec::new(),
        }
    }

    /// What names of such values begin with.
    pub(crate) fn initial(&self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Bool => "flag",
            Self::Number => "number",
            Self::Text => "text",
            Self::Parcel => "parcel",
            Self::Shape => "shape",
            Self::List(_) => "list",
            Self::Maybe(_) => "maybe",
            Self::Tuple(_) => "pair",
            Self::Outcome(_) => "outcome",
            Self::Failure => "failure",
        }
    }

    /// A type for a parameter or a result.
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let choices = [(8, 0), (6, 1), (3, 2), (3, 3), (3, 4), (2, 5), (2, 6), (2, 7), (1, 8), (1, 9)];
        match chance.weighted(&choices).unwrap_or_default() {
            0 => Self::Number,
            1 => Self::Text,
            2 => Self::Parcel,
            3 => Self::Shape,
            4 => Self::list(Self::Number),
            5 => Self::maybe(Self::Number),
            6 => Self::maybe(Self::Text),
            7 => Self::tuple([Self::Number, Self::Text]),
            8 => Self::Bool,
            _ => Self::list(Self::Text),
        }
    }

    /// A value for a parameter, as JSON.
    pub(crate) fn input(&self, chance: &mut Chance) -> Json {
        match self {
            Self::Unit | Self::Failure => Json::Null,
            Self::Bool => json!(chance.percent(50)),
            Self::Number => json!(chance.below(20)),
            Self::Text => json!(text(chance)),
            Self::Parcel => json!({
                "id": Self::Number.input(chance),
                "label": Self::Text.input(chance),
                "weights": Self::list(Self::Number).input(chance),
            }),
            Self::Shape => match chance.below(4) {
                0 => json!("Flat"),
                1 => json!({ "Round": Self::Number.input(chance) }),
                2 => json!({ "Named": Self::Text.input(chance) }),
                _ => json!({ "Boxed": {
                    "width": Self::Number.input(chance),
                    "label": Self::Text.input(chance),
                } }),
            },
            Self::List(of) => (0..chance.below(4)).map(|_| of.input(chance)).collect(),
            Self::Maybe(of) => {
                if chance.percent(40) {
                    Json::Null
                } else {
                    of.input(chance)
                }
            }
            Self::Tuple(of) => of.iter().map(|part| part.input(chance)).collect(),
            Self::Outcome(of) => json!({ "Ok": of.input(chance) }),
        }
    }
}

/// A short text; now and then a number.
pub(crate) fn text(chance: &mut Chance) -> &'static str {
    ["", "a", "lime", "pear!", "17", "8", "ab cd", "grapefruit", "ä€", "two words"][chance.below(10)]
}
