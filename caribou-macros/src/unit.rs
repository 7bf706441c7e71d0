//! Values of options that have units or a form of their own.

/// A duration written with its unit (`"90s"`, `"2min"`), in whole seconds.
pub(crate) fn seconds(text: &str) -> Option<u32> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start() {
        "s" | "sec" => 1,
        "m" | "min" => 60,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(factor)
}

/// The code of an AWS region written `us-east-1` or `aws:us-east-1`.
pub(crate) fn region_code(text: &str) -> Option<&str> {
    let code = text.strip_prefix("aws:").unwrap_or(text);
    let parts: Vec<&str> = code.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return None };
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let sound = letters(first)
        && !middle.is_empty()
        && middle.iter().all(letters)
        && !last.is_empty()
        && last.bytes().all(|b| b.is_ascii_digit());
    (sound && code.len() <= 32).then_some(code)
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
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("2 min"), Some(120));
        for text in ["", "30", "s", "1h", "1.5s", "-1s"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn regions_look_like_regions() {
        assert_eq!(region_code("aws:us-east-1"), Some("us-east-1"));
        assert_eq!(region_code("us-gov-west-1"), Some("us-gov-west-1"));
        for text in ["", "us-east", "us_east_1", "US-EAST-1", "gcp:europe-west1", "us-east-1a"] {
            assert_eq!(region_code(text), None, "{text}");
        }
    }
}
