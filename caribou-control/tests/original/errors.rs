//! Every error names the file, the key and what to do.

use caribou_control::original::{self, TABLES};
use serde_json::{Value, json};

use crate::tables::Tables;

const CONFIG: &str = "workflow_config.json";
const LEARNED: &str = "workflow_instance_table.json";

/// The error of the hand-made tables with one value changed.
fn error(file: &str, pointer: &str, value: Value) -> String {
    Tables::diamond().set(file, pointer, value).read().expect_err(pointer).to_string()
}

#[track_caller]
fn assert_names(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn a_missing_table() {
    for missing in TABLES {
        let dir = tempfile::tempdir().unwrap();
        Tables::diamond().write(dir.path());
        std::fs::remove_file(dir.path().join(missing)).unwrap();
        let error = original::read(dir.path()).unwrap_err().to_string();
        assert_names(&error, &[missing, "is not in", "export it"]);
    }
}

#[test]
fn a_table_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    Tables::diamond().write(dir.path());
    std::fs::remove_file(dir.path().join(CONFIG)).unwrap();
    std::fs::create_dir(dir.path().join(CONFIG)).unwrap();
    assert_names(&original::read(dir.path()).unwrap_err().to_string(), &[CONFIG, "cannot be read", "check"]);
}

#[test]
fn a_table_that_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    Tables::diamond().write(dir.path());
    let file = std::fs::File::create(dir.path().join(LEARNED)).unwrap();
    file.set_len(257 * 1024 * 1024).unwrap();
    assert_names(
        &original::read(dir.path()).unwrap_err().to_string(),
        &[LEARNED, "larger than 256 MiB", "export"],
    );
}

#[test]
fn a_number_that_json_does_not_have() {
    let dir = tempfile::tempdir().unwrap();
    Tables::diamond().write(dir.path());
    std::fs::write(dir.path().join(LEARNED), "{\"instance_summary\": NaN}").unwrap();
    assert_names(
        &original::read(dir.path()).unwrap_err().to_string(),
        &[LEARNED, "line 1", "NaN", "collect again"],
    );
}

#[test]
fn a_missing_key() {
    assert_names(&error(CONFIG, "/home_region", Value::Null), &[CONFIG, "has no home_region", "give"]);
    let memory = "/instances/a/regions_and_providers/providers/aws/config/memory";
    assert_names(&error(CONFIG, memory, Value::Null), &[CONFIG, "config.memory", "give memory"]);
    let price = "/aws:us-west-1/sns_cost";
    assert_names(
        &error("provider_region_table.json", price, json!({})),
        &["\"aws:us-west-1\".sns_cost.request_cost"],
    );
    assert_names(&error("provider_table.json", "/aws", Value::Null), &["provider_table.json", "aws", "give"]);
}

#[test]
fn a_negative_figure() {
    let size = "/instance_summary/a/to_instance/b/transfer_sizes_gb/0";
    let found = error(LEARNED, size, json!(-1.0));
    assert_names(&found, &[LEARNED, "to_instance.b.transfer_sizes_gb[0] is -1", "0 or more", "correct it"]);
    assert_names(
        &error(
            "carbon_region_table.json",
            "/aws:us-east-1/averages/overall",
            json!({"carbon_intensity": -5}),
        ),
        &["carbon_region_table.json", "carbon_intensity is -5"],
    );
}

#[test]
fn an_empty_distribution() {
    let durations = "/instance_summary/b/executions/at_region/aws:us-east-1/durations_s";
    assert_names(
        &error(LEARNED, durations, json!([])),
        &[LEARNED, "durations_s is an empty list", "at least one"],
    );
    let sizes = "/instance_summary/a/to_instance/b/transfer_sizes_gb";
    assert_names(&error(LEARNED, sizes, json!([])), &["transfer_sizes_gb is an empty list"]);
    let latency = "/aws:us-east-1/transmission_latency/aws:us-west-1/latency_distribution";
    assert_names(
        &error("performance_region_table.json", latency, json!([])),
        &["latency_distribution is an empty"],
    );
}

#[test]
fn a_probability_above_one() {
    let probability = "/instance_summary/a/to_instance/b/invocation_probability";
    assert_names(&error(LEARNED, probability, json!(1.5)), &["invocation_probability is 1.5", "from 0 to 1"]);
}

