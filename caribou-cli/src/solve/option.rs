//! What stands behind the options of `caribou solve`.

use std::str::FromStr;
use std::time::Duration;

use caribou_control::original;
use caribou_model::{HOURS, Hour};

/// Hours of the day: `0,6,12-18`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hours(pub(crate) Vec<Hour>);

/// Why a text names no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidHours {
    #[error("`{0}` is no hour of the day; hours go from 0 to 23, in UTC: `0,6,12-18`")]
    Unknown(String),
    #[error("`{first}-{last}` runs backwards; write `{first}-23,0-{last}` for hours over midnight")]
    Backwards { first: u8, last: u8 },
}

/// The hour of a front: a number, or the first that is solved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrontHour(pub(crate) Option<Hour>);

impl FromStr for FrontHour {
    type Err = InvalidHours;

    fn from_str(text: &str) -> Result<Self, InvalidHours> {
        if text == "first" { Ok(Self(None)) } else { hour(text).map(Some).map(Self) }
    }
}

fn hour(text: &str) -> Result<Hour, InvalidHours> {
    let text = text.trim();
    let hour = text.parse().ok().and_then(Hour::new);
    hour.ok_or_else(|| InvalidHours::Unknown(text.chars().take(32).collect()))
}

impl FromStr for Hours {
    type Err = InvalidHours;

    fn from_str(text: &str) -> Result<Self, InvalidHours> {
        let mut asked = [false; HOURS];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (hour(first)?, hour(last)?);
            if first > last {
                return Err(InvalidHours::Backwards { first: first.into(), last: last.into() });
            }
            asked[first.index()..=last.index()].fill(true);
        }
        Ok(Self(Hour::all().filter(|hour| asked[hour.index()]).collect()))
    }
}

/// A share of the objective: `0.001`, `0.1%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap(pub(crate) f64);

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share of the objective; write a number from 0 to 1, or a percentage: `0.001`, `0.1%`")]
pub(crate) struct InvalidGap(String);

impl FromStr for Gap {
    type Err = InvalidGap;

    fn from_str(text: &str) -> Result<Self, InvalidGap> {
        let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
        let share = number.trim().parse().map(|number: f64| number / whole);
        share
            .ok()
            .filter(|share| (0.0..=1.0).contains(share))
            .map(Self)
            .ok_or_else(|| InvalidGap(text.chars().take(32).collect()))
    }
}

/// How long to search: `500ms`, `10s`, `2min`, `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimit(pub(crate) Option<Duration>);

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no time to search; write one above 0 with its unit: `500ms`, `10s`, `2min`; `none` for no limit"
)]
pub(crate) struct InvalidTimeLimit(String);

impl FromStr for TimeLimit {
    type Err = InvalidTimeLimit;

    fn from_str(text: &str) -> Result<Self, InvalidTimeLimit> {
        if text == "none" {
            return Ok(Self(None));
        }
        let invalid = || InvalidTimeLimit(text.chars().take(32).collect());
        let unit = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(invalid)?;
        let (number, unit) = text.split_at(unit);
        let seconds = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(invalid()),
        };
        let number: f64 = number.trim().parse().map_err(|_| invalid())?;
        let limit = Duration::try_from_secs_f64(number * seconds).map_err(|_| invalid())?;
        if limit.is_zero() { Err(invalid()) } else { Ok(Self(Some(limit))) }
    }
}

/// By which model plans are judged that are made of the original's tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Model {
    /// The Python original's, with all that it does by mistake.
    Original,
    /// This project's.
    #[default]
    Caribou,
}

impl Model {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Caribou => "caribou",
        }
    }
}

impl From<Model> for original::Model {
    fn from(model: Model) -> Self {
        match model {
            Model::Original => Self::ORIGINAL,
            Model::Caribou => Self::Caribou,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Result<Vec<u8>, String> {
        let hours = text.parse::<Hours>().map_err(|error| error.to_string())?;
        Ok(hours.0.into_iter().map(u8::from).collect())
    }

    #[test]
    fn hours_are_numbers_and_ranges_each_once() {
        assert_eq!(hours("6, 0,12-14,13"), Ok(vec![0, 6, 12, 13, 14]));
        for (text, part) in [("24", "`24`"), ("", "``"), ("1-", "``"), ("-1", "``"), ("noon", "`noon`")] {
            assert!(hours(text).unwrap_err().contains(part), "{text}");
        }
        assert!(hours("22-3").unwrap_err().contains("`22-23,0-3`"));
    }

    #[test]
    fn a_gap_is_a_share_or_a_percentage() {
        assert_eq!("0.001".parse(), Ok(Gap(0.001)));
        assert_eq!("0.1%".parse(), Ok(Gap(0.001)));
        for text in ["2", "-0.1", "101%", "NaN", "", "%"] {
            text.parse::<Gap>().unwrap_err();
        }
    }

    #[test]
    fn a_time_has_a_unit() {
        let limit = |text: &str| text.parse::<TimeLimit>().map(|limit| limit.0);
        assert_eq!(limit("500ms"), Ok(Some(Duration::from_millis(500))));
        assert_eq!(limit("1.5 s"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(limit("2min"), Ok(Some(Duration::from_mins(2))));
        assert_eq!(limit("none"), Ok(None));
        for text in ["10", "-1s", "0s", "NaNs", "1e300h", "infs", "10 weeks", ""] {
            limit(text).unwrap_err();
        }
    }
}
