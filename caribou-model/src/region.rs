//! Where a stage runs.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A cloud provider. AWS is the first; another is a new variant and a new adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Amazon Web Services, written `aws`.
    Aws,
}

impl Provider {
    /// The provider as it is written before the colon of a region.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
        }
    }
}

/// A text that names no provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no provider; the only provider so far is `aws`")]
pub struct InvalidProvider(String);

impl FromStr for Provider {
    type Err = InvalidProvider;

    fn from_str(text: &str) -> Result<Self, InvalidProvider> {
        match text {
            "aws" => Ok(Self::Aws),
            _ => Err(InvalidProvider(text.chars().take(64).collect())),
        }
    }
}

/// A provider's region, written `aws:us-east-1`, or `us-east-1` where AWS is the only provider in play.
///
/// ```
/// use caribou_model::Region;
///
/// let region: Region = "us-east-1".parse()?;
/// assert_eq!(region.to_string(), "aws:us-east-1");
/// assert_eq!(region.code(), "us-east-1");
/// assert_eq!(region, "aws:us-east-1".parse()?);
/// # Ok::<(), caribou_model::InvalidRegion>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region {
    provider: Provider,
    code: Cow<'static, str>,
}

/// The longest region code that is accepted, in bytes.
const LONGEST_CODE: usize = 32;

impl Region {
    /// An AWS region whose code is known to be well formed, for constants and tests.
    pub const fn aws(code: &'static str) -> Self {
        Self { provider: Provider::Aws, code: Cow::Borrowed(code) }
    }

    /// The provider of this region.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// The region as its provider writes it, for example `us-east-1`.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.provider.as_str(), self.code))
    }
}

/// Why a text is no region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no region: {reason}; write a region as `aws:us-east-1` or `us-east-1`")]
pub struct InvalidRegion {
    text: String,
    reason: &'static str,
}

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidRegion { text: text.chars().take(64).collect(), reason };
        let (provider, code) = match text.split_once(':') {
            None => (Provider::Aws, text),
            Some((provider, code)) => match provider.parse() {
                Ok(provider) => (provider, code),
                Err(InvalidProvider(_)) => return Err(invalid("the only provider so far is `aws`")),
            },
        };
        if code.is_empty() || code.len() > LONGEST_CODE {
            return Err(invalid("a region code has 1 to 32 characters"));
        }
        if !code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(invalid("a region code has lower-case letters, digits and dashes only"));
        }
        Ok(Self { provider, code: Cow::Owned(code.to_owned()) })
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_written_with_its_provider() {
        let region: Region = "eu-north-1".parse().unwrap();
        assert_eq!(serde_json::to_string(&region).unwrap(), r#""aws:eu-north-1""#);
        assert_eq!(serde_json::from_str::<Region>(r#""aws:eu-north-1""#).unwrap(), region);
    }

    #[test]
    fn text_that_is_no_region_is_refused_with_the_way_to_write_one() {
        for text in ["", "aws:", "gcp:europe-west1", "US-EAST-1", "us east 1", &"x".repeat(33)] {
            let error = text.parse::<Region>().unwrap_err().to_string();
            assert!(error.contains("aws:us-east-1"), "{error}");
        }
    }
}
