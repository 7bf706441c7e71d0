//! Measures how fast a bootstrap starts, and how much the embedded cloud gets done.
//!
//! ```text
//! cargo build --release -p caribou-local --examples && target/release/examples/measure
//! ```

use std::error::Error;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use caribou_local::model::{FunctionSpec, LatencyTable, Region, RunId, Timestamp};
use caribou_local::{Cloud, Config, Control, FunctionDeployment};
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::{Clock, Condition, StageAddress};
use caribou_runtime::{Client, Request, local};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const HOME: Region = Region::aws("us-east-1");
const STARTS: usize = 50;
const RUNS: usize = 300;
const WRITES: usize = 4000;

/// Started by itself as a bootstrap, this program is a Lambda function that does nothing, without shim and clients.
const BARE: &str = "CARIBOU_MEASURE_BARE";

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = if std::env::var_os(BARE).is_some() { bare().await } else { measure().await };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn bare() -> Outcome<()> {
    let handler = |event: lambda_runtime::LambdaEvent<serde_json::Value>| async move {
        Ok::<_, lambda_runtime::Error>(event.payload)
    };
    lambda_runtime::Runtime::new(lambda_runtime::service_fn(handler)).run().await
}

async fn measure() -> Outcome<()> {
    let this = std::env::current_exe()?;
    let relay = this.with_file_name("relay");
    println!("bootstrap: {:.1} MB ({})", std::fs::metadata(&relay)?.len() as f64 / 1e6, relay.display());
    let state = std::env::temp_dir().join(format!("caribou-measure-{}", std::process::id()));
    let cloud = Cloud::start(Config {
        state: state.clone(),
        port: 0,
        regions: vec![HOME],
        latencies: LatencyTable::new(),
        latency_scale: 0.0,
        most_instances: 2 * std::thread::available_parallelism()?.get(),
    })
    .await?;
    let measured = measure_on(&cloud, &this, &relay).await;
    cloud.stop().await;
    std::fs::remove_dir_all(state)?;
    measured
}

async fn measure_on(cloud: &Cloud, this: &Path, relay: &Path) -> Outcome<()> {
    let control = Control::new(&cloud.endpoint());
    for function in ["first", "second"] {
        control.deploy(&deployment(function, relay)).await?;
    }
    let bare = starts(this, true, &cloud.endpoint()).await?;
    let full = starts(relay, false, &cloud.endpoint()).await?;
    println!(
        "process start to first question, to first answer (median and 95th percentile of {STARTS}, ms):"
    );
    println!("  lambda_runtime alone          {bare}");
    println!("  with shim and local adapter   {full}");

    let ports = local::ports(&cloud.endpoint(), Some(HOME));
    let began = Instant::now();
    let writers = (0..32).map(|writer| {
        let store = ports.store.clone();
        tokio::spawn(async move {
            for number in 0..WRITES / 32 {
                let key = format!("{writer}/{number}");
                let never = Timestamp::from_millis(u64::MAX);
                store.put(&HOME, &key, vec![7; 300].into(), Condition::Absent, never).await?;
            }
            Ok::<_, caribou_runtime::port::StoreError>(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    println!("store writes by 32 writers: {:.0} per second", WRITES as f64 / began.elapsed().as_secs_f64());

    let client = Client::new("relay", "0.1.0", "first", HOME, ports);
    control.settled(Duration::from_mins(2)).await?;
    let after = drain(&control, 0).await?.1;
    let began = Instant::now();
    for _ in 0..RUNS {
        client.start(None, serde_json::json!({})).await?;
    }
    if !control.settled(Duration::from_mins(5)).await? {
        return Err("the runs did not end within 5 minutes".into());
    }
    let seconds = began.elapsed().as_secs_f64();
    let lines = drain(&control, after).await?.0;
    let stages = lines
        .iter()
        .filter(|line| line.contains(r#""stage":"first""#) || line.contains(r#""stage":"second""#));
    println!(
        "{RUNS} runs of 2 stages: {:.0} stage executions per second, {:.1} s in all; {:?}",
        stages.count() as f64 / seconds,
        seconds,
        control.status().await?
    );
    Ok(())
}

/// All telemetry after a number, and the number after it.
async fn drain(control: &Control, mut after: u64) -> Outcome<(Vec<String>, u64)> {
    let mut lines = Vec::new();
    loop {
        let telemetry = control.telemetry(after).await?;
        if telemetry.lines.is_empty() {
            return Ok((lines, after));
        }
        after = telemetry.next;
        lines.extend(telemetry.lines);
    }
}

fn deployment(function: &str, bootstrap: &Path) -> FunctionDeployment {
    let address = StageAddress {
        workflow: "relay".into(),
        version: "0.1.0".into(),
        function: function.into(),
        region: HOME,
    };
    FunctionDeployment {
        address,
        spec: FunctionSpec::new(function),
        bootstrap: bootstrap.into(),
        home: HOME,
        probe_share: 0.0,
        run_deadline_s: 600,
        env: std::collections::BTreeMap::new(),
    }
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

fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    format!("{:.1} ({:.1})", at(0.5), at(0.95))
}