#[test]
fn a_duration_without_auxiliary_data() {
    let durations = "/instance_summary/b/executions/at_region/aws:us-east-1/durations_s";
    assert_names(
        &error(LEARNED, durations, json!([7.0])),
        &["auxiliary_data", "rows for the duration of 7 s"],
    );
    let rows = "/instance_summary/b/executions/at_region/aws:us-east-1/auxiliary_data/2.0/0";
    assert_names(&error(LEARNED, rows, json!([0.0])), &["auxiliary_data.\"2.0\"[0]", "a list of 2 numbers"]);
}

#[test]
fn an_instance_that_never_ran_at_home() {
    let at = "/instance_summary/b/executions/at_region";
    assert_names(&error(LEARNED, at, json!({})), &["at_region", "home region aws:us-east-1"]);
}

#[test]
fn an_unknown_region() {
    let home = json!({"provider": "aws", "region": "eu-north-1"});
    assert_names(
        &error(CONFIG, "/home_region", home),
        &[CONFIG, "home_region", "aws:eu-north-1", "take the region out"],
    );
    let allowed = json!([{"provider": "aws", "region": "eu-north-1"}]);
    assert_names(
        &error(CONFIG, "/regions_and_providers/allowed_regions", allowed),
        &["allowed_regions", "eu-north-1"],
    );
    let at = "/instance_summary/b/executions/at_region/aws:eu-north-1";
    assert_names(
        &error(LEARNED, at, json!({})),
        &[LEARNED, "aws:eu-north-1", "available_regions_table.json"],
    );
    let none = error(CONFIG, "/home_region/region", json!("nowhere at all"));
    assert_names(&none, &["home_region.region", "such as us-east-1"]);
}

#[test]
fn a_region_without_its_rows() {
    for file in ["carbon_region_table.json", "performance_region_table.json", "provider_region_table.json"] {
        let mut tables = Tables::diamond();
        tables.file(file).as_object_mut().unwrap().remove("aws:us-west-1");
        assert_names(
            &tables.read().unwrap_err().to_string(),
            &[file, "aws:us-west-1", "add the region's row"],
        );
    }
}

#[test]
fn an_unknown_instance() {
    let next = "/instances/a/succeeding_instances";
    assert_names(
        &error(CONFIG, next, json!(["x"])),
        &[CONFIG, "succeeding_instances[0]", "`x`", "same version"],
    );
    let to = "/instance_summary/a/to_instance/x";
    assert_names(&error(LEARNED, to, json!({})), &[LEARNED, "to_instance.x", "`x`"]);
}

#[test]
fn a_circle() {
    assert_names(&error(CONFIG, "/instances/d/succeeding_instances", json!(["b"])), &["b, d", "circle"]);
}

#[test]
fn no_single_start() {
    let found = error(CONFIG, "/instances/a/succeeding_instances", json!(["b"]));
    assert_names(&found, &["2 instances have no preceding instance (a, c)", "exactly one"]);
    assert_names(
        &error(CONFIG, "/instances", json!({})),
        &["0 instances have no preceding instance", "exactly one"],
    );
}

#[test]
fn a_home_that_is_not_permitted() {
    let denied = json!([{"provider": "aws", "region": "us-east-1"}]);
    let tables = Tables::diamond().set(CONFIG, "/regions_and_providers/disallowed_regions", denied);
    let imported = tables.read().unwrap();
    let error = imported.case(original::Model::Caribou, 1, 0).unwrap_err().to_string();
    assert_names(&error, &["home region aws:us-east-1", "choose another home"]);
}

#[test]
fn a_figure_that_is_no_figure() {
    let duration = "/instance_summary/b/executions/at_region/aws:us-east-1";
    let huge = json!({"durations_s": [1e300], "auxiliary_data": {"1e300": [[0.0, 1.0]]}});
    assert_names(&error(LEARNED, duration, huge), &["a duration in seconds"]);
    let traffic = "/instance_summary/b/executions/at_region/aws:us-east-1/auxiliary_data/2.0/0";
    let imported = Tables::diamond().set(LEARNED, traffic, json!([1e300, 1.0])).read().unwrap();
    let error = imported.case(original::Model::ORIGINAL, 1, 0).unwrap_err().to_string();
    assert_names(&error, &["`b` in aws:us-east-1", "number of 0 or more"]);
}
