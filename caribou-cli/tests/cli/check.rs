//! `caribou check` on the example of this repository.

use crate::caribou::{caribou, example, folder};

#[test]
fn the_example_is_sound_and_its_graph_is_shown() {
    let said = caribou(&example(), &["check"]).succeeded();
    for part in
        ["workflow image_press", "1 sync node", "if facts.low_light", "waits for resize + palette + card"]
    {
        assert!(said.stdout.contains(part), "{part}: {said}");
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
