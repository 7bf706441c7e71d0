//! The regions of AWS.

use crate::typo;

/// The codes of the regions of the partition `aws`, as of 2025. Source: "AWS Regions", <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>.
/// The documentation of `#[caribou::function]` lists them for authors.
pub(crate) const KNOWN: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The code of a region written `us-east-1` or `aws:us-east-1`.
///
/// # Errors
///
/// What is wrong, and what may have been meant.
pub(crate) fn code(text: &str) -> Result<&str, String> {
    let code = match text.split_once(':') {
        Some(("aws", code)) => code,
        Some((provider, _)) => {
            return Err(format!(
                "`{text}` is no region: the only provider so far is `aws`, not `{provider}`"
            ));
        }
        None => text,
    };
    if KNOWN.contains(&code) {
        return Ok(code);
    }
    Err(match typo::nearest(code, KNOWN) {
        Some(meant) => format!("`{text}` is no region of AWS; did you mean `{meant}`?"),
        None if looks_like_one(code) => format!(
            "`{text}` is no region of AWS that this version of Caribou knows; those that it knows are listed in the \
             documentation of `#[caribou::function]`"
        ),
        None => format!("`{text}` is no region; one looks like `us-east-1`"),
    })
}

fn looks_like_one(code: &str) -> bool {
    let parts: Vec<&str> = code.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.as_slice() {
        [names @ .., number] => names.len() >= 2 && names.iter().all(letters) && number.parse::<u8>().is_ok(),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_region_may_name_its_provider() {
        assert_eq!(code("us-east-1"), Ok("us-east-1"));
        assert_eq!(code("aws:ap-southeast-7"), Ok("ap-southeast-7"));
    }

    #[test]
    fn what_is_no_region_is_answered_with_what_may_help() {
        for (text, help) in [
            ("us-esat-1", "did you mean `us-east-1`?"),
            ("us_east_1", "did you mean `us-east-1`?"),
            ("US-EAST-1", "did you mean `us-east-1`?"),
            ("us-east-1a", "did you mean `us-east-1`?"),
            ("ca-centrall-1", "did you mean `ca-central-1`?"),
            ("antarctica-interior-1", "are listed in the documentation"),
            ("mars", "one looks like `us-east-1`"),
            ("", "one looks like `us-east-1`"),
            ("gcp:europe-west1", "the only provider so far is `aws`"),
        ] {
            let error = code(text).unwrap_err();
            assert!(error.contains(help), "{error}");
        }
    }

    #[test]
    fn every_region_with_facts_is_known() {
        let facts = include_str!("../../caribou-control/data/regions.csv");
        let rows = facts.lines().filter(|line| !line.starts_with('#')).skip(1);
        for region in rows.filter_map(|row| row.split(',').next()) {
            assert!(KNOWN.contains(&region), "{region}");
        }
    }

    #[test]
    fn every_known_region_is_listed_for_authors() {
        let documentation = include_str!("lib.rs");
        for region in KNOWN {
            assert!(documentation.contains(&format!("`{region}`")), "{region}");
        }
    }
}
