//! How fast a bootstrap starts.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use caribou_local::model::RunId;
use caribou_runtime::Request;
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::Clock;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::{Outcome, summary};

const STARTS: usize = 50;

/// Started by itself with this, this program is a Lambda function that does nothing, without shim and clients.
pub(crate) const BARE: &str = "CARIBOU_MEASURE_BARE";

pub(crate) async fn bare() -> Outcome<()> {
    let handler = |event: lambda_runtime::LambdaEvent<serde_json::Value>| async move {
        Ok::<_, lambda_runtime::Error>(event.payload)
    };
    lambda_runtime::Runtime::new(lambda_runtime::service_fn(handler)).run().await
}

pub(crate) async fn measure(this: &Path, cloud: &str) -> Outcome<()> {
    println!(
        "process start to first question, and to first answer; median (95th percentile) of {STARTS}, ms"
    );
    println!("  lambda_runtime alone           {}", starts(this, true, cloud).await?);
    println!("  with shim and local adapter    {}", starts(this, false, cloud).await?);
    Ok(())
}

/// Starts a bootstrap many times under a Runtime API of one event, and tells how long it takes to ask for it and to
/// have handled it.
async fn starts(bootstrap: &Path, bare: bool, cloud: &str) -> Outcome<String> {
    let (mut questions, mut answers) = (Vec::new(), Vec::new());
    for number in 0..STARTS {
        let request = Request {
            workflow: "relay".into(),
            version: Some("0.1.0".into()),
            run: Some(format!("measure-{number}").parse::<RunId>()?),
            input: serde_json::json!({}),
            input_blob: None,
            sent: None,
            traceparent: None,
            resume: None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api = listener.local_addr()?.to_string();
        let (heard, mut calls) = mpsc::unbounded_channel();
        let host = tokio::spawn(axum::serve(listener, host(request.encode()?, heard)).into_future());
        let began = Instant::now();
        let child = start(bootstrap, bare, &api, cloud)?;
        for (path, times) in [("/next", &mut questions), ("/response", &mut answers)] {
            let (call, at) = calls.recv().await.ok_or("the bootstrap does not call")?;
            if !call.ends_with(path) {
                return Err(format!("the bootstrap calls {call} instead of {path}").into());
            }
            times.push(at - began);
        }
        drop(child);
        host.abort();
    }
    Ok(format!("{}   {}", summary(questions), summary(answers)))
}

/// A Runtime API that answers a question with an event, and tells what was called when.
fn host(event: String, heard: mpsc::UnboundedSender<(String, Instant)>) -> Router {
    let tell = heard.clone();
    let next = async move |request: axum::extract::Request| {
        let _ = tell.send((request.uri().path().to_owned(), Instant::now()));
        let deadline = SystemClock.now().plus(Duration::from_mins(1)).as_millis().to_string();
        let id = "measure".to_owned();
        ([("lambda-runtime-aws-request-id", id), ("lambda-runtime-deadline-ms", deadline)], event)
    };
    let other = async move |request: axum::extract::Request| {
        let _ = heard.send((request.uri().path().to_owned(), Instant::now()));
        std::future::pending::<()>().await;
    };
    Router::new().route("/2018-06-01/runtime/invocation/next", get(next)).fallback(other)
}

fn start(bootstrap: &Path, bare: bool, api: &str, cloud: &str) -> std::io::Result<Child> {
    let mut command = Command::new(bootstrap);
    if bare {
        command.env(BARE, "1");
    }
    command
        .env("AWS_LAMBDA_RUNTIME_API", api)
        .env("AWS_LAMBDA_FUNCTION_NAME", "relay-first")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
        .env("AWS_REGION", "us-east-1")
        .env("CARIBOU_WORKFLOW", "relay")
        .env("CARIBOU_VERSION", "0.1.0")
        .env("CARIBOU_FUNCTION", "first")
        .env("CARIBOU_HOME", "us-east-1")
        .env("CARIBOU_PROBE_SHARE", "0")
        .env("CARIBOU_RUN_DEADLINE_S", "600")
        .env("CARIBOU_LOCAL", cloud)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}
