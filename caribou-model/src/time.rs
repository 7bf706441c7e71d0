//! When something happens: instants in milliseconds, hours of the day as numbers.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Hours in a day, and so placements in a plan.
pub const HOURS: usize = 24;

/// An hour of the day in UTC, 0 to 23. A number everywhere, never a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Hour(u8);

/// A number that is no hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no hour of the day; hours go from 0 to 23, in UTC")]
pub struct InvalidHour(u8);

impl Hour {
    /// The hour with this number, or `None` above 23.
    pub const fn new(number: u8) -> Option<Self> {
        if number < 24 { Some(Self(number)) } else { None }
    }

    /// Every hour of the day, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..24).map(Self)
    }

    /// The hour as an index into a table of 24.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl TryFrom<u8> for Hour {
    type Error = InvalidHour;

    fn try_from(number: u8) -> Result<Self, InvalidHour> {
        Self::new(number).ok_or(InvalidHour(number))
    }
}

impl From<Hour> for u8 {
    fn from(hour: Hour) -> Self {
        hour.0
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:00", self.0)
    }
}

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant this many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The UTC hour of the day of this instant.
    pub const fn hour(self) -> Hour {
        Hour(((self.0 / 3_600_000) % 24) as u8)
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved later by `duration`, at whole milliseconds.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_knows_its_utc_hour() {
        // 2022-11-13T12:25:00Z
        assert_eq!(Timestamp::from_millis(1_668_342_300_000).hour(), Hour::new(12).unwrap());
    }

    #[test]
    fn a_number_above_23_is_no_hour() {
        assert_eq!(Hour::new(24), None);
        assert!(serde_json::from_str::<Hour>("24").is_err());
        assert!(serde_json::from_str::<Hour>(r#""12""#).is_err());
    }
}
