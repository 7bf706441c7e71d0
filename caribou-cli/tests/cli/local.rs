//! The embedded cloud, and a workflow deployed there.

use std::time::Duration;

use caribou_model::Region;
use caribou_runtime::deployed::Client;
use caribou_runtime::local;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::caribou::{Cloud, caribou, example, folder};

/// A photograph of 24 x 16 pixels.
const PHOTO: &str = include_str!("photo.json");

#[test]
fn a_cloud_is_found_by_its_state_and_stopped() {
    let folder = folder(&[]);
    let cloud = Cloud::start(folder.path(), &["us-east-1"]);
    let status = caribou(folder.path(), &["--json", "local", "status"]).succeeded().json();
    assert_eq!(status["status"]["queued"], 0);
    assert_eq!(status["endpoint"]["regions"], serde_json::json!(["aws:us-east-1"]));
    let said = caribou(folder.path(), &["run"]);
    assert!(said.code == 1 && said.stderr.contains("caribou local deploy"), "{said}");
    caribou(folder.path(), &["local", "stop"]).succeeded();
    assert_eq!(cloud.ended(), 0);
    let said = caribou(folder.path(), &["local", "stop"]).succeeded();
    assert_eq!(said.stdout, "No embedded cloud runs here.\n");
}

#[test]
fn a_workflow_is_deployed_run_solved_for_and_migrated() {
    let folder = folder(&[("photo.json", PHOTO), ("text.txt", "no JSON"), ("broken.json", r#"{"name": 1}"#)]);
    let _cloud = Cloud::start(folder.path(), &["us-east-1", "ca-central-1"]);
    let run = |arguments: &[&str]| caribou(folder.path(), arguments);
    let example = example();
    let deployed = run(&["--json", "local", "deploy", example.to_str().unwrap()]).succeeded().json();
    assert_eq!(deployed["workflow"], "image_press");

    let said = run(&["run", "image_press", "--input", "text.txt"]);
    assert!(said.code == 1 && said.stderr.contains("text.txt is no JSON"), "{said}");
    let said = run(&["run", "another", "--input", "photo.json"]);
    assert!(said.code == 1 && said.stderr.contains("deployed are image_press"), "{said}");
    let said = run(&["run", "--input", "broken.json", "--id", "broken", "--wait", "--timeout", "60"]);
    assert!(said.code == 1 && said.stderr.contains("run broken failed"), "{said}");

    let said = run(&["solve"]);
    assert!(said.code == 1 && said.stderr.contains("has no runs"), "{said}");
    let first = run(&["--json", "run", "--input", "photo.json", "--id", "good", "--wait", "--timeout", "60"])
        .succeeded()
        .json();
    assert_eq!(first["status"], "succeeded");
    assert_eq!(first["epoch"], 0);
    let said = run(&["plan"]);
    assert!(said.code == 1 && said.stderr.contains("caribou solve"), "{said}");

    let solved = run(&["--json", "solve", "--month", "6"]).succeeded().json();
    assert_eq!(solved["solution"]["hours"].as_array().unwrap().len(), 24);
    let asked = ["solve", "--month", "6", "--explain", "--what-if", "without=ca-central-1"];
    let said = run(&asked).succeeded();
    for part in
        ["learned from 1 whole run", "What if ca-central-1 were not allowed?", "runs in", "caribou plan"]
    {
        assert!(said.stdout.contains(part), "`{part}` is not in: {said}");
    }
    let said = run(&["solve", "--what-if", "region=ca-central-1"]);
    assert!(said.code == 2 && said.stderr.contains("allowed already"), "{said}");
    let said = run(&["plan"]).succeeded();
    assert!(said.stdout.contains("all, over the day"), "{said}");
    let migrated = run(&["--json", "migrate"]).succeeded().json();
    assert_eq!(migrated["migrated"]["epoch"], 1);
    let again =
        run(&["--json", "run", "--input", "photo.json", "--id", "again", "--wait", "--timeout", "60"])
            .succeeded()
            .json();
    assert_eq!(again["epoch"], 1);
    assert_eq!(again["result"], first["result"]);
    let said = run(&["plan"]).succeeded();
    assert!(said.stdout.contains("has every stage where"), "{said}");
    let status = run(&["--json", "local", "status"]).succeeded().json();
    of_a_program(status["endpoint"]["url"].as_str().unwrap()).unwrap();

    run(&["remove", "image_press", "--yes"]).succeeded();
    let error = of_a_program(status["endpoint"]["url"].as_str().unwrap()).unwrap_err().to_string();
    assert!(error.contains("image_press") && error.contains("not deployed"), "{error}");
}

/// A program of the author's starts a run by the workflow's name and gets its result, which has bytes in it.
#[tokio::main(flavor = "current_thread")]
async fn of_a_program(endpoint: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::over(local::ports(endpoint, None), "image_press", Region::aws("us-east-1")).await?;
    let run = client.start(&serde_json::from_str::<Json>(PHOTO)?).await?;
    run.result::<IgnoredAny>(Duration::from_mins(1)).await?;
    Ok(())
}
