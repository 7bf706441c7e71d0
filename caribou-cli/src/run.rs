//! `caribou run`: one run of a deployed workflow.

use std::io::Read;
use std::time::Duration;

use caribou_model::{RunId, Timestamp};
use serde_json::{Value, json};

use crate::error::{CliError, Outcome};
use crate::platform::PlatformArgs;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wait::Wait;

/// What to run.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    /// A file with the input as JSON, `-` for standard input: the value of the one parameter, or an object by the
    /// names of several. No input if left out.
    #[arg(long, value_name = "FILE")]
    input: Option<String>,
    /// The run's name. Starting a run that was started already changes nothing, so a retry is safe.
    #[arg(long, value_name = "RUN")]
    id: Option<RunId>,
    /// Wait for the result and print it.
    #[arg(long)]
    wait: bool,
    /// Wait so many seconds at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(crate) async fn run(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::released(&args.platform, args.workflow.as_deref()).await?;
    let input = args.input.as_deref().map_or(Ok(Value::Null), read)?;
    let client = session.client();
    let run = client.start(args.id, input).await?;
    if !args.wait {
        terminal.document(&json!({ "run": run }));
        terminal.line(run);
        return Ok(Outcome::Held);
    }
    Wait { session: &session, run, resumption: 0, since: Timestamp::default() }
        .until_over(Duration::from_secs(args.timeout), terminal)
        .await
}

/// The JSON in a file, or on standard input.
fn read(from: &str) -> Result<Value, CliError> {
    let file = |cause| CliError::File { path: from.into(), cause };
    let text = if from == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(file)?;
        text
    } else {
        std::fs::read_to_string(from).map_err(file)?
    };
    serde_json::from_str(&text).map_err(|cause| CliError::Input { from: from.to_owned(), cause })
}
