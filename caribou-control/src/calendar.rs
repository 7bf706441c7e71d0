//! Instants as people write them.

use caribou_model::Timestamp;

/// Now, by this machine's clock.
pub fn now() -> Timestamp {
    Timestamp::from_millis(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0))
}

/// The month of an instant in UTC, 1 to 12.
pub fn month(at: Timestamp) -> u8 {
    u8::try_from(civil(at).month()).unwrap_or(1)
}

/// An instant as `2026-11-23 08:44 UTC`.
pub fn minute(at: Timestamp) -> String {
    civil(at).strftime("%Y-%m-%d %H:%M UTC").to_string()
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
