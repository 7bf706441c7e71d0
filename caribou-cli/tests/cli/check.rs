//! `caribou check` on the workflows of this repository.

use crate::caribou::{caribou, example, flows, folder};

#[test]
fn a_sound_workflow_is_shown_with_its_functions() {
    let said = caribou(&flows(), &["check", "--workflow", "text2speech_censoring"]);
    insta::assert_snapshot!(said.succeeded());
}

#[test]
fn what_is_shown_fits_a_hundred_columns() {
    let said = caribou(&example(), &["check"]).succeeded();
    for part in ["image_press 0.1.0: 7 stages", "if facts.low_light", "waits for resize + palette + card"] {
        assert!(said.stdout.contains(part), "{part}: {said}");
    }
    for line in said.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn with_json_the_graph_is_one_document() {
    let folder = folder(&[]);
    let path = example();
    let document = caribou(folder.path(), &["--json", "check", path.to_str().unwrap()]).succeeded().json();
    assert_eq!(document["workflow"], "image_press");
    assert_eq!(document["graph"]["nodes"][0]["name"], "input");
    assert_eq!(document["findings"], serde_json::json!([]));
}
