//! `caribou demo`: the whole job on this machine, and whether it held.

use std::path::{Path, PathBuf};
use std::time::Instant;

use caribou_control::account::{Account, Comparison};
use caribou_control::calendar;
use caribou_control::deploy::{Deployer, at_home};
use caribou_control::report::Report;
use caribou_control::state::State;
use caribou_model::Region;
use caribou_solver::Settings;
use serde_json::json;

use crate::cloud::CloudProcess;
use crate::error::{CliError, Outcome};
use crate::plan::Proposal;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::{graph, migrate, solve, table};

mod batch;
mod example;
mod scratch;
mod verdict;

use batch::Batch;
use example::Example;
use scratch::Scratch;
use verdict::Verdict;

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
    terminal.step(format!("embedded cloud at {} with {}", cloud.endpoint().url, graph::codes(&REGIONS)));
    let mut manifest = built.manifest()?.manifest;
    manifest.runs.probe_share = PROBE_SHARE;
    let session = Session::new(state, cloud.endpoint().clone(), built.deployed(manifest));
    let workflow = &session.deployed.graph;
    let home = &session.deployed.manifest.home;
    let deployer = Deployer { control: &session.control, deployed: &session.deployed };
    let needs = at_home(workflow, home);
    deployer.deploy(&needs, |_| ()).await?;
    deployer.verify(&needs).await?;
    session.state.write_deployed(&session.deployed)?;
    terminal.step(format!(
        "{} deployed to the home region {}",
        graph::count(workflow.functions.len(), "function"),
        home.code()
    ));

    let before = Batch::without_plan("before", args.runs as usize, &photos);
    let before = before.run(&session, &cloud, None, terminal).await?;
    let log = session.settled_log().await?;
    solve::warn_of_unreadable(&log, terminal);
    let learned = session.learn(&log);
    let month = calendar::month(calendar::now());
    let runs_learned = learned.workload.runs.len();
    let solved =
        tokio::task::block_in_place(|| session.solve(learned.workload, month, &Settings::default()))?;
    terminal.step(format!(
        "learned from {}, solved 24 hours ({} placements by {} search)",
        graph::count(runs_learned, "run"),
        solved.solution.placements,
        solved.solution.algorithm
    ));
    let proposal = Proposal::of(&session, &solved).await?;
    proposal.show(terminal);
    let migrated = migrate::apply(&session, &proposal, terminal).await?;

    let after = Batch::under_plan("after", args.runs as usize, PROBE_SHARE, &photos);
    terminal.step(format!(
        "{:.0} % of runs go home as probes (a manifest's usual share is 10 %), for a control group of {}",
        PROBE_SHARE * 100.0,
        after.probes()
    ));
    let after = after.run(&session, &cloud, args.kill_cloud.then_some(0.5), terminal).await?;
    let log = session.settled_log().await?;
    let facts = session.facts()?;
    let accounts = session
        .learn(&log)
        .workload
        .runs
        .iter()
        .filter(|sample| after.has(&sample.run) && verdict::epoch(&log, &sample.run) == Some(migrated.epoch))
        .map(|sample| Account::of(workflow, home, &facts, sample))
        .collect::<Result<Vec<_>, _>>()?;
    let comparison = Comparison::of(&accounts);
    terminal.line(table::comparison(&comparison));

    let verdict = Verdict {
        graph: workflow,
        plan: &proposal.next,
        difference: &proposal.difference,
        log: &log,
        ended: before.ended().chain(after.ended()),
        photos: &photos,
        comparison: &comparison,
        transmission: session.deployed.manifest.objectives.transmission,
        restarts: after.restarts(),
        killed: args.kill_cloud,
    }
    .checks();
    for check in &verdict {
        let mark = if check.held { "✓" } else { "✗" };
        terminal.line(format!("{mark} {}: {}", check.name, check.detail));
    }
    let report = Report {
        graph: workflow,
        plan: &proposal.next,
        solution: &solved.solution,
        difference: &proposal.difference,
        comparison: Some(&comparison),
        checks: &verdict,
        facts: &facts,
        made: calendar::now(),
    };
    let path = args.report.unwrap_or_else(|| example.output().join("report.html"));
    write(&path, &report.html())?;
    let path = path.canonicalize().unwrap_or(path);
    let held = verdict.iter().all(|check| check.held);
    let seconds = since.elapsed().as_secs_f64();
    terminal.line(format!("\nThe report is in {}", path.display()));
    if args.keep || args.state.is_some() {
        terminal.line(format!("The state is in {}", scratch.directory().display()));
    }
    terminal.line(format!(
        "{} after {seconds:.0} s.",
        if held { "All of it held" } else { "Not all of it held" }
    ));
    terminal.document(&json!({
        "workflow": workflow.workflow,
        "version": workflow.version,
        "home": home,
        "regions": REGIONS,
        "photos": photos.len(),
        "runs_before": before.len(),
        "runs_after": after.len(),
        "runs_learned": runs_learned,
        "epoch": migrated.epoch,
        "probe_share": PROBE_SHARE,
        "difference": proposal.difference,
        "comparison": comparison,
        "checks": verdict,
        "held": held,
        "seconds": seconds,
        "report": path,
    }));
    Ok(Outcome::of(held))
}

fn write(path: &Path, content: &str) -> Result<(), CliError> {
    let file = |cause| CliError::File { path: path.to_path_buf(), cause };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(file)?;
    }
    std::fs::write(path, content).map_err(file)
}
