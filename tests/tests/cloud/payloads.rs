//! Payloads of every size on the embedded cloud, whose store refuses items over 400 KB as DynamoDB does.

use std::time::Duration;

use caribou_local::Control;
use caribou_runtime::RunStatus;
use caribou_runtime::model::StageRecord;
use caribou_tests::workflows::payloads::{balloon, falsy, halves};
use serde_json::{Value as Json, json};

use crate::deployed::{PATIENCE, deployed, hold};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_payloads_that_are_more_than_one_item_together_meet_at_a_sync_node_be_they_equal_or_not() {
    let halves = |size: usize, left: u8, right: u8| json!({"size": size, "left": left, "right": right});
    // 210 KB each; just below and above what travels inline; equal and different; empty.
    let sizes = [210 * 1024, 210_000, 16 * 1024 - 5, 16 * 1024 + 1, 1, 0];
    let inputs = sizes.iter().flat_map(|size| [halves(*size, 1, 1), halves(*size, 1, 2)]);
    hold(&halves::WORKFLOW, inputs.collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn falsy_payloads_go_through_stages_and_sync_nodes_as_they_are() {
    let values = |number: i64, text: &str, optional: Json, truth: bool, list: Json| json!({"number_of": number, "text_of": text, "optional_of": optional, "truth_of": truth, "list_of": list});
    let falsy =
        [values(0, "", json!(null), false, json!([])), values(0, "null", json!(0), false, json!([0]))];
    hold(&falsy::WORKFLOW, falsy.to_vec()).await;
}

/// A hundred megabytes.
const LARGE: u64 = 100_000_000;
/// What a function may have in memory at once, in MB: the value that it takes, encoded and decoded, and the one that it
/// returns; and what every bootstrap takes.
const MOST_OF_A_FUNCTION_MB: f64 = 350.0;
/// What the cloud may take, in MB, while it hands such values on. It holds none of them.
const MOST_OF_THE_CLOUD_MB: u64 = 80;

/// The most memory that this process, the cloud in it, ever had, in MB.
fn peak_of_this_process_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_go_from_stage_to_stage_in_bounded_memory() {
    let (_state, cloud, client) = deployed(&balloon::WORKFLOW).await;
    let run = client.start(None, json!(LARGE)).await.unwrap();
    let status = client.wait(&run, Duration::from_millis(50), PATIENCE).await.unwrap();
    let RunStatus::Succeeded { result, .. } = status else { panic!("{status:?}") };
    // As the plain call, without having it all at once.
    let sum = (0..LARGE).fold(7_u64, |sum, n| sum.wrapping_mul(31).wrapping_add(u64::from(!(n as u8))));
    assert_eq!(result, json!([LARGE, sum]));

    let control = Control::new(&cloud.endpoint());
    assert!(control.settled(PATIENCE).await.unwrap());
    let lines = control.telemetry(0).await.unwrap().lines;
    let records: Vec<StageRecord> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let largest = records.iter().map(|record| record.bytes_in).max().unwrap();
    assert!(largest >= LARGE, "{largest}");
    for record in records {
        let peak = record.peak_memory_mb.unwrap();
        assert!(peak <= MOST_OF_A_FUNCTION_MB, "{peak} MB at {}", record.stage);
    }
    let peak = peak_of_this_process_mb();
    assert!(peak <= MOST_OF_THE_CLOUD_MB, "the cloud took {peak} MB");
}
