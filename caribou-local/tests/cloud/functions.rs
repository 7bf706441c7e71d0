//! Runs of a real bootstrap, through everything that can happen to its instances.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fixture::{Fixture, HOME, PATIENCE, deployment, example, until};
use caribou_local::{Control, Faults};
use caribou_model::{AttemptOutcome, RunId, StageRecord};
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Client, ClientError, RunStatus, local};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A cloud with the relay deployed in the home region.
async fn relay() -> Fixture {
    let fixture = Fixture::new().await;
    deploy_relay(&fixture.control).await;
    fixture
}

async fn deploy_relay(control: &Control) {
    let bootstrap = example("relay");
    control.deploy(&deployment("first", HOME, &bootstrap)).await.unwrap();
    let mut second = deployment("second", HOME, &bootstrap);
    second.spec.timeout_s = 1;
    control.deploy(&second).await.unwrap();
}

fn client(endpoint: &str) -> Client {
    Client::new("relay", "0.1.0", "first", HOME, local::ports(endpoint, None))
}

async fn start(fixture: &Fixture, input: Value) -> RunId {
    client(&fixture.cloud.endpoint()).start(None, input).await.unwrap()
}

async fn end_of(endpoint: &str, run: &RunId) -> RunStatus {
    client(endpoint).wait(run, std::time::Duration::from_millis(10), PATIENCE).await.unwrap()
}

async fn result_of(endpoint: &str, run: &RunId) -> Value {
    match end_of(endpoint, run).await {
        RunStatus::Succeeded { result, .. } => result,
        other => panic!("{other:?}"),
    }
}

async fn run(fixture: &Fixture, input: Value) -> Value {
    let run = start(fixture, input).await;
    result_of(&fixture.cloud.endpoint(), &run).await
}

