//! The command line itself.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::caribou::{caribou, command, folder};

#[test]
fn without_a_command_the_help_is_shown() {
    let folder = folder(&[]);
    insta::assert_snapshot!(caribou(folder.path(), &[]));
}

#[test]
fn every_command_has_its_help() {
    let folder = folder(&[]);
    for command in ["demo", "check", "graph", "local", "run", "runs", "solve", "plan", "migrate"] {
        let said = caribou(folder.path(), &[command, "--help"]).succeeded();
        assert!(said.stdout.contains("Usage: caribou"), "{said}");
    }
    for command in ["list", "show", "retry"] {
        let said = caribou(folder.path(), &["runs", command, "--help"]).succeeded();
        assert!(said.stdout.contains("Usage: caribou runs"), "{said}");
    }
}

#[test]
fn a_misspelt_command_is_answered_with_the_one_that_was_meant() {
    let folder = folder(&[]);
    let said = caribou(folder.path(), &["chekc"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("'check'"), "{said}");
}

#[test]
fn values_out_of_range_are_mistakes_of_the_command_line() {
    let folder = folder(&[]);
    for arguments in [
        ["solve", "--month", "13"].as_slice(),
        &["solve", "--algorithm", "magic"],
        &["run", "--id", "a b"],
        &["runs", "show", "a b"],
        &["runs", "list", "--status", "late"],
        &["runs", "list", "--limit", "0"],
        &["demo", "--runs", "0"],
        &["local", "start", "--region", "US EAST"],
        &["local", "start", "--region", "us-east-1", "--latency", "-1"],
        &["local", "start", "--region", "us-east-1", "--latency=NaN"],
    ] {
        let said = caribou(folder.path(), arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command().arg("--help").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut output = BufReader::with_capacity(1, child.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    drop(output);
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
}
