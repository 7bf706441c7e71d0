//! What must hold of every plan.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Metric;

/// One limit that a plan must keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// What is limited.
    pub metric: Metric,
    /// Of what statistic of it.
    #[serde(default)]
    pub statistic: Statistic,
    /// The limit itself.
    pub limit: Limit,
    /// Whether a plan may break it at a price.
    #[serde(default)]
    pub strictness: Strictness,
}

/// A statistic over runs, written `average`, `p95`, `p50`.
///
/// ```
/// use caribou_model::Statistic;
///
/// assert_eq!("p99".parse::<Statistic>()?, Statistic::Percentile(99));
/// assert_eq!(Statistic::default().to_string(), "p95");
/// # Ok::<(), caribou_model::manifest::InvalidStatistic>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// The mean.
    Average,
    /// A percentile, 1 to 99: so many in a hundred runs are not above it.
    Percentile(u8),
}

impl Statistic {
    /// The 95th percentile.
    pub const P95: Self = Self::Percentile(95);
}

impl Default for Statistic {
    fn default() -> Self {
        Self::P95
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Average => f.pad("average"),
            Self::Percentile(percent) => f.pad(&format!("p{percent}")),
        }
    }
}

/// A text that names no statistic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no statistic; write `average`, or a percentile from `p1` to `p99`, for example `p95`")]
pub struct InvalidStatistic(String);

impl FromStr for Statistic {
    type Err = InvalidStatistic;

    fn from_str(text: &str) -> Result<Self, InvalidStatistic> {
        if text == "average" {
            return Ok(Self::Average);
        }
        let digits = text.strip_prefix('p').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(percent @ 1..=99) => Ok(Self::Percentile(percent)),
            _ => Err(InvalidStatistic(text.chars().take(64).collect())),
        }
    }
}

impl Serialize for Statistic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Statistic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A limit, absolute or relative to the home plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// In the metric's own unit: gCO2eq, USD or seconds.
    Absolute(f64),
    /// A factor of the home plan's figure: 1.10 is at most 10 % worse.
    RelativeToHome(f64),
}

/// What happens when a limit cannot be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// No plan may break it.
    #[default]
    Hard,
    /// The fewest broken soft limits come first, then the priority order.
    Soft,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statistic_is_written_as_it_is_read() {
        for (text, statistic) in [("average", Statistic::Average), ("p7", Statistic::Percentile(7))] {
            assert_eq!(text.parse(), Ok(statistic));
            assert_eq!(statistic.to_string(), text);
        }
        let constraint: Constraint = toml::from_str("metric = 'cost'\nlimit = { absolute = 1.0 }").unwrap();
        assert_eq!(constraint.statistic, Statistic::Percentile(95));
        assert!(toml::to_string(&constraint).unwrap().contains("statistic = \"p95\""));
    }

    #[test]
    fn text_that_is_no_statistic_is_refused_with_the_way_to_write_one() {
        for text in ["", "p", "p0", "p100", "p+5", "p9.5", "P95", "mean", "95"] {
            let error = text.parse::<Statistic>().unwrap_err().to_string();
            assert!(error.contains("`p95`"), "{error}");
        }
    }
}
