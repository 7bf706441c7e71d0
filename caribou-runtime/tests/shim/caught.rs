//! Stages whose failure is a value.

use caribou_runtime::memory::{Faults, Report};
use caribou_runtime::model::AttemptOutcome;
use caribou_runtime::{RunStatus, Workflow};
use serde_json::{Value as Json, json};

use crate::first_law::{holds, seeds, simulation};
use crate::map_workflows::{MEETING, RESCUE, SPREAD};
use crate::platform::{Platform, wait};

fn result(report: &Report) -> &Json {
    match report.runs.values().next().unwrap() {
        RunStatus::Succeeded { result, .. } => result,
        status => panic!("{status:?}"),
    }
}

#[test]
fn a_stage_that_succeeds_gives_its_output() {
    let report = simulation(&RESCUE, 1).run([json!(4)]);
    assert_eq!(holds(&report), 0);
    assert_eq!(*result(&report), json!([9, null]));
    let risky = report.records_of("run-0", "risky").next().unwrap();
    assert_eq!(risky.outcome, AttemptOutcome::Succeeded);
}

#[test]
fn a_permanent_error_is_a_value_at_once_and_the_run_goes_on() {
    let report = simulation(&RESCUE, 1).run([json!(13)]);
    assert_eq!(holds(&report), 0);
    assert_eq!(*result(&report), json!([8, { "message": "13 is refused", "permanent": true }]));
    let outcomes: Vec<_> = report.records_of("run-0", "risky").map(|record| record.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Caught]);
    assert_eq!(report.records_of("run-0", "risky").next().unwrap().successors.len(), 1);
}

#[test]
fn transient_errors_are_a_value_when_all_attempts_are_made() {
    let report = simulation(&RESCUE, 1).run([json!(60), json!(90)]);
    assert_eq!(holds(&report), 0);
    assert_eq!((report.calls_of("run-0", "risky"), report.calls_of("run-1", "risky")), (3, 3));
    let RunStatus::Succeeded { result, .. } = report.runs.values().nth(1).unwrap() else { panic!() };
    assert_eq!(*result, json!([8, { "message": "never", "permanent": false }]));
}

#[test]
fn a_panic_is_a_value_when_all_attempts_are_made() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut panicking = RESCUE;
    panicking.plain = |_| Box::pin(async { Err(caribou_runtime::Error::permanent("it panics")) });
    let panicking: &'static Workflow = Box::leak(Box::new(panicking));
    let report = std::panic::catch_unwind(|| simulation(panicking, 3).run([json!(100)]));
    std::panic::set_hook(hook);
    let report = report.unwrap();
    assert_eq!(*result(&report), json!([8, { "message": "panicked: 100 is too much", "permanent": false }]));
}

#[test]
fn a_sync_node_can_be_caught() {
    let report = simulation(&MEETING, 1).run([json!(8), json!(4)]);
    assert_eq!(holds(&report), 0);
    assert_eq!(*result(&report), json!({ "Err": { "message": "16 is refused", "permanent": true } }));
}

#[test]
fn the_failure_of_a_map_is_that_of_its_first_item_that_failed() {
    let report = simulation(&SPREAD, 1).run([json!(20), json!(0), json!(7)]);
    assert_eq!(holds(&report), 0);
    assert_eq!(*result(&report), json!({ "Err": { "message": "13 is refused", "permanent": true } }));
    assert_eq!(report.calls_of("run-0", "risky"), 20);
}

#[test]
fn what_cannot_be_decoded_fails_the_run_all_the_same() {
    let report = simulation(&RESCUE, 1).run([json!("no number")]);
    let RunStatus::Failed { stage, error, .. } = report.runs.values().next().unwrap() else { panic!() };
    assert_eq!(stage.as_deref(), Some("risky"));
    assert!(error.contains("is not of type `u64`"), "{error}");
}

