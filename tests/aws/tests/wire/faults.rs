//! What goes wrong, and what changes, while runs are under way.

use std::time::Duration;

use caribou_local::Faults;
use caribou_model::{Epoch, Region, RunId};
use caribou_runtime::RunStatus;
use caribou_runtime::aws::Account;
use caribou_runtime::local::SystemClock;
use caribou_runtime::local::http::{Ask, Http};
use caribou_runtime::port::{Clock, SendError};
use caribou_runtime::release::Release;
use caribou_test_aws::front::Outage;
use caribou_test_aws::machine::{OREGON, QUEBEC};
use caribou_test_aws::{ACCOUNT, Machine};
use caribou_tests::workflows::diamond::diamond;
use caribou_tests::workflows::gates::gates;
use http::Method;
use serde_json::{Value as Json, json};

use crate::accident::{FATAL, accident};
use crate::deployed::{HOME, OnAws, PATIENCE};
use crate::{newer, older};

const AWAY: Region = QUEBEC;

fn seeds(seeds: std::ops::Range<u64>) -> Vec<Json> {
    seeds.map(|seed| json!(seed)).collect()
}

async fn attempts(on_aws: &OnAws<'_>) -> Vec<caribou_model::StageRecord> {
    on_aws.machine.settled(PATIENCE).await.unwrap();
    let lines = on_aws.machine.control.telemetry(0).await.unwrap().lines;
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_end_as_the_plain_call_though_messages_come_twice_and_late_and_instances_are_killed() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &gates::WORKFLOW).await;
    let epoch = on_aws.migrate(&[AWAY, HOME]).await;
    let faults = Faults { duplicate: 0.4, kill: 0.1, seed: 7, ..Faults::default() };
    machine.set_down(&[], faults).await.unwrap();
    machine.bridge.set_delay(Duration::from_millis(300));
    on_aws.hold(epoch, &seeds(0..8)).await;
    machine.bridge.set_delay(Duration::ZERO);
    machine.set_down(&[], Faults::default()).await.unwrap();
    machine.settled(PATIENCE).await.unwrap();
    let counts = machine.control.status().await.unwrap().faults;
    assert!(counts.duplicated > 0 && counts.killed > 0, "{counts:?}");
    assert_eq!(machine.bridge.lost(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_where_the_entry_is_no_longer_is_handed_on_and_an_expired_plan_goes_home() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &diamond::WORKFLOW).await;
    let first = on_aws.migrate(&[AWAY]).await;
    on_aws.hold(first, &seeds(0..2)).await;
    let second = on_aws.migrate(&[OREGON]).await;
    assert_eq!((first, second), (Epoch(1), Epoch(2)));
    // the client reads the plan; who does not is sent on
    on_aws.hold(second, &seeds(2..3)).await;
    let run = on_aws.send(AWAY, "astray", json!(3)).await.unwrap();
    assert_eq!(on_aws.outcome(&run, second).await, on_aws.plain(&json!(3)).await);
    let records = attempts(&on_aws).await;
    let in_second: Vec<_> = records.iter().filter(|record| record.epoch == second).collect();
    for record in &in_second {
        // the entry itself runs where the request came in
        let strayed = record.run.to_string() == "astray";
        let region = if strayed && record.stage == "input" { AWAY } else { OREGON };
        assert_eq!((&record.region, record.forwarded), (&region, strayed), "{record:?}");
    }
    assert_eq!(in_second.len(), 8, "{in_second:?}");

    let expired = on_aws.migrate_until(&[AWAY], SystemClock.now()).await;
    assert_eq!(expired, Epoch(3));
    // everything at home is the plan of epoch 0
    on_aws.hold(Epoch(0), &seeds(4..6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_whose_region_refuses_runs_at_home() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &gates::WORKFLOW).await;
    // entry at home; its successor `second` in the west
    let epoch = on_aws.migrate(&[HOME, OREGON, HOME, HOME, HOME]).await;
    on_aws.hold(epoch, &seeds(0..1)).await;
    machine.set_down(&[(OREGON, Outage::Refuses)], Faults::default()).await.unwrap();
    on_aws.hold(epoch, &seeds(1..3)).await;
    let records = attempts(&on_aws).await;
    let seconds: Vec<_> = records.iter().filter(|record| record.function == "second").collect();
    let regions: Vec<&Region> = seconds.iter().map(|record| &record.region).collect();
    assert_eq!(regions.iter().filter(|region| ***region == OREGON).count(), 1, "{regions:?}");
    assert_eq!(regions.iter().filter(|region| ***region == HOME).count(), 2, "{regions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_is_silent_for_a_while_loses_no_run() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &diamond::WORKFLOW).await;
    let epoch = on_aws.migrate(&[HOME, AWAY, AWAY]).await;
    machine.set_down(&[(AWAY, Outage::Silent)], Faults::default()).await.unwrap();
    let client = on_aws.client();
    let run = client.start(None, json!(5)).await.unwrap();
    // it is under way until the region is back
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(matches!(client.status(&run).await.unwrap(), RunStatus::Running { .. }));
    machine.set_down(&[], Faults::default()).await.unwrap();
    assert_eq!(on_aws.outcome(&run, epoch).await, on_aws.plain(&json!(5)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_always_crashes_fails_its_run_by_way_of_the_failure_destination() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &accident::WORKFLOW).await;
    let epoch = on_aws.migrate(&[HOME, AWAY]).await;
    let run = on_aws.client().start(None, json!(FATAL)).await.unwrap();
    let error = on_aws.outcome(&run, epoch).await.unwrap_err();
    assert!(error.contains("signal: 6"), "{error}");
    on_aws.hold(epoch, &[json!(FATAL + 1)]).await;
    machine.settled(PATIENCE).await.unwrap();
    assert_eq!(machine.bridge.lost(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_can_read_ends_in_the_queue_of_the_dead() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &accident::WORKFLOW).await;
    let account: Account = ACCOUNT.parse().unwrap();
    let walk = on_aws.entry(HOME);
    let clients = machine.clients(&HOME);
    clients.sns.publish().topic_arn(account.topic_arn(&walk)).message("gibberish").send().await.unwrap();
    machine.settled(PATIENCE).await.unwrap();
    let dead = clients.sqs.receive_message().queue_url(format!("{}-dead", account.queue_url(&walk)));
    let dead = dead.send().await.unwrap();
    assert_eq!(dead.messages().len(), 1);
    assert!(dead.messages()[0].body().unwrap().contains("gibberish"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_started_at_a_function_url_and_the_same_key_is_the_same_run() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &diamond::WORKFLOW).await;
    let url = machine.bridge.url(&HOME, &on_aws.entry(HOME).deployed_name());
    let (server, path) = url.split_at(url.find("/urls").unwrap());
    let post = async |key: &str, body: &str| {
        let ask = Ask::new(Method::POST, path)
            .header(http::header::CONTENT_TYPE, &"application/json")
            .header("idempotency-key".parse().unwrap(), &key);
        Http::new(server).ask(ask.body(body.to_owned())).await.unwrap()
    };
    let first = post("order-1", "8").await;
    assert_eq!(first.status.as_u16(), 202, "{}", String::from_utf8_lossy(&first.body));
    let run = |body: &[u8]| serde_json::from_slice::<Json>(body).unwrap()["run"].as_str().unwrap().to_owned();
    let again = post("order-1", "8").await;
    assert_eq!(run(&first.body), run(&again.body));
    assert_ne!(run(&first.body), run(&post("order-2", "8").await.body));
    let run: RunId = run(&first.body).parse().unwrap();
    assert_eq!(on_aws.outcome(&run, Epoch(0)).await, on_aws.plain(&json!(8)).await);
    let wrong = post("order-3", "{").await;
    assert_eq!(wrong.status.as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_serve_their_runs_side_by_side_and_the_release_says_which_is_new() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let first = OnAws::new(&machine, &older::edition::WORKFLOW).await;
    let released =
        async || Release::read(&*first.ports.store, &HOME, "edition").await.unwrap().unwrap().0.version;
    assert_eq!(released().await, "0.1.0");
    let epoch = first.migrate(&[HOME, AWAY]).await;
    let newer = env!("CARGO_BIN_EXE_caribou-test-aws-newer");
    let second = OnAws::of(&machine, &newer::edition::WORKFLOW, newer, |_| ()).await;
    assert_eq!(released().await, "0.2.0");
    second.hold(Epoch(0), &seeds(0..2)).await;
    first.hold(epoch, &seeds(0..2)).await;
    let missing = second.send(AWAY, "nowhere", json!(1)).await.unwrap_err();
    assert!(matches!(&missing, SendError::Refused { cause, .. } if cause.contains("NotFound")), "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_with_a_run_is_seen_by_these_tests() {
    let Some(machine) = Machine::start().await.unwrap() else { return };
    let on_aws = OnAws::new(&machine, &diamond::WORKFLOW).await;
    let run = on_aws.client().start(None, json!(1)).await.unwrap();
    assert_ne!(on_aws.outcome(&run, Epoch(0)).await, on_aws.plain(&json!(2)).await);
    // what is removed is hosted no longer
    let graph = &on_aws.deployed.graph;
    for name in ["left", "right", "join"] {
        let name = format!("{}-0_1_0-{name}", graph.workflow);
        machine.clients(&HOME).lambda.delete_function().function_name(name).send().await.unwrap();
    }
    machine.bridge.look().await.unwrap();
    assert_eq!(machine.bridge.functions(), []);
}
