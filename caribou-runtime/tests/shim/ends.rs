//! How a run ends, and what is told of it.

use std::time::Duration;

use caribou_runtime::model::{FunctionSpec, NodeId, Region};
use caribou_runtime::{
    Context, Error, Event, Function, Result, RouteError, RunStatus, Step, Workflow, call_stage,
};
use serde_json::{Value as Json, json};

use crate::outage::with_last_stage_away;
use crate::platform::Platform;
use crate::workflows::{CHAIN, ENTRY, Repeat, function, graph, json as as_json, pass, plain, relay, stage};

const HOME: Region = Region::aws("us-east-1");

function!(Verbose "double", |_context, _n: u64| -> u64 { Err(Error::permanent("x".repeat(500_000))) });

/// `repeat(n)`: a large result.
static BULK: Workflow = Workflow {
    name: "bulk",
    version: "0.1.0",
    parameters: &["n"],
    graph: || graph(&BULK, vec![Repeat::spec()], vec![stage("repeat", 0, 1)], 1, &[(0, 1, 0), (1, 2, 0)]),
    route: |step, values, outbox| match step {
        Step::After(ENTRY) => relay(outbox, 1, values.forward(0)),
        Step::After(NodeId(1)) => pass(outbox, 2, 0, &values.output::<Vec<u64>>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |_| &[0],
    call: |_| Some(call_stage::<Repeat>),
    plain: |input| {
        Box::pin(async move {
            let n = serde_json::from_value(input).map_err(Error::permanent)?;
            as_json(plain::<Repeat>((n,)).await?)
        })
    },
};

#[track_caller]
fn failed(status: RunStatus) -> (Option<String>, String, Vec<Json>) {
    let RunStatus::Failed { stage, error, input, .. } = status else { panic!("{status:?}") };
    (stage, error, input)
}

#[test]
fn a_large_result_lies_at_home_for_as_long_as_the_record() {
    let (mut platform, _) = with_last_stage_away(&BULK);
    let run = platform.start(json!(20_000));
    platform.deliver_all();
    platform.advance(Duration::from_hours(14 * 24));
    let RunStatus::Succeeded { result, .. } = platform.status(&run) else { panic!() };
    assert_eq!(result.as_array().map(Vec::len), Some(20_000));
}

#[test]
fn a_result_that_comes_after_the_deadline_does_not_turn_the_end_around() {
    let (mut platform, outage) = with_last_stage_away(&CHAIN);
    let run = platform.start(json!(4));
    platform.deliver_one();
    platform.deliver_one();
    let (to, body) = platform.take_one();
    outage.begin_until(&HOME, platform.now().plus(Duration::from_mins(61)));
    let event = platform.event(&body);
    let deadline = event.received.plus(Duration::from_hours(2));
    platform.handle(&to, Event { deadline, ..event }).unwrap();
    assert_eq!(platform.calls("increment"), 1);
    let (stage, error, _) = failed(platform.status(&run));
    assert_eq!(stage, None);
    assert!(error.contains("passed its deadline"), "{error}");
}

#[test]
fn an_input_that_cannot_be_had_is_noted_and_the_failure_is_told() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    platform.deliver_one();
    let (to, body) = platform.take_one();
    let values = body.find(r#""y":"#).unwrap();
    let gone = format!(r#"{}"y":[{{"r":"aws:us-east-1","k":"gone","n":5}}]}}"#, &body[..values]);
    let event = platform.event(&gone);
    platform.handle(&to, event).unwrap();
    let (_, error, input) = failed(platform.status(&run));
    assert!(error.contains("blob `gone` is not in"), "{error}");
    assert_eq!(input, [json!({ "gone": "gone", "region": "aws:us-east-1" })]);
}

#[test]
fn an_input_that_is_no_json_is_shown_as_text() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!("x".repeat(300_000)));
    let (to, body) = platform.take_one();
    let request: Json = serde_json::from_str(&body).unwrap();
    platform.put_blob(&HOME, request["request"]["input_blob"]["k"].as_str().unwrap(), "{not json");
    let event = platform.event(&body);
    platform.handle(&to, event).unwrap();
    let (_, error, input) = failed(platform.status(&run));
    assert!(error.contains("is not JSON"), "{error}");
    assert_eq!(input, [json!("{not json")]);
}

#[test]
fn a_long_error_is_cut_and_the_run_told_of_it() {
    let verbose: &'static Workflow =
        Box::leak(Box::new(Workflow { call: |_| Some(call_stage::<Verbose>), ..CHAIN }));
    let mut platform = Platform::new(verbose);
    let run = platform.start(json!(4));
    platform.deliver_all();
    let (_, error, _) = failed(platform.status(&run));
    assert!(error.ends_with("x.. (cut, of 500000 bytes)") && error.len() < 9_000, "{}", error.len());
    assert!(platform.measures.largest_item() < 20_000, "{}", platform.measures.largest_item());

    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(4));
    platform.deliver_one();
    let (to, body) = platform.take_one();
    let letter = platform.event(&body);
    platform.give_up(&to, letter, &"y".repeat(500_000)).unwrap();
    assert!(failed(platform.status(&run)).1.contains("y.. (cut, of 5000"));
    assert!(platform.measures.largest_item() < 20_000, "{}", platform.measures.largest_item());
}

#[test]
fn waiting_goes_on_while_home_does_not_answer() {
    let (mut platform, outage) = with_last_stage_away(&CHAIN);
    let run = platform.start(json!(4));
    platform.deliver_all();
    outage.begin_until(&HOME, platform.now().plus(Duration::from_secs(3)));
    let status = platform.wait_for(&run, Duration::from_secs(1), Duration::from_secs(10));
    assert!(matches!(status, RunStatus::Succeeded { .. }), "{status:?}");
}
