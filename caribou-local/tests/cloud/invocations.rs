//! Functions whose services are AWS's: events as they are given, answers, and notices of what was given up.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use caribou_local::{AsynchronousEvents, Called, Services};
use caribou_model::Region;
use caribou_runtime::port::StageAddress;
use http::StatusCode;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::fixture::{Fixture, HOME, PATIENCE, deployment, example, until};

/// Notices that came in, and whether they are taken.
#[derive(Clone, Default)]
struct Destination {
    notices: Arc<Mutex<Vec<Value>>>,
    open: Arc<Mutex<bool>>,
}

impl Destination {
    async fn listen(&self) -> String {
        let routes = Router::new().route("/failures/parrot", post(take)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/failures/parrot", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }

    fn opens(&self) {
        *self.open.lock().unwrap() = true;
    }

    fn notices(&self) -> Vec<Value> {
        self.notices.lock().unwrap().clone()
    }
}

async fn take(State(destination): State<Destination>, body: String) -> StatusCode {
    destination.notices.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    if *destination.open.lock().unwrap() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn deploy(fixture: &Fixture, events: AsynchronousEvents, timeout_s: u32) -> StageAddress {
    let mut deployment = deployment("parrot", HOME, &example("parrot"));
    deployment.spec.timeout_s = timeout_s;
    deployment.services = Services::Aws(events);
    deployment.env.insert("CARIBOU_HOME".into(), "aws:us-west-2".into());
    fixture.control.deploy(&deployment).await.unwrap();
    deployment.address
}

fn raw(event: &Value) -> Box<RawValue> {
    to_raw_value(event).unwrap()
}

async fn call(fixture: &Fixture, to: &StageAddress, event: &Value) -> Called {
    fixture.control.call(to, &raw(event), PATIENCE).await.unwrap()
}

#[tokio::test]
async fn who_waits_for_an_event_gets_the_functions_answer_or_what_went_wrong_once() {
    let fixture = Fixture::new().await;
    let parrot = deploy(&fixture, AsynchronousEvents::default(), 1).await;
    let event = json!({"Records": [{"n": 1.0}]});
    assert_eq!(call(&fixture, &parrot, &event).await, Called::Answered(event.to_string()));
    let failed = |called| match called {
        Called::Failed { kind, reason } => (kind, reason),
        Called::Answered(answer) => panic!("{answer}"),
    };
    let (kind, reason) = failed(call(&fixture, &parrot, &json!({"do": "fail"})).await);
    assert_eq!((kind.as_str(), reason.as_str()), ("NoLuck", "it is raining"));
    let (kind, reason) = failed(call(&fixture, &parrot, &json!({"do": "exit"})).await);
    assert!(kind == "Runtime.ExitError" && reason.contains("exit status: 3"), "{kind}: {reason}");
    let (kind, reason) = failed(call(&fixture, &parrot, &json!({"do": "wait"})).await);
    assert!(kind == "Sandbox.Timedout" && reason.contains("1 s"), "{kind}: {reason}");
    fixture.settled().await;
    assert!(fixture.control.dead_letters().await.unwrap().is_empty());
    let log = fixture.control.logs(&parrot, 10_000).await.unwrap();
    assert_eq!(log.matches("REPORT").count(), 4, "{log}");
}

#[tokio::test]
async fn an_instance_that_calls_aws_sees_what_lambda_would_give_it_and_nothing_of_the_embedded_cloud() {
    let fixture = Fixture::new().await;
    let parrot = deploy(&fixture, AsynchronousEvents::default(), 60).await;
    let Called::Answered(names) = call(&fixture, &parrot, &json!({"do": "environment"})).await else {
        panic!("no answer");
    };
    let names: Vec<String> = serde_json::from_str(&names).unwrap();
    let sees = |name: &str| names.iter().any(|known| known == name);
    for name in
        ["CARIBOU_HOSTED", "CARIBOU_HOME", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT"]
    {
        assert!(sees(name), "{name}: {names:?}");
    }
    for name in ["CARIBOU_LOCAL", "CARIBOU_WORKFLOW", "HOME"] {
        assert!(!sees(name), "{name}: {names:?}");
    }
}

#[tokio::test]
async fn an_event_that_fails_is_tried_as_often_as_was_said_and_its_destination_told_even_after_a_restart() {
    let destination = Destination::default();
    let failures = Some(destination.listen().await);
    let fixture = Fixture::new().await;
    let parrot = deploy(&fixture, AsynchronousEvents { retries: 1, failures }, 60).await;
    let event = json!({"do": "fail", "text": "\"quoted\""});
    let request = fixture.control.invoke(&parrot, &raw(&event)).await.unwrap();
    until("a notice that is not taken", async || !destination.notices().is_empty()).await;
    assert_eq!(fixture.control.status().await.unwrap().in_flight, 1);

    let fixture = fixture.restarted().await;
    destination.opens();
    fixture.settled().await;
    let notices = destination.notices();
    let notice = notices.last().unwrap();
    assert_eq!(notice["requestPayload"], event);
    assert_eq!(notice["requestContext"]["requestId"], json!(request));
    assert_eq!(notice["requestContext"]["approximateInvokeCount"], json!(2));
    assert_eq!(notice["responsePayload"], json!({"errorType": "NoLuck", "errorMessage": "it is raining"}));
    let letters = fixture.control.dead_letters().await.unwrap();
    assert_eq!((letters.len(), letters[0].attempts), (1, 2));
}

#[tokio::test]
async fn without_a_destination_what_is_given_up_is_gone() {
    let fixture = Fixture::new().await;
    let parrot = deploy(&fixture, AsynchronousEvents { retries: 0, failures: None }, 60).await;
    fixture.control.invoke(&parrot, &raw(&json!({"do": "exit"}))).await.unwrap();
    fixture.settled().await;
    assert_eq!(fixture.control.dead_letters().await.unwrap()[0].attempts, 1);
}

#[tokio::test]
async fn no_event_is_taken_for_a_function_that_is_not_there_or_in_a_region_that_is_down() {
    let fixture = Fixture::new().await;
    let mut parrot = deploy(&fixture, AsynchronousEvents::default(), 60).await;
    let down: std::collections::BTreeSet<Region> = [HOME].into();
    fixture.control.faults(&caribou_local::Faults { down, ..Default::default() }).await.unwrap();
    let refused = |error: caribou_local::ControlError| error.to_string();
    let event = raw(&json!({}));
    let error = fixture.control.invoke(&parrot, &event).await.map_err(refused).unwrap_err();
    assert!(error.contains("is down"), "{error}");
    let error = fixture.control.call(&parrot, &event, PATIENCE).await.map_err(refused).unwrap_err();
    assert!(error.contains("is down"), "{error}");
    fixture.control.faults(&caribou_local::Faults::default()).await.unwrap();
    parrot.function = "owl".into();
    let error = fixture.control.call(&parrot, &event, PATIENCE).await.map_err(refused).unwrap_err();
    assert!(error.contains("not deployed"), "{error}");
}

#[tokio::test]
async fn a_destination_that_is_not_on_this_machine_is_refused() {
    let fixture = Fixture::new().await;
    let mut deployment = deployment("parrot", HOME, &example("parrot"));
    let failures = Some("http://example.com/".to_owned());
    deployment.services = Services::Aws(AsynchronousEvents { retries: 2, failures });
    let error = fixture.control.deploy(&deployment).await.unwrap_err().to_string();
    assert!(error.contains("http://example.com/") && error.contains("127.0.0.1"), "{error}");
}