#[test]
fn crashes_that_exhaust_the_attempts_are_a_value() {
    let mut platform = Platform::new(&RESCUE);
    let run = platform.start(json!(77));
    platform.deliver_one();
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    for _ in 0..3 {
        platform.crash(&to, event.clone());
    }
    platform.advance(std::time::Duration::from_secs(66));
    let event = caribou_runtime::Event { request_id: event.request_id, ..platform.event(&body) };
    platform.handle(&to, event.clone()).unwrap();
    // What was decided is sent again, and is the same.
    platform.handle(&to, event).unwrap();
    platform.deliver_all();
    let RunStatus::Succeeded { result, .. } = platform.status(&run) else { panic!() };
    let why = "none of 3 attempts came to an outcome: they crashed, timed out or lost their connections";
    assert_eq!(result, json!([8, { "message": why, "permanent": false }]));
    assert_eq!(platform.calls("increment"), 1);
}

#[test]
fn an_attempt_that_was_overtaken_is_not_acknowledged_before_there_is_an_outcome() {
    let mut platform = Platform::new(&RESCUE);
    let run = platform.start(json!(71));
    platform.deliver_one();
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    let first = platform.freeze(&to, event.clone());
    let second = platform.freeze(&to, event.clone());
    // If it were, and the second died after it recorded its outcome, nobody would be left to send it.
    let overtaken = wait(first).unwrap_err();
    assert_eq!(
        overtaken.to_string(),
        "another attempt at stage `risky` has taken over; the event is looked at again"
    );
    wait(second).unwrap();
    platform.handle(&to, event).unwrap();
    platform.deliver_all();
    let RunStatus::Succeeded { result, .. } = platform.status(&run) else { panic!() };
    assert_eq!(result, json!([143, null]));
}

#[test]
fn a_dead_letter_that_nobody_claimed_is_a_value() {
    let mut platform = Platform::new(&RESCUE);
    let run = platform.start(json!(4));
    platform.deliver_one();
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    platform.give_up(&to, event, "it timed out").unwrap();
    // A duplicate that comes late changes nothing.
    let late = platform.event(&body);
    platform.handle(&to, late).unwrap();
    platform.deliver_all();
    let RunStatus::Succeeded { result, .. } = platform.status(&run) else { panic!() };
    let why = "the platform gave up delivering to function `risky`: it timed out";
    assert_eq!(result, json!([8, { "message": why, "permanent": false }]));
    assert_eq!(platform.calls("risky"), 0);
}

/// Whether an error is one that tells of crashes.
fn is_given_up(error: &Json) -> bool {
    let text = error["message"].as_str().unwrap_or_default();
    text.starts_with("none of") || text.starts_with("the platform gave up")
}

/// Whether a result is what the plain call gives if a stage came to no outcome.
fn is_rescued(workflow: &Workflow, result: &Json) -> bool {
    match workflow.name {
        "rescue" => result[0] == json!(8) && is_given_up(&result[1]),
        _ => is_given_up(&result["Err"]),
    }
}

#[test]
fn with_faults_every_run_is_its_plain_call_with_the_recorded_failures() {
    let heavy = |crash| Faults { duplicate: 0.3, crash, freeze: 0.02, lost_answer: 0.05, ..Faults::some() };
    for (workflow, inputs, faults) in [
        (&RESCUE, [json!(4), json!(13)], heavy(0.2)),
        (&MEETING, [json!(4), json!(8)], heavy(0.2)),
        (&SPREAD, [json!(0), json!(3)], heavy(0.1)),
    ] {
        let (mut rescued, mut runs) = (0, 0);
        for seed in seeds(200) {
            for faults in [Faults::some(), faults.clone()] {
                let report = simulation(workflow, seed).faults(faults).run(inputs.clone());
                let equals = |result: &Json, plain: Result<&Json, &str>| {
                    plain == Ok(result) || is_rescued(workflow, result)
                };
                report.check_first_law_by(equals).unwrap_or_else(|violation| panic!("{violation}"));
                for (run, status) in &report.runs {
                    let RunStatus::Succeeded { result, .. } = status else { continue };
                    runs += 1;
                    if report.plain.get(run).and_then(|plain| plain.as_ref().ok()) != Some(result) {
                        rescued += 1;
                        let caught = |outcome| outcome == AttemptOutcome::Caught;
                        let mut records = report.telemetry.iter().filter(|record| record.run == *run);
                        assert!(records.any(|record| caught(record.outcome)), "{}", report.schedule);
                    }
                }
            }
        }
        println!("{rescued} of {runs} runs of {} caught a crash", workflow.name);
        assert!(rescued > 0, "{rescued} of {runs} runs of {} caught a crash", workflow.name);
    }
}
