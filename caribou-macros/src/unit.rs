//! Values of options that have units or a form of their own.

/// A duration written with its unit (`"90s"`, `"2 min"`), in whole seconds. Hours are read so that they can be refused
/// for what they are: too long.
pub(crate) fn seconds(text: &str) -> Option<u32> {
    let (number, unit) = measure(text)?;
    let factor = match unit {
        "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A size written with its unit (`"512 MB"`, `"1 GB"`), in MB. As everywhere on AWS Lambda, 1 GB is 1024 MB.
pub(crate) fn megabytes(text: &str) -> Option<u32> {
    let (number, unit) = measure(text)?;
    let factor = match unit {
        "MB" => 1,
        "GB" => 1024,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A whole number and its unit.
fn measure(text: &str) -> Option<(u32, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// A number as a person reads it: `10,240`.
pub(crate) fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The longest name of a Lambda function.
pub(crate) const LONGEST_LAMBDA_NAME: usize = 64;

/// Whether a text can be part of a Lambda function's name: letters, digits, dashes and underscores.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_LAMBDA_NAME
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, expected) in [("30s", 30), ("2 min", 120), ("90 sec", 90), ("1m", 60), ("1h", 3600)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "30", "s", "1d", "1.5s", "-1s", "1m 30s", "99999999999s", "4294967295min"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [("512 MB", 512), ("512MB", 512), ("1 GB", 1024), ("10GB", 10_240)] {
            assert_eq!(megabytes(text), Some(expected), "{text}");
        }
        for text in ["", "512", "GB", "1 TB", "1.5 GB", "1 gb", "4294967295 GB"] {
            assert_eq!(megabytes(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 900, 1769, 10_240, 1_000_000].map(grouped),
            ["0", "900", "1,769", "10,240", "1,000,000"]
        );
    }
}
