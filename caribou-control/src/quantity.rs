//! Figures as people read them, each with its unit.

/// A mass of CO2 equivalent, in the unit that suits its size: `12.3 mg`.
///
/// ```
/// assert_eq!(caribou_control::quantity::grams(0.012_34), "12.34 mg");
/// ```
pub fn grams(grams: f64) -> String {
    let size = grams.abs();
    if size >= 1000.0 {
        format!("{} kg", digits(grams / 1000.0))
    } else if size >= 1.0 {
        format!("{} g", digits(grams))
    } else if size >= 1e-4 || size == 0.0 {
        format!("{} mg", digits(grams * 1e3))
    } else {
        format!("{} µg", digits(grams * 1e6))
    }
}

/// Money per run, told for a thousand runs, since one costs too little to read: `$0.1234`.
pub fn usd_per_thousand(usd: f64) -> String {
    format!("${}", digits(usd * 1000.0))
}

/// A span of time: `1.23 s`, or `87 ms` below half a second.
pub fn seconds(seconds: f64) -> String {
    if seconds.abs() < 0.5 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

/// A number of bytes: `2.1 MB`.
pub fn bytes(bytes: u64) -> String {
    let size = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", size / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size / 1e6),
        _ => format!("{:.1} GB", size / 1e9),
    }
}

/// The change from one figure to another: `-71.2 %`, `+3.0 %`, or `-` where there was nothing before.
pub fn change(before: f64, after: f64) -> String {
    if before == 0.0 {
        return "-".to_owned();
    }
    let percent = (after / before - 1.0) * 100.0;
    if percent.abs() < 0.05 { "0.0 %".to_owned() } else { format!("{percent:+.1} %") }
}

/// Four significant digits, without an exponent.
fn digits(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 1000.0 || size == 0.0 => 0,
        _ if size >= 100.0 => 1,
        _ if size >= 10.0 => 2,
        _ if size >= 1.0 => 3,
        _ if size >= 0.1 => 4,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_the_unit_that_suits_its_size() {
        assert_eq!(grams(0.000_012), "12.00 µg");
        assert_eq!(grams(0.0), "0 mg");
        assert_eq!(grams(2.5), "2.500 g");
        assert_eq!(seconds(0.0873), "87 ms");
        assert_eq!(seconds(1.234), "1.23 s");
        assert_eq!(bytes(2_100_000), "2.1 MB");
        assert_eq!(usd_per_thousand(0.000_123_4), "$0.1234");
    }

    #[test]
    fn a_change_is_told_with_its_sign() {
        assert_eq!(change(2.0, 1.0), "-50.0 %");
        assert_eq!(change(1.0, 1.1), "+10.0 %");
        assert_eq!(change(1.0, 1.0), "0.0 %");
        assert_eq!(change(0.0, 1.0), "-");
    }
}
