//! The types of the programs' values, and glue that may fail.

use caribou::{Error, Result};
use serde::{Deserialize, Serialize};

/// A value with parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// A small number.
    pub id: u64,
    /// A short text.
    pub label: String,
    /// A few numbers.
    pub weights: Vec<u64>,
}

/// A value of several kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// With nothing in it.
    Flat,
    /// With a number in it.
    Round(u64),
    /// With a text in it.
    Named(String),
    /// With named parts.
    Boxed {
        /// A number.
        width: u64,
        /// A text.
        label: String,
    },
}

impl Shape {
    /// A text that differs if anything else does.
    pub fn name(&self) -> String {
        match self {
            Self::Flat => "flat".to_owned(),
            Self::Round(size) => format!("round {size}"),
            Self::Named(name) => name.clone(),
            Self::Boxed { width, label } => format!("{width} by {label}"),
        }
    }
}

/// What the errors of glue begin with, those of [`parsed`] and [`checked`] and those that a program makes up.
pub const GLUE_ERROR: &str = "glue: ";

/// The number that a text is.
pub fn parsed(text: &str) -> Result<u64> {
    text.parse().map_err(|_| Error::permanent(format!("{GLUE_ERROR}`{text}` is no number")))
}

/// A number, unless it is 13 or the like.
pub fn checked(number: u64) -> Result<u64> {
    if number % 16 == 13 {
        Err(Error::permanent(format!("{GLUE_ERROR}{number} is refused")))
    } else {
        Ok(number)
    }
}
