//! What becomes of an event that the platform has given up.

use std::time::Duration;

use caribou_runtime::model::{Graph, Region};
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Event, RunStatus, Workflow};
use serde_json::{Value as Json, json};

use crate::map_workflows::RESCUE;
use crate::outage::{Outage, with_last_stage_away};
use crate::platform::Platform;
use crate::workflows::{BRANCH, CHAIN};

const HOME: Region = Region::aws("us-east-1");
const AWAY: Region = Region::aws("eu-north-1");

/// A workflow each of whose functions may be tried six times.
fn patient(workflow: &'static Workflow, graph: fn() -> Graph) -> &'static Workflow {
    let patient = Workflow { graph, ..*workflow };
    Box::leak(Box::new(patient))
}

fn patient_chain() -> &'static Workflow {
    patient(&CHAIN, || {
        let mut graph = (CHAIN.graph)();
        graph.functions.iter_mut().for_each(|function| function.retries = 5);
        graph
    })
}

/// The delivery of the first stage's message.
fn first_message(platform: &mut Platform) -> (StageAddress, Event) {
    platform.deliver_one();
    let (to, body) = platform.take_one();
    (to, platform.event(&body))
}

#[track_caller]
fn failed(status: RunStatus) -> (Option<String>, String, Vec<Json>) {
    let RunStatus::Failed { stage, error, input, .. } = status else { panic!("{status:?}") };
    (stage, error, input)
}

#[test]
fn an_outage_at_home_costs_the_last_stage_time_and_not_the_run() {
    let (mut platform, outage) = with_last_stage_away(&CHAIN);
    let run = platform.start(json!(4));
    platform.deliver_one();
    platform.deliver_one();
    let (to, body) = platform.take_one();
    outage.begin(&HOME);
    for _ in 0..3 {
        let event = platform.event(&body);
        assert!(platform.handle(&to, Event { request_id: "same".into(), ..event }).is_err());
    }
    let letter = platform.event(&body);
    platform.give_up(&to, Event { request_id: "same".into(), ..letter }, "no answer").unwrap();
    let (back, body) = platform.take_one();
    assert_eq!(back, to);
    outage.end();
    let event = platform.event(&body);
    platform.handle(&to, event).unwrap();
    let RunStatus::Succeeded { result, .. } = platform.status(&run) else { panic!() };
    assert_eq!((result, platform.calls("increment")), (json!(9), 1));
}

#[test]
fn a_letter_waits_longer_each_time_and_at_last_tells_the_run_why() {
    let (mut platform, outage) = with_last_stage_away(&BRANCH);
    let run = platform.start(json!(3));
    platform.deliver_one();
    platform.deliver_one();
    let (to, mut body) = platform.take_all().into_iter().find(|(to, _)| to.function == "increment").unwrap();
    outage.begin(&AWAY);
    let mut waits = Vec::new();
    loop {
        let letter = platform.event(&body);
        assert!(platform.handle(&to, letter.clone()).is_err());
        platform.give_up(&to, letter, "it failed").unwrap();
        let Some((_, back)) = platform.take_all().pop() else { break };
        let wait = outage.not_before().last().unwrap().since(platform.now());
        platform.advance(wait);
        waits.push(wait.as_secs());
        body = back;
    }
    assert_eq!(&waits[..9], [1, 2, 4, 8, 16, 32, 64, 128, 256]);
    assert!(waits.len() < 25, "{waits:?}");
    let (stage, error, input) = failed(platform.status(&run));
    assert_eq!((stage.as_deref(), input), (Some("increment"), vec![json!(6)]));
    assert!(error.contains("function `increment`: it failed; and then: the store in"), "{error}");
}

#[test]
fn the_reason_of_the_last_attempt_is_told() {
    let mut platform = Platform::new(&RESCUE);
    let run = platform.start(json!(77));
    let (to, event) = first_message(&mut platform);
    for _ in 0..3 {
        platform.crash(&to, event.clone());
    }
    // The lease of the third attempt is not over.
    platform.give_up(&to, event, "signal: 9").unwrap();
    platform.deliver_all();
    let RunStatus::Succeeded { result, .. } = platform.status(&run) else { panic!() };
    let why = "the platform gave up delivering to function `risky`: signal: 9";
    assert_eq!(result, json!([8, { "message": why, "permanent": false }]));
}

#[test]
fn the_input_of_a_letter_that_nobody_claimed_is_kept_and_a_duplicate_does_nothing() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    let (to, event) = first_message(&mut platform);
    let late = platform.event(&event.body);
    platform.give_up(&to, event, "throttled").unwrap();
    platform.handle(&to, late).unwrap();
    assert_eq!(platform.calls("double"), 0);
    let (stage, _, input) = failed(platform.status(&run));
    assert_eq!((stage.as_deref(), input), (Some("double"), vec![json!(4)]));
}

#[test]
fn the_input_is_kept_of_a_message_that_comes_too_late() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    platform.deliver_one();
    platform.advance(Duration::from_hours(1));
    platform.deliver_one();
    assert_eq!(failed(platform.status(&run)).2, [json!(4)]);
}

#[test]
fn the_large_input_of_a_dead_request_is_kept() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!("x".repeat(300_000)));
    let (to, body) = platform.take_one();
    let letter = platform.event(&body);
    platform.give_up(&to, letter, "it crashed").unwrap();
    let (_, error, input) = failed(platform.status(&run));
    assert!(error.contains("it crashed"), "{error}");
    assert_eq!(input[0].as_str().map(str::len), Some(300_000));
}

#[test]
fn a_letter_with_attempts_left_goes_back_though_nobody_claimed_it() {
    let mut platform = Platform::new(patient_chain());
    let run = platform.start(json!(4));
    let (to, event) = first_message(&mut platform);
    platform.give_up(&to, event, "no instance starts").unwrap();
    let (_, body) = platform.take_one();
    let again = platform.event(&body);
    // Six deliveries were made without an attempt.
    platform.give_up(&to, again, "no instance starts").unwrap();
    assert!(platform.take_all().is_empty());
    assert!(failed(platform.status(&run)).1.contains("no instance starts"));
}

#[test]
fn a_dead_request_with_attempts_left_goes_back() {
    let outage = Outage::default();
    let mut platform = Platform::between(patient_chain(), outage.wrap());
    let run = platform.start(json!(4));
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    outage.stop_after(1);
    platform.crash(&to, event.clone());
    platform.give_up(&to, event, "it crashed").unwrap();
    platform.advance(Duration::from_secs(66));
    platform.deliver_all();
    assert!(matches!(platform.status(&run), RunStatus::Succeeded { .. }), "{:?}", platform.status(&run));
}
