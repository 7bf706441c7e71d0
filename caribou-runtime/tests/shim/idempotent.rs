//! Stages of idempotent functions: no claim, and yet a budget of attempts.

use caribou_runtime::{Event, Handled, RunStatus, Workflow};
use serde_json::json;

use crate::first_law::simulation;
use crate::map_workflows::RESCUE;
use crate::platform::Platform;
use crate::workflows::FORK;

/// The same workflow with idempotent functions.
fn fork() -> &'static Workflow {
    let graph = || {
        let mut graph = (FORK.graph)();
        graph.functions.iter_mut().for_each(|function| function.idempotent = true);
        graph
    };
    Box::leak(Box::new(Workflow { graph, ..FORK }))
}

/// Another, one of whose stages is caught.
fn rescue() -> &'static Workflow {
    let graph = || {
        let mut graph = (RESCUE.graph)();
        graph.functions.iter_mut().for_each(|function| function.idempotent = true);
        graph
    };
    Box::leak(Box::new(Workflow { graph, ..RESCUE }))
}

#[test]
fn transient_errors_are_final_when_the_attempts_are_used_up() {
    // As the context's number stays 1 there, `flaky` never succeeds.
    let mut platform = Platform::new(fork());
    let run = platform.start(json!(60));
    platform.deliver_one();
    platform.deliver_one();
    let (to, body) = platform.take_all().remove(0);
    // Different deliveries of one message share the budget.
    for attempt in 1..3 {
        let event = platform.event(&body);
        let error = platform.handle(&to, event).unwrap_err().to_string();
        assert!(error.starts_with(&format!("attempt {attempt} of 3")), "{error}");
    }
    let event = platform.event(&body);
    assert_eq!(platform.handle(&to, event).unwrap(), Handled::Done);
    let RunStatus::Failed { stage, error, input, .. } = platform.status(&run) else { panic!() };
    assert_eq!((stage.as_deref(), error.as_str()), (Some("flaky"), "not yet"));
    assert_eq!(input[0], json!(60));
}

#[test]
fn a_caught_failure_goes_on_as_a_value() {
    let report = simulation(rescue(), 1).run([json!(60)]);
    let RunStatus::Succeeded { result, .. } = report.runs.values().next().unwrap() else { panic!() };
    assert_eq!(*result, json!([8, { "message": "not yet", "permanent": false }]));
    assert_eq!(report.calls_of("run-0", "risky"), 3);
}

#[test]
fn an_outcome_is_written_over_the_count_of_failures() {
    let mut platform = Platform::new(fork());
    let run = platform.start(json!(60));
    platform.deliver_one();
    platform.deliver_one();
    let messages = platform.take_all();
    for (to, body) in &messages {
        let event = platform.event(body);
        assert!(platform.handle(to, event).is_err());
    }
    platform.deploy(steady());
    for (to, body) in messages {
        let event = platform.event(&body);
        platform.handle(&to, Event { ..event.clone() }).unwrap();
        // A retry repeats what was recorded.
        platform.handle(&to, event).unwrap();
    }
    platform.deliver_all();
    assert!(matches!(platform.status(&run), RunStatus::Succeeded { .. }), "{:?}", platform.status(&run));
}

/// The same graph with a function that does not fail.
fn steady() -> &'static Workflow {
    use caribou_runtime::call_stage;
    use caribou_runtime::model::NodeId;

    use crate::workflows::{Harmless, Stamp};

    let call = |node: NodeId| match node.0 {
        1 => Some(call_stage::<Stamp> as _),
        _ => Some(call_stage::<Harmless> as _),
    };
    Box::leak(Box::new(Workflow { call, ..*fork() }))
}
