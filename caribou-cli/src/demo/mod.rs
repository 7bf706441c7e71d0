//! `caribou demo`: the whole job on this machine, and whether it held.

use std::path::PathBuf;
use std::time::Instant;

use caribou_control::calendar;
use caribou_control::deploy::at_home;
use caribou_control::state::{Deployed, Solved, State};
use caribou_model::{Epoch, Region};
use caribou_solver::Settings;

use crate::cloud::CloudProcess;
use crate::error::{CliError, Outcome};
use crate::plan::Proposal;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::{migrate, phrase, solve};

mod batch;
mod example;
mod scratch;
mod story;
mod verdict;

use batch::Batch;
use example::Example;
use scratch::Scratch;
use story::Story;

/// How to show it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Runs before and runs under the plan; as many probes as come with the latter are added.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=5000))]
    runs: u32,
    /// Your own photographs: a folder with PNG or JPEG files [default: rendered ones].
    #[arg(long, value_name = "DIR")]
    input: Option<PathBuf>,
    /// Where the embedded cloud keeps its state; must be empty [default: a folder in target/caribou-demo].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Keep the state afterwards.
    #[arg(long)]
    keep: bool,
    /// The report [default: target/caribou-demo/report.html].
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Kill the embedded cloud (`kill -9`) amid the runs under the plan, and start it again.
    #[arg(long)]
    kill_cloud: bool,
}

/// The regions of the demo; the first is home.
const REGIONS: [Region; 4] = [
    Region::aws("us-east-1"),
    Region::aws("us-west-1"),
    Region::aws("us-west-2"),
    Region::aws("ca-central-1"),
];
/// More than the usual tenth, for a control group within a short demo.
const PROBE_SHARE: f64 = 0.2;

pub(crate) async fn demo(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let example = Example::find()?;
    let built = example.build(terminal).await?;
    let since = Instant::now();
    let scratch = Scratch::new(&example, args.state.as_deref(), args.keep)?;
    let photos = example.photos(args.input.as_deref(), scratch.directory(), &built, terminal).await?;

    let state = State::in_directory(scratch.directory().join("cloud"));
    let cloud = CloudProcess::start(state.clone(), REGIONS.to_vec()).await?;
    terminal.step(format!("embedded cloud at {} with {}", cloud.endpoint().url, phrase::codes(&REGIONS)));
    let mut manifest = built.manifest()?.manifest;
    manifest.runs.probe_share = PROBE_SHARE;
    let session = Session::local(state, cloud.endpoint().clone(), built.deployed(manifest));
    deploy(&session, terminal).await?;

    let before = Batch::without_plan("before", args.runs as usize, &photos);
    let before = before.run(&session, &cloud, None, terminal).await?;
    let (solved, proposal, epoch) = migrate_from(&session, terminal).await?;
    let after = Batch::under_plan("after", args.runs as usize, PROBE_SHARE, &photos);
    terminal.step(format!(
        "{:.0} % of runs go home as probes (a manifest's usual share is 10 %), for a control group of {}",
        PROBE_SHARE * 100.0,
        after.probes()
    ));
    let after = after.run(&session, &cloud, args.kill_cloud.then_some(0.5), terminal).await?;

    let log = session.settled_log(terminal).await?;
    let story =
        Story { session, photos, before, after, solved, proposal, epoch, log, killed: args.kill_cloud };
    let report = args.report.unwrap_or_else(|| example.output().join("report.html"));
    let held = story.tell(&report, since, terminal)?;
    if args.keep || args.state.is_some() {
        terminal.line(format!("The state is in {}", scratch.directory().display()));
    }
    Ok(Outcome::of(held))
}

/// Deploys every function to the home region.
async fn deploy(session: &Session, terminal: Terminal) -> Result<(), CliError> {
    let Deployed { graph: workflow, manifest, .. } = &session.deployed;
    let deployer = session.deployer();
    let needs = at_home(workflow, &manifest.home);
    deployer.deploy(&needs, &mut |_| ()).await?;
    deployer.verify(&needs).await?;
    deployer.release(&*session.ports.store, calendar::now()).await?;
    session.state.write_deployed(&session.deployed)?;
    let functions = phrase::count(workflow.functions.len(), "function");
    terminal.step(format!("{functions} deployed to the home region {}", manifest.home.code()));
    Ok(())
}

/// Learns, solves, shows the difference, migrates. Returns the epoch that is in force then.
async fn migrate_from(session: &Session, terminal: Terminal) -> Result<(Solved, Proposal, Epoch), CliError> {
    let log = session.settled_log(terminal).await?;
    solve::warn_of_unreadable(&log, terminal);
    let workload = session.learn(&log).workload;
    let runs = phrase::count(workload.runs.len(), "run");
    let month = calendar::month(calendar::now());
    let solved = tokio::task::block_in_place(|| session.solve(workload, month, &Settings::default()))?;
    terminal.step(format!(
        "learned from {runs}, solved 24 hours ({} placements by {} search)",
        solved.solution.placements, solved.solution.algorithm
    ));
    let proposal = Proposal::of(session, &solved).await?;
    proposal.show(terminal);
    let migrated = migrate::apply(session, &proposal, terminal).await?;
    Ok((solved, proposal, migrated.epoch))
}
