//! Instants as people write them.

use std::time::Duration;

use caribou_model::Timestamp;

/// Now, by this machine's clock.
pub fn now() -> Timestamp {
    Timestamp::from_millis(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0))
}

/// An instant so long before another; not before 1970.
pub fn before(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
}

/// The month of an instant in UTC, 1 to 12.
pub fn month(at: Timestamp) -> u8 {
    u8::try_from(civil(at).month()).unwrap_or(1)
}

/// An instant as `2026-11-23 08:44 UTC`.
pub fn minute(at: Timestamp) -> String {
    civil(at).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// An instant as `2026-11-23 08:44:07.120`, in UTC.
pub fn instant(at: Timestamp) -> String {
    civil(at).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

/// An instant that is written as `2026-11-23T08:44:07Z`, or as a time before now: `90s`, `10m`, `2h 30m`, `3d`.
///
/// ```
/// use caribou_control::calendar;
/// use caribou_model::Timestamp;
///
/// let now = Timestamp::from_millis(3_600_000);
/// assert_eq!(calendar::since("10m", now), Some(Timestamp::from_millis(3_000_000)));
/// assert_eq!(calendar::since("1970-01-01T00:00:01Z", now), Some(Timestamp::from_millis(1_000)));
/// assert_eq!(calendar::since("yesterday", now), None);
/// ```
pub fn since(text: &str, now: Timestamp) -> Option<Timestamp> {
    let millis = |at: i64| u64::try_from(at).ok().map(Timestamp::from_millis);
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return millis(at.as_millisecond());
    }
    let span: jiff::Span = text.parse().ok()?;
    let options = jiff::SpanTotal::from(jiff::Unit::Millisecond).days_are_24_hours();
    let ago = span.total(options).ok()?;
    (ago >= 0.0).then(|| Timestamp::from_millis(now.as_millis().saturating_sub(ago as u64)))
}

fn civil(at: Timestamp) -> jiff::Zoned {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    instant.to_zoned(jiff::tz::TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_a_month_and_a_minute() {
        let at = Timestamp::from_millis(1_668_342_300_000);
        assert_eq!(month(at), 11);
        assert_eq!(minute(at), "2022-11-13 12:25 UTC");
    }

    #[test]
    fn an_instant_beyond_the_calendar_does_no_harm() {
        assert_eq!(month(Timestamp::from_millis(u64::MAX)), 12);
    }
}
