//! How much the embedded cloud gets done, and where the time goes.
//!
//! ```text
//! cargo bench -p caribou-local --bench throughput
//! ```
//!
//! It starts a cloud in this process and deploys a workflow of two tiny functions to it, with latencies off; the bootstraps
//! are this program again. Then it prints
//!
//! 1. how long a bootstrap takes to start, bare and with the shim;
//! 2. store writes per second;
//! 3. one run at a time: how long a hop takes, and its parts from the telemetry;
//! 4. many runs at once: stage executions per second, and what a stage execution costs: CPU time of the instances, of the
//!    cloud's threads (HTTP, scheduling) and of its writer, requests and commits.
//!
//! # What it showed
//!
//! On a virtual machine of two cores that others used too, whose disk takes about 1 ms for an `fsync`: 329 stage executions
//! per second with 4 instances at work, 793 with 16.
//!
//! The time goes into waiting for the disk. The writer is busy nine tenths of the time, and a stage execution waits for
//! it three times in a row: for its claim, its outcome, and the message it sends. Each of them is on disk before it is
//! acknowledged; that is the promise, and what others write meanwhile shares the commit (3 writes in one with 4 instances, 7 with
//! 16). So it is more instances at a time that get more done, until the processors are busy: 2 ms of them for each stage
//! execution with 4 instances (1.3 ms with 16), of which the instances take 0.9 ms, HTTP and scheduling in the cloud
//! 0.6 ms, the writer 0.6 ms. `perf record` over all processes finds half of that in the kernel (switching between
//! tasks above all, then sockets and the disk), 14 % in the bootstraps, 19 % in the cloud and its clients, 13 % in the C
//! library (allocating and copying); no function of ours has more than 2 %.
//!
//! Tried and left out: letting what nobody waits for (telemetry, messages that are done) lie for 5 ms so that it shares
//! another commit. It saves 3 % of the commits: under load there is always something that somebody waits for.

mod load;
mod processes;
#[path = "../../examples/relay.rs"]
mod relay;
mod starts;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use caribou_local::model::{FunctionSpec, LatencyTable, Region};
use caribou_local::{Cloud, Config, Control, FunctionDeployment};
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Client, local};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const HOME: Region = Region::aws("us-east-1");

fn main() -> ExitCode {
    if std::env::var_os(starts::BARE).is_some() {
        return told(runtime().and_then(|runtime| runtime.block_on(starts::bare())));
    }
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        return relay::main();
    }
    // `cargo test --benches` is no time to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    told(runtime().and_then(|runtime| runtime.block_on(measure())))
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.worker_threads(1).thread_name("client").enable_all().build()?)
}

fn told(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Outcome<()> {
    let cores = std::thread::available_parallelism()?.get();
    measure_with(2 * cores, true).await?;
    measure_with(8 * cores, false).await
}

/// On a cloud where so many instances work at a time; `everything`, or many runs at once only.
async fn measure_with(most_instances: usize, everything: bool) -> Outcome<()> {
    let state = std::env::temp_dir().join(format!("caribou-throughput-{}", std::process::id()));
    let cloud = Cloud::start(Config {
        state: state.clone(),
        port: 0,
        regions: vec![HOME],
        latencies: LatencyTable::new(),
        latency_scale: 0.0,
        most_instances,
    })
    .await?;
    let measured = measure_on(&cloud, most_instances, everything).await;
    cloud.stop().await;
    std::fs::remove_dir_all(state)?;
    measured
}

async fn measure_on(cloud: &Cloud, most_instances: usize, everything: bool) -> Outcome<()> {
    let this = std::env::current_exe()?;
    let control = Control::new(&cloud.endpoint());
    for function in ["first", "second"] {
        control.deploy(&deployment(function, &this)).await?;
    }
    let ports = local::ports(&cloud.endpoint(), Some(HOME));
    let client = Client::new("relay", "0.1.0", "first", HOME, ports.clone());
    if everything {
        starts::measure(&this, &cloud.endpoint()).await?;
        load::writes(&ports).await?;
        load::settle(&control).await?;
        load::hops(&control, &client).await?;
    }
    load::throughput(&control, &client, most_instances).await
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
        services: caribou_local::Services::Embedded,
    }
}

/// Median and 95th percentile, in ms.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| {
        times.get(times.len().saturating_sub(1) * share / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    format!("{:.1} ({:.1})", at(50), at(95))
}
