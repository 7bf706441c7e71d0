//! `caribou runs list`.

use caribou_control::calendar;
use caribou_runtime::client::{RunFilter, RunState, RunSummary, Runs};
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::platform::PlatformArgs;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::{phrase, table};

/// Which runs to list.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    /// Only those that stand so.
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,
    /// So many at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Status {
    Running,
    Succeeded,
    Failed,
}

impl From<Status> for RunState {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
        }
    }
}

pub(super) async fn list(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::find(&args.platform, args.workflow.as_deref()).await?;
    let filter = RunFilter { state: args.status.map(RunState::from), before: None };
    let Runs { runs, matching, unreadable } = session.client().runs(&filter, args.limit.into()).await?;
    let workflow = &session.deployed.graph.workflow;
    terminal.document(&json!({
        "workflow": workflow,
        "runs": runs,
        "matching": matching,
        "unreadable": unreadable,
    }));
    if unreadable > 0 {
        let records = phrase::count(unreadable, "run record");
        terminal.note(format!("{records} cannot be read by this version of caribou"));
    }
    let which = filter.state.map_or(String::new(), |state| format!(" that are {}", phrase::state(state)));
    if runs.is_empty() {
        terminal.line(format!("{workflow} has no runs{which}."));
        return Ok(Outcome::Held);
    }
    terminal.line(table::runs(&runs, calendar::now()));
    if matching > runs.len() {
        terminal.line(format!("The newest {} of {matching}; see more with `--limit N`.", runs.len()));
    }
    if let Some(RunSummary { run, .. }) = runs.iter().find(|run| run.state == RunState::Failed) {
        terminal.line(format!("See why one failed with `caribou runs show {run}`."));
        terminal.line(format!("Run it again from where it failed with `caribou runs retry {run}`."));
    }
    Ok(Outcome::Held)
}
