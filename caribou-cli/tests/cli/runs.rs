//! Runs are listed, shown and retried.

use serde_json::json;

use crate::caribou::{Cloud, caribou, flows, folder};

#[test]
fn a_run_that_failed_is_found_understood_and_run_again_from_there() {
    let folder = folder(&[]);
    let place = folder.path().canonicalize().unwrap();
    std::fs::write(place.join("errand.json"), json!(place).to_string()).unwrap();
    let _cloud = Cloud::start(folder.path(), &["us-east-1"]);
    let run = |arguments: &[&str]| caribou(folder.path(), arguments);
    run(&["local", "deploy", flows().to_str().unwrap(), "--workflow", "errand"]).succeeded();

    let said = run(&["runs", "list"]).succeeded();
    assert_eq!(said.stdout, "errand has no runs.\n");
    let said = run(&["runs", "show", "first"]);
    assert!(said.code == 1 && said.stderr.contains("there is no run `first`"), "{said}");
    let said = run(&["runs", "retry", "first"]);
    assert!(said.code == 1 && said.stderr.contains("caribou runs list"), "{said}");

    let start = ["run", "--input", "errand.json", "--wait", "--timeout", "60", "--id"];
    let said = run(&[&start[..], &["first"]].concat());
    assert!(said.code == 1 && said.stderr.contains("run first failed at `fetch`: no parcel at"), "{said}");
    assert!(said.stderr.contains("`caribou runs show first`"), "{said}");

    let said = run(&["runs", "list", "--status", "failed"]).succeeded();
    let line = said.stdout.lines().find(|line| line.contains("first")).unwrap();
    assert!(line.contains("failed") && line.contains("us-east-1") && line.contains("fetch"), "{said}");
    assert!(said.stdout.contains("`caribou runs retry first`"), "{said}");

    let said = run(&["runs", "show", "first"]).succeeded();
    assert!(said.stdout.starts_with("Run first of errand 0.1.0: failed at `fetch` after "), "{said}");
    for part in
        ["no parcel at", "The input that failed it:", "/parcel\"", "not begun", "caribou runs retry first"]
    {
        assert!(said.stdout.contains(part), "{part}: {said}");
    }
    let shown = run(&["--json", "runs", "show", "first"]).succeeded().json();
    let states: Vec<_> = shown["nodes"].as_array().unwrap().iter().map(|node| &node["state"]).collect();
    assert_eq!(states, ["done", "done", "failed", "waiting", "waiting"]);
    assert_eq!((&shown["status"], &shown["input"][0]), (&json!("failed"), &json!(place.join("parcel"))));

    std::fs::write(place.join("parcel"), "seven kg").unwrap();
    let retried = run(&["--json", "runs", "retry", "first", "--wait", "--timeout", "60"]).succeeded().json();
    assert_eq!(
        (&retried["status"], &retried["result"], &retried["resumed"]),
        (&json!("succeeded"), &json!(8), &json!(1))
    );
    assert_eq!(
        std::fs::read_to_string(place.join("book")).unwrap(),
        "entered\n",
        "what was done is not done again"
    );
    let said = run(&["runs", "retry", "first"]);
    assert!(said.code == 1 && said.stderr.contains("has succeeded"), "{said}");
    let said = run(&["runs", "show", "first"]).succeeded();
    assert!(
        said.stdout.contains("taken up again once") && said.stdout.contains("Its result:\n8\n"),
        "{said}"
    );

    run(&[&start[..], &["second"]].concat()).succeeded();
    let listed = run(&["--json", "runs", "list", "errand", "--limit", "1"]).succeeded().json();
    assert_eq!((&listed["runs"][0]["run"], &listed["matching"]), (&json!("second"), &json!(2)));
    let said = run(&["runs", "list", "--limit", "1"]).succeeded();
    assert!(said.stdout.contains("The newest 1 of 2"), "{said}");

    let said = run(&["logs", "--run", "first"]).succeeded();
    let failed = said.stdout.lines().find(|line| line.contains("`fetch`, attempt 1, failed for good"));
    assert!(failed.is_some_and(|line| line.contains("  us-east-1  fetch")), "{said}");
    assert!(said.stdout.contains("REPORT RequestId: ") && !said.stdout.contains("{\"caribou\""), "{said}");
    let logs = run(&["--json", "logs", "--since", "1h"]).succeeded().json();
    let at: Vec<_> =
        logs["lines"].as_array().unwrap().iter().map(|line| line["at"].as_u64().unwrap()).collect();
    assert!(at.len() > 10 && at.is_sorted(), "{logs}");
    let said = run(&["logs", "--since", "soon"]);
    assert!(said.code == 2 && said.stderr.contains("`10m`"), "{said}");
    let said = run(&["logs", "--run", "third"]);
    assert!(said.code == 1 && said.stderr.contains("there is no run `third`"), "{said}");

    let listed = run(&["--json", "list"]).succeeded().json();
    let errand = &listed["workflows"][0];
    assert_eq!(
        (&errand["on"], &errand["version"], &errand["epoch"]),
        (&json!("local"), &json!("0.1.0"), &json!(0))
    );
    let said = run(&["collect"]);
    assert!(said.code == 1 && said.stderr.contains("nothing to collect"), "{said}");
    let said = run(&["remove"]);
    assert!(said.code == 2 && said.stderr.contains("--yes"), "{said}");
    let removed = run(&["--json", "remove", "errand", "--yes"]).succeeded().json();
    assert_eq!(
        removed["removed"].as_array().unwrap().len(),
        errand["versions"][0]["regions"]["us-east-1"].as_array().unwrap().len()
    );
    let said = run(&["list"]).succeeded();
    assert_eq!(said.stdout, "No workflow is deployed from here.\n");
}