async fn telemetry(fixture: &Fixture) -> Vec<StageRecord> {
    fixture.settled().await;
    let lines = fixture.control.telemetry(0).await.unwrap().lines;
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn second() -> StageAddress {
    deployment("second", HOME, "".as_ref()).address
}

/// A place where runs leave a mark with the id of the process they are in.
struct Meeting(TempDir);

impl Meeting {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn of(&self, size: usize) -> Value {
        json!({ "meeting": { "place": self.0.path(), "of": size } })
    }

    /// The processes in which the first stage of a run was executed.
    fn executions(&self, run: &RunId) -> Vec<u32> {
        let marks = std::fs::read_to_string(self.0.path().join(run.as_str())).unwrap_or_default();
        marks.lines().map(|mark| mark.parse().unwrap()).collect()
    }

    async fn process_of(&self, run: &RunId) -> u32 {
        until("the first stage", async || !self.executions(run).is_empty()).await;
        self.executions(run)[0]
    }

    fn arrive(&self, guest: &str) {
        std::fs::write(self.0.path().join(guest), "guest").unwrap();
    }
}

/// Whether a process has ended, be it collected by its parent or not.
fn has_ended(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}

#[tokio::test]
async fn a_run_ends_with_the_result_of_the_plain_call() {
    let fixture = relay().await;
    let result = run(&fixture, json!({ "stages": ["start"] })).await;
    let mut plain = Command::new(example("relay"));
    plain.args(["call", "relay"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut plain = plain.spawn().unwrap();
    std::io::Write::write_all(plain.stdin.as_mut().unwrap(), br#"{"stages":["start"]}"#).unwrap();
    let plain = plain.wait_with_output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&plain.stdout).unwrap(), result);
    assert_eq!(result["stages"], json!(["start", "first in us-east-1", "second in us-east-1"]));
}

#[tokio::test]
async fn every_attempt_leaves_one_line_of_telemetry_that_outlives_the_cloud() {
    let fixture = relay().await;
    run(&fixture, json!({})).await;
    let before = telemetry(&fixture).await;
    let stages: Vec<_> = before.iter().map(|record| record.stage.as_str()).collect();
    assert!(stages.contains(&"first") && stages.contains(&"second"), "{stages:?}");
    let second = before.iter().find(|record| record.stage == "second").unwrap();
    assert!(second.cold && second.cpu_ms.is_some() && second.memory_mb == 128, "{second:?}");
    let fixture = fixture.restarted().await;
    assert_eq!(telemetry(&fixture).await, before);
}

#[tokio::test]
async fn concurrent_events_have_an_instance_each_and_warm_ones_are_used_again() {
    let fixture = relay().await;
    let meeting = Meeting::new();
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(start(&fixture, meeting.of(4)).await);
    }
    let mut processes = std::collections::BTreeSet::new();
    for run in &runs {
        result_of(&fixture.cloud.endpoint(), run).await;
        processes.insert(meeting.process_of(run).await);
    }
    assert_eq!(processes.len(), 4);
    let later = Meeting::new();
    let run = start(&fixture, later.of(1)).await;
    result_of(&fixture.cloud.endpoint(), &run).await;
    assert!(processes.contains(&later.process_of(&run).await));
}

#[tokio::test]
async fn an_attempt_over_its_time_is_killed_and_tried_again() {
    let fixture = relay().await;
    let result = run(&fixture, json!({ "trouble": "hang" })).await;
    assert_eq!(result["stages"], json!(["first in us-east-1", "second in us-east-1"]));
    let log = fixture.control.logs(&second(), 100_000).await.unwrap();
    assert!(log.contains("ran longer than its timeout of 1 s") && log.contains("Status: timeout"), "{log}");
}

#[tokio::test]
async fn a_crashed_attempt_is_tried_again() {
    let fixture = relay().await;
    run(&fixture, json!({ "trouble": "crash" })).await;
    let log = fixture.control.logs(&second(), 100_000).await.unwrap();
    assert!(log.contains("these are my last words") && log.contains("exit status: 3"), "{log}");
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again() {
    let fixture = relay().await;
    run(&fixture, json!({ "trouble": "fail" })).await;
    let records = telemetry(&fixture).await;
    let outcomes: Vec<_> =
        records.iter().filter(|record| record.stage == "second").map(|record| record.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Retried, AttemptOutcome::Succeeded]);
}

#[tokio::test]
async fn a_stage_that_fails_for_good_fails_its_run() {
    let fixture = relay().await;
    let run = start(&fixture, json!({ "trouble": "refuse" })).await;
    match end_of(&fixture.cloud.endpoint(), &run).await {
        RunStatus::Failed { stage, error, .. } => {
            assert_eq!(stage.as_deref(), Some("second"));
            assert!(error.contains("this parcel is refused"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stage_that_always_crashes_fails_its_run_and_leaves_a_dead_letter() {
    let fixture = relay().await;
    let run = start(&fixture, json!({ "trouble": "always_crash" })).await;
    let status = end_of(&fixture.cloud.endpoint(), &run).await;
    assert!(
        matches!(&status, RunStatus::Failed { stage: Some(stage), .. } if stage == "second"),
        "{status:?}"
    );
    fixture.settled().await;
    let letters = fixture.control.dead_letters().await.unwrap();
    let reason = &letters.first().unwrap().reason;
    assert!(reason.contains("exit status: 3") && reason.contains("these are my last words"), "{reason}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_kept_as_a_dead_letter_at_once() {
    let fixture = relay().await;
    fixture.ports.transport.send(&second(), "this is no message", None).await.unwrap();
    fixture.settled().await;
    let fixture = fixture.restarted().await;
    let letters = fixture.control.dead_letters().await.unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((letter.attempts, letter.body.as_str(), &letter.to), (1, "this is no message", &second()));
    assert!(letter.reason.contains("refused"), "{}", letter.reason);
    assert_eq!(fixture.control.status().await.unwrap().dead_letters, 1);
}

#[tokio::test]
async fn a_bootstrap_that_does_not_start_says_why_in_its_dead_letter() {
    let fixture = relay().await;
    let mut unknown = deployment("third", HOME, &example("relay"));
    unknown.env.insert("RUST_BACKTRACE".into(), "0".into());
    fixture.control.deploy(&unknown).await.unwrap();
    fixture.ports.transport.send(&unknown.address, "hello", None).await.unwrap();
    fixture.settled().await;
    let letters = fixture.control.dead_letters().await.unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert!(letter.reason.contains("has no function `third`"), "{}", letter.reason);
}

#[tokio::test]
async fn a_message_delivered_twice_has_its_effect_once() {
    let fixture = relay().await;
    // A delivery that meets another one at work is looked at again when that one's lease has ended.
    let mut first = deployment("first", HOME, &example("relay"));
    first.spec.timeout_s = 1;
    fixture.control.deploy(&first).await.unwrap();
    fixture.control.faults(&Faults { duplicate: 1.0, ..Faults::default() }).await.unwrap();
    let meeting = Meeting::new();
    let run = start(&fixture, meeting.of(1)).await;
    let result = result_of(&fixture.cloud.endpoint(), &run).await;
    assert_eq!(result["stages"], json!(["first in us-east-1", "second in us-east-1"]));
    fixture.settled().await;
    assert_eq!(meeting.executions(&run).len(), 1);
}

#[tokio::test]
async fn runs_end_though_instances_are_killed() {
    let fixture = relay().await;
    let faults = Faults { kill: 0.2, duplicate: 0.2, seed: 11, ..Faults::default() };
    fixture.control.faults(&faults).await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(start(&fixture, json!({})).await);
    }
    for run in &runs {
        assert!(end_of(&fixture.cloud.endpoint(), run).await.is_over());
    }
}

#[tokio::test]
async fn a_region_that_was_down_takes_requests_again() {
    let fixture = relay().await;
    fixture.control.faults(&Faults { down: [HOME].into(), ..Faults::default() }).await.unwrap();
    let refused = client(&fixture.cloud.endpoint()).start(None, json!({})).await;
    assert!(matches!(refused, Err(ClientError::Send(_))), "{refused:?}");
    fixture.control.faults(&Faults::default()).await.unwrap();
    run(&fixture, json!({})).await;
}

#[tokio::test]
async fn a_cloud_that_ends_in_the_middle_of_a_run_ends_its_instances_and_loses_nothing() {
    let fixture = relay().await;
    let meeting = Meeting::new();
    let run = start(&fixture, meeting.of(2)).await;
    let process = meeting.process_of(&run).await;
    let fixture = fixture.restarted().await;
    until("the end of the instance", async || has_ended(process)).await;
    meeting.arrive("guest");
    let result = result_of(&fixture.cloud.endpoint(), &run).await;
    assert_eq!(result["stages"], json!(["first in us-east-1", "second in us-east-1"]));
}

/// A cloud in a process of its own.
struct Served {
    process: std::process::Child,
    endpoint: String,
}

impl Served {
    fn on(state: &Path) -> Self {
        let serve: PathBuf = example("serve");
        let mut process =
            Command::new(serve).arg(state).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut endpoint = String::new();
        let stdout = process.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut endpoint).unwrap();
        Self { process, endpoint: endpoint.trim().to_owned() }
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn a_cloud_that_is_killed_takes_its_instances_along_and_loses_no_run() {
    let state = TempDir::new().unwrap();
    let meeting = Meeting::new();
    let cloud = Served::on(state.path());
    deploy_relay(&Control::new(&cloud.endpoint)).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(client(&cloud.endpoint).start(None, meeting.of(5)).await.unwrap());
    }
    let process = meeting.process_of(&runs[0]).await;
    cloud.kill();
    until("the end of the instance", async || has_ended(process)).await;
    meeting.arrive("guest");
    let cloud = Served::on(state.path());
    for run in &runs {
        let result = result_of(&cloud.endpoint, run).await;
        assert_eq!(result["stages"], json!(["first in us-east-1", "second in us-east-1"]));
    }
    cloud.kill();
}
