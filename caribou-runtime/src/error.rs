//! The error of functions and workflows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a function or a workflow returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function failed, and whether trying again may help.
///
/// Any error converts with `?` and counts as transient: the function is tried again within its budget. An error
/// that will not go away by itself is made with [`Error::permanent`]: the stage fails at once.
///
/// ```
/// use caribou_runtime::{Error, Result};
///
/// fn parse(text: &str) -> Result<u32> {
///     text.parse().map_err(|e| Error::permanent(format!("`{text}` is no number: {e}")))
/// }
/// assert!(parse("x").unwrap_err().is_permanent());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    message: String,
    permanent: bool,
}

impl Error {
    /// An error that trying again may cure.
    pub fn transient(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), permanent: false }
    }

    /// An error that trying again will not cure.
    pub fn permanent(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), permanent: true }
    }

    /// Whether trying again is pointless.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// The text, with that of every cause.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { message, permanent: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the photo")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn an_error_tells_its_causes_and_may_be_tried_again() {
        let error = Error::from(Outer("x".parse::<u8>().unwrap_err()));
        assert_eq!(error.message(), "cannot read the photo: invalid digit found in string");
        assert!(!error.is_permanent());
    }
}
