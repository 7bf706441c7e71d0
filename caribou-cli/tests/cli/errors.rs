//! Mistakes, and how they are told.

use crate::caribou::{caribou, flows, folder, plain};

const CARGO_TOML: &str = "[package]\nname = 'press'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n";

#[test]
fn a_folder_without_a_package() {
    let folder = folder(&[]);
    let said = caribou(folder.path(), &["check"]);
    insta::assert_snapshot!(plain(&said, &folder));
}

#[test]
fn a_package_that_is_no_workflow() {
    let folder = folder(&[("Cargo.toml", CARGO_TOML), ("src/main.rs", "fn main() {}")]);
    let said = caribou(folder.path(), &["check"]);
    insta::assert_snapshot!(plain(&said, &folder));
}

#[test]
fn a_package_that_does_not_compile_shows_what_the_compiler_said() {
    let folder = folder(&[("Cargo.toml", CARGO_TOML), ("src/main.rs", "fn main() { let n: u8 = true; }")]);
    let said = caribou(folder.path(), &["check"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("mismatched types") && said.stderr.contains("src/main.rs:1:"), "{said}");
}

#[test]
fn a_package_with_several_binaries() {
    let files =
        [("Cargo.toml", CARGO_TOML), ("src/bin/x.rs", "fn main() {}"), ("src/bin/y.rs", "fn main() {}")];
    let folder = folder(&files);
    let said = caribou(folder.path(), &["check"]);
    insta::assert_snapshot!(plain(&said, &folder));
}

#[test]
fn a_package_with_several_workflows() {
    let said = caribou(&flows(), &["check"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("name one with --workflow:\n"), "{said}");
    assert!(said.stderr.contains("    diamond\n"), "{said}");
}

#[test]
fn a_workflow_that_the_package_does_not_have() {
    let said = caribou(&flows(), &["graph", "--workflow", "diamant"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("has no workflow `diamant`; it has:\n"), "{said}");
    assert!(said.stderr.contains("    diamond\n"), "{said}");
}

#[test]
fn a_bootstrap_without_the_library_that_holds_its_workflows() {
    for command in ["check", "graph"] {
        let said = caribou(&flows(), &[command, "--bin", "forgotten"]);
        assert_eq!(said.code, 1, "{said}");
        assert!(said.stderr.contains("`use caribou_tests as _;` in src/bin/forgotten.rs"), "{said}");
        assert!(said.stderr.contains("diamond (src/workflows/diamond.rs:"), "{said}");
    }
    let said = caribou(&flows(), &["check", "--bin", "forgotten", "--workflow", "relays"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("`relays`") && !said.stderr.contains("`diamond`"), "{said}");
}

#[test]
fn commands_that_need_a_cloud_say_how_to_start_one() {
    let folder = folder(&[]);
    for command in ["run", "solve", "plan", "migrate"] {
        let said = caribou(folder.path(), &[command]);
        assert_eq!(said.code, 1, "{said}");
        assert!(said.stderr.contains("caribou local start"), "{said}");
    }
    for arguments in [&["list"][..], &["show", "r"], &["retry", "r"]] {
        let said = caribou(folder.path(), &[&["runs"], arguments].concat());
        assert!(said.code == 1 && said.stderr.contains("caribou local start"), "{said}");
    }
    insta::assert_snapshot!(plain(&caribou(folder.path(), &["local", "status"]), &folder));
}

#[test]
fn with_json_an_error_is_a_document_too() {
    let folder = folder(&[]);
    let said = caribou(folder.path(), &["--json", "local", "status"]);
    assert_eq!(said.code, 1);
    assert!(said.json()["error"].as_str().unwrap().contains("caribou local start"), "{said}");
}

#[test]
fn a_cloud_of_an_unknown_region_is_told_the_nearest_name() {
    let folder = folder(&[]);
    let said = caribou(folder.path(), &["local", "start", "--region", "us-est-1"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("us-east-1"), "{said}");
}

#[test]
fn the_demo_outside_of_a_checkout_says_what_to_do() {
    let folder = folder(&[]);
    let said = caribou(folder.path(), &["demo"]);
    insta::assert_snapshot!(plain(&said, &folder));
}
