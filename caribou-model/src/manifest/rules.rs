//! Which regions may be used.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{InvalidRegion, Provider, Region};

/// Allowed and denied regions, of the whole workflow or of one function.
///
/// ```
/// use caribou_model::manifest::RegionRules;
///
/// let rules: RegionRules = toml::from_str("allow = ['aws:*']\ndeny = ['us-west-1']")?;
/// assert!(rules.permit(&"eu-north-1".parse()?));
/// assert!(!rules.permit(&"us-west-1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionRules {
    /// If not empty, the only regions that may be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<RegionPattern>,
    /// Regions that must not be used, even if they are allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<RegionPattern>,
    /// The one region that may be used. Since plans fall back to the home region and probes run there, no other can be
    /// named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Region>,
}

impl RegionRules {
    /// Whether these rules let a stage run in `region`.
    pub fn permit(&self, region: &Region) -> bool {
        let matches = |patterns: &[RegionPattern]| patterns.iter().any(|pattern| pattern.matches(region));
        (self.allow.is_empty() || matches(&self.allow))
            && !matches(&self.deny)
            && self.pin.as_ref().is_none_or(|pin| pin == region)
    }

    /// The regions that are allowed by name.
    pub fn allowed_by_name(&self) -> impl Iterator<Item = &Region> {
        self.allow.iter().filter_map(RegionPattern::region).chain(&self.pin)
    }

    /// The regions that are named, allowed or denied.
    pub fn named(&self) -> impl Iterator<Item = &Region> {
        self.allowed_by_name().chain(self.deny.iter().filter_map(RegionPattern::region))
    }
}

/// A region, or all regions of a provider: `aws:us-east-1`, `us-east-1`, `aws:*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegionPattern {
    /// One region.
    Region(Region),
    /// All regions of a provider.
    Provider(Provider),
}

impl RegionPattern {
    /// Whether a region is meant.
    pub fn matches(&self, region: &Region) -> bool {
        match self {
            Self::Region(one) => one == region,
            Self::Provider(provider) => region.provider() == *provider,
        }
    }

    /// The region, if only one is meant.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::Region(region) => Some(region),
            Self::Provider(_) => None,
        }
    }
}

impl From<Region> for RegionPattern {
    fn from(region: Region) -> Self {
        Self::Region(region)
    }
}

impl fmt::Display for RegionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(region) => region.fmt(f),
            Self::Provider(provider) => f.pad(&format!("{}:*", provider.as_str())),
        }
    }
}

impl FromStr for RegionPattern {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, InvalidRegion> {
        match text.strip_suffix(":*").map(str::parse) {
            Some(Ok(provider)) => Ok(Self::Provider(provider)),
            _ => text.parse().map(Self::Region),
        }
    }
}

impl Serialize for RegionPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RegionPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> RegionRules {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_provider_stands_for_all_its_regions() {
        let [north, west] = [Region::aws("eu-north-1"), Region::aws("us-west-1")];
        assert!(rules("allow = ['aws:*']").permit(&north));
        assert!(!rules("deny = ['aws:*']").permit(&north));
        assert!(!rules("allow = ['aws:*']\ndeny = ['us-west-1']").permit(&west));
    }

    #[test]
    fn a_pin_leaves_one_region() {
        let rules = rules("pin = 'us-east-1'");
        assert!(rules.permit(&Region::aws("us-east-1")) && !rules.permit(&Region::aws("us-west-1")));
    }

    #[test]
    fn rules_are_written_as_they_are_read() {
        let rules = rules("allow = ['aws:*', 'eu-north-1']\npin = 'eu-north-1'");
        let text = toml::to_string(&rules).unwrap();
        assert_eq!(toml::from_str::<RegionRules>(&text).unwrap(), rules);
        assert!(text.contains("\"aws:*\"") && text.contains("\"aws:eu-north-1\""), "{text}");
    }

    #[test]
    fn a_pattern_of_an_unknown_provider_is_refused() {
        let error = toml::from_str::<RegionRules>("allow = ['gcp:*']").unwrap_err().to_string();
        assert!(error.contains("`gcp:*`") && error.contains("aws"), "{error}");
    }
}
