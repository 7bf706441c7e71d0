//! The page of what is refused names a test for every line, and every test has a line.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../src/docs/refused.md");

/// The tests that the page names.
fn named() -> BTreeSet<String> {
    PAGE.split('`').filter(|text| text.contains("/fail/")).map(str::to_owned).collect()
}

/// The tests that there are.
fn present() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut found = BTreeSet::new();
    for subject in ["function", "workflow"] {
        for file in std::fs::read_dir(folder.join(subject).join("fail")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(format!("{subject}/fail/{}", path.file_stem().unwrap().display()));
            }
        }
    }
    found
}

#[test]
fn every_refusal_on_the_page_has_a_test_and_every_test_is_on_the_page() {
    let (named, present) = (named(), present());
    let missing: Vec<_> = named.difference(&present).collect();
    let unnamed: Vec<_> = present.difference(&named).collect();
    assert!(missing.is_empty(), "named on the page, but no test: {missing:?}");
    assert!(unnamed.is_empty(), "tests that the page does not name: {unnamed:?}");
    assert!(present.len() >= 40, "{} refusals", present.len());
}

#[test]
fn every_refusal_is_an_error_at_a_place_of_the_authors_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    for test in present() {
        let text = std::fs::read_to_string(folder.join(format!("{test}.stderr"))).unwrap();
        assert!(text.starts_with("error"), "{test}: {text}");
        assert!(text.contains(&format!("--> tests/ui/{test}.rs:")), "{test}: {text}");
    }
}
