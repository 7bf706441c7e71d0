//! `caribou solve`: learns from telemetry and finds the best plan for each hour.

use caribou_control::calendar;
use caribou_control::telemetry::Log;
use caribou_solver::{Method, Settings};
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::session::{Session, StateArgs};
use crate::terminal::Terminal;
use crate::{phrase, table};

/// What to solve, and how.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    /// `exhaustive` tries every placement, `coarse` one region for all stages.
    #[arg(long, default_value_t)]
    algorithm: Method,
    /// The most runs that are drawn from what was learned.
    #[arg(long, value_name = "N", default_value_t = Settings::default().samples)]
    samples: usize,
    /// Which runs are drawn when not all are.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The month whose grids count, 1 to 12 [default: this one].
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=12))]
    month: Option<u8>,
    #[command(flatten)]
    state: StateArgs,
}

pub(crate) async fn solve(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::find(args.state.state(), args.workflow.as_deref())?;
    let spinner = terminal.spinner("reading telemetry");
    let log = session.log().await;
    spinner.finish_and_clear();
    let log = log?;
    let learned = session.learn(&log);
    let runs = learned.workload.runs.len();
    warn_of_unreadable(&log, terminal);
    terminal.step(format!(
        "learned from {} ({} left out as partial)",
        phrase::count(runs, "whole run"),
        phrase::count(learned.partial.len(), "run")
    ));
    let month = args.month.unwrap_or_else(|| calendar::month(calendar::now()));
    let settings =
        Settings { algorithm: args.algorithm, samples: args.samples, seed: args.seed, ..Settings::default() };
    let solved = tokio::task::block_in_place(|| session.solve(learned.workload, month, &settings))?;
    let solution = &solved.solution;
    terminal.step(format!(
        "solved 24 hours: {} placements by {} search on {}",
        solution.placements,
        solution.algorithm,
        phrase::count(solution.samples, "run")
    ));
    terminal.document(&json!({
        "runs": runs,
        "partial": learned.partial,
        "unreadable": log.unreadable,
        "solution": solution,
    }));
    terminal.line(table::solution(&session.deployed.graph, solution));
    terminal
        .line("Look at what that changes with `caribou plan`, then put it in force with `caribou migrate`.");
    Ok(Outcome::Held)
}

/// Tells of lines that could not be read, if there are any.
pub(crate) fn warn_of_unreadable(log: &Log, terminal: Terminal) {
    if let Some(first) = log.unreadable.first() {
        terminal.note(format!(
            "{} of telemetry cannot be read; line {}: {} ({})",
            phrase::count(log.unreadable.len(), "line"),
            first.line,
            first.why,
            first.start
        ));
    }
}
