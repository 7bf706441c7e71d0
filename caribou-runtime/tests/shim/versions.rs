//! A run belongs to the version of the workflow that received it first.

use std::time::Duration;

use caribou_runtime::{Event, HandleError, Handled, RunStatus, Workflow};
use serde_json::json;

use crate::platform::Platform;
use crate::workflows::CHAIN;

/// The next version of a workflow.
fn next() -> &'static Workflow {
    let graph = || {
        let mut graph = (CHAIN.graph)();
        graph.version = "0.2.0".into();
        graph
    };
    Box::leak(Box::new(Workflow { version: "0.2.0", graph, ..CHAIN }))
}

/// A request for a run that another version has received, and crashed with, as the next version gets it.
fn taken(platform: &mut Platform) -> (caribou_runtime::port::StageAddress, Event) {
    platform.start(json!(4));
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    platform.crash(&to, event);
    platform.advance(Duration::from_secs(66));
    let event = platform.event(&body.replace("0.1.0", "0.2.0"));
    (to, event)
}

#[test]
fn a_request_of_another_version_does_not_touch_the_run() {
    for dead in [false, true] {
        let outage = crate::outage::Outage::default();
        let mut platform = Platform::between(&CHAIN, outage.wrap());
        outage.stop_after(1);
        let (to, event) = taken(&mut platform);
        platform.deploy(next());
        let error = if dead {
            platform.give_up(&to, event, "it crashed").unwrap_err()
        } else {
            platform.handle(&to, event).unwrap_err()
        };
        assert!(matches!(error, HandleError::Refused(_)), "{error}");
        assert!(error.to_string().contains("is of version 0.1.0"), "{error}");
        // It is still the first version's to finish.
        platform.deploy(&CHAIN);
        platform.start(json!(4));
        platform.deliver_all();
        let status = platform.status(&"run".parse().unwrap());
        assert!(matches!(status, RunStatus::Succeeded { .. }), "{status:?}");
    }
}

/// Another body under the same version.
fn changed() -> &'static Workflow {
    let graph = || {
        let mut graph = (CHAIN.graph)();
        graph.nodes[1].output = "String".into();
        graph
    };
    Box::leak(Box::new(Workflow { graph, ..CHAIN }))
}

#[test]
fn another_body_under_the_same_version_is_refused_with_the_way_out() {
    let mut platform = Platform::new(&CHAIN);
    platform.start(json!(4));
    let (to, request) = platform.take_one();
    let event = platform.event(&request);
    platform.handle(&to, event).unwrap();
    let (to, message) = platform.take_one();
    platform.deploy(changed());
    for body in [request, message] {
        let event = platform.event(&body);
        let error = platform.handle(&to, event).unwrap_err();
        assert!(error.is_refusal(), "{error}");
        assert!(error.to_string().contains("give the workflow a new version"), "{error}");
    }
}

#[test]
fn two_deliveries_of_one_message_are_one_run() {
    let mut platform = Platform::new(&CHAIN);
    let body = r#"{"caribou":1,"request":{"workflow":"chain","input":4}}"#;
    platform.start(json!(4));
    let (to, _) = platform.take_one();
    let mut runs = Vec::new();
    for message_id in [Some("m-1"), Some("m-1"), Some("m-2"), None, None] {
        let event = platform.event(body);
        let handled =
            platform.handle(&to, Event { message_id: message_id.map(str::to_owned), ..event }).unwrap();
        runs.push(handled);
    }
    let accepted = |run: &str| Handled::Accepted { run: run.parse().unwrap() };
    let wanted =
        [accepted("m-1"), Handled::Duplicate, accepted("m-2"), accepted("request-4"), accepted("request-5")];
    assert_eq!(runs, wanted);
}

#[test]
fn a_run_is_not_taken_up_again_by_another_body_under_its_version() {
    let mut platform = Platform::new(&CHAIN);
    let run = platform.start(json!(13));
    platform.deliver_all();
    assert!(matches!(platform.status(&run), RunStatus::Failed { .. }));
    platform.deploy(changed());
    platform.retry(&run).unwrap();
    let (to, body) = platform.take_one();
    let event = platform.event(&body);
    let error = platform.handle(&to, event).unwrap_err();
    assert!(matches!(error, HandleError::Refused(_)), "{error}");
    assert!(matches!(platform.status(&run), RunStatus::Failed { .. }), "the record is as it was");
}
