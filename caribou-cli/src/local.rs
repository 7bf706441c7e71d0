//! `caribou local`: the embedded cloud on this machine.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use caribou_control::deploy::under_plan;
use caribou_control::state::{Endpoint, State, StateError};
use caribou_control::{calendar, facts};
use caribou_local::{Cloud, Config, Control};
use caribou_model::Region;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::error::{CliError, Outcome};
use crate::platform::Platform;
use crate::session::Session;
use crate::target::Target;
use crate::terminal::Terminal;
use crate::{phrase, process, table};

/// What to do with the embedded cloud.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Start the embedded cloud, and keep it until Ctrl-C or `caribou local stop`.
    Start(Start),
    /// Build a workflow and deploy its functions to the home region, and to those of the plan in force.
    Deploy(Deploy),
    /// Show what is deployed and what is going on.
    Status(StateArgs),
    /// Stop the embedded cloud. Nothing is lost: a new start goes on where it was.
    Stop(StateArgs),
}

/// Where the embedded cloud keeps its state.
#[derive(Clone, Debug, clap::Args)]
struct StateArgs {
    /// The directory that the embedded cloud keeps its state in.
    #[arg(long, value_name = "DIR", default_value = Platform::Local.directory())]
    state: PathBuf,
}

impl StateArgs {
    fn state(&self) -> State {
        State::in_directory(&self.state)
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Start {
    #[command(flatten)]
    state: StateArgs,
    /// A region; repeat it for more. All that are known if none is named.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// The port on the loopback interface; 0 takes any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// What the real round trips between regions are multiplied by; 0 for no delay at all.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    latency: f64,
    /// Function instances that work at a time [default: one more than there are processors].
    #[arg(long, value_name = "N")]
    instances: Option<NonZeroUsize>,
    /// End when standard input closes.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Deploy {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    state: StateArgs,
}

pub(crate) async fn local(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    match args.command {
        Command::Start(args) => start(args, terminal).await,
        Command::Deploy(args) => deploy(args, terminal).await,
        Command::Status(args) => status(&args.state(), terminal).await,
        Command::Stop(args) => stop(&args.state(), terminal).await,
    }
}

async fn start(args: Start, terminal: Terminal) -> Result<Outcome, CliError> {
    if !(0.0..=100.0).contains(&args.latency) {
        return Err(CliError::Usage(format!(
            "--latency {} is out of range: it goes from 0 to 100",
            args.latency
        )));
    }
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("CARIBOU_LOG").unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let known = facts::embedded();
    let regions = if args.regions.is_empty() {
        known.regions.iter().map(|region| region.region.clone()).collect()
    } else {
        args.regions
    };
    let latencies = known.select(&regions)?.latencies;
    let cloud = Cloud::start(Config {
        state: args.state.state.clone(),
        port: args.port,
        regions: regions.clone(),
        latencies,
        latency_scale: args.latency,
        most_instances: args.instances.map_or_else(instances, NonZeroUsize::get),
    })
    .await?;
    let state = args.state.state();
    let endpoint = Endpoint { url: cloud.endpoint(), pid: std::process::id(), regions };
    state.write_endpoint(&endpoint)?;
    terminal.document(&endpoint);
    terminal.line(format!(
        "The embedded cloud is at {} with {} ({}).\nIts state is in {}. Ctrl-C stops it.",
        endpoint.url,
        phrase::count(endpoint.regions.len(), "region"),
        phrase::codes(&endpoint.regions),
        state.directory().display()
    ));
    tokio::select! {
        () = process::interrupted() => {}
        () = process::orphaned(), if args.until_stdin_closes => {}
        () = cloud.stop_requested() => {}
    }
    cloud.stop().await;
    state.forget_endpoint(&endpoint);
    Ok(Outcome::Held)
}

/// One more than there are processors: while one instance waits for another region, another can work.
pub(crate) fn instances() -> usize {
    std::thread::available_parallelism().map_or(2, NonZeroUsize::get) + 1
}

async fn deploy(args: Deploy, terminal: Terminal) -> Result<Outcome, CliError> {
    let state = args.state.state();
    let endpoint = state.endpoint()?;
    let built = args.target.build(terminal).await?;
    let manifest = built.manifest()?.manifest;
    if !endpoint.regions.contains(&manifest.home) {
        return Err(CliError::Failed(format!(
            "the embedded cloud has no region {}, the workflow's home; it has {}. Start it with --region {}",
            manifest.home.code(),
            phrase::codes(&endpoint.regions),
            manifest.home.code()
        )));
    }
    let session = Session::local(state, endpoint, built.deployed(manifest));
    let in_force = session.in_force().await?;
    let needs = under_plan(&session.deployed.graph, &in_force.plan);
    let deployer = session.deployer();
    let bar = terminal.bar("deploying", needs.len());
    let done = deployer
        .deploy(&needs, &mut |need| {
            bar.set_message(format!("{} to {}", need.function, need.region.code()));
            bar.inc(1);
        })
        .await;
    bar.finish_and_clear();
    let done = done?;
    deployer.verify(&needs).await?;
    deployer.release(&*session.ports.store, calendar::now()).await?;
    session.state.write_deployed(&session.deployed)?;
    let found = &session.deployed.graph;
    terminal.document(&json!({
        "workflow": found.workflow,
        "version": found.version,
        "deployed": done,
        "epoch": in_force.plan.epoch,
    }));
    let mut regions: Vec<Region> = done.iter().map(|need| need.region.clone()).collect();
    regions.sort();
    regions.dedup();
    terminal.step(format!(
        "{} {}: {} deployed to {}",
        found.workflow,
        found.version,
        phrase::count(found.functions.len(), "function"),
        phrase::codes(&regions)
    ));
    terminal.line(format!("Start a run with `caribou run {} --input FILE --wait`.", found.workflow));
    Ok(Outcome::Held)
}

async fn status(state: &State, terminal: Terminal) -> Result<Outcome, CliError> {
    let endpoint = state.endpoint()?;
    let control = Control::new(&endpoint.url);
    let status = control.status().await.map_err(|error| gone(state, &endpoint, &error))?;
    let deployments = control.deployments().await?;
    terminal.document(&json!({ "endpoint": endpoint, "status": status, "deployments": deployments }));
    terminal.line(format!("The embedded cloud is at {} (process {}).", endpoint.url, endpoint.pid));
    terminal.line(table::status(&status));
    if deployments.is_empty() {
        terminal.line("Nothing is deployed; deploy a workflow with `caribou local deploy PATH`.");
    } else {
        terminal.line(table::deployments(&deployments));
    }
    Ok(Outcome::Held)
}

async fn stop(state: &State, terminal: Terminal) -> Result<Outcome, CliError> {
    let endpoint = match state.endpoint() {
        Err(StateError::NotRunning { .. }) => {
            terminal.document(&json!({ "stopped": false }));
            terminal.line("No embedded cloud runs here.");
            return Ok(Outcome::Held);
        }
        other => other?,
    };
    let stopped = Control::new(&endpoint.url).stop().await;
    state.forget_endpoint(&endpoint);
    stopped.map_err(|error| gone(state, &endpoint, &error))?;
    terminal.document(&json!({ "stopped": true }));
    terminal.step("the embedded cloud was stopped");
    Ok(Outcome::Held)
}

/// The cloud that was noted does not answer.
fn gone(state: &State, endpoint: &Endpoint, error: &caribou_local::ControlError) -> CliError {
    CliError::Failed(format!(
        "the embedded cloud that was started as process {} with its state in {} does not answer ({error}); start it \
         again with `caribou local start`: nothing was lost",
        endpoint.pid,
        state.directory().display()
    ))
}
