//! `caribou runs retry`.

use std::time::Duration;

use caribou_control::calendar;
use caribou_model::RunId;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::platform::PlatformArgs;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wait::Wait;

/// Which run to take up again.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The run. It must have failed; it keeps its version, its plan and its inputs.
    #[arg(value_name = "RUN")]
    run: RunId,
    /// Its workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    /// Wait for the result and print it.
    #[arg(long)]
    wait: bool,
    /// Wait so many seconds at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn retry(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::find(&args.platform, args.workflow.as_deref()).await?;
    let since = calendar::now();
    let run = args.run;
    let resumption = session.client().retry(&run).await?;
    if args.wait {
        let wait = Wait { session: &session, run, resumption, since };
        return wait.until_over(Duration::from_secs(args.timeout), terminal).await;
    }
    terminal.document(&json!({ "run": run, "resumed": resumption }));
    terminal.line(format!("Run {run} goes on where it failed; see how with `caribou runs show {run}`."));
    Ok(Outcome::Held)
}
