//! `caribou run`: one run of a deployed workflow.

use std::io::Read;
use std::time::{Duration, Instant};

use caribou_model::RunId;
use caribou_runtime::run::RunStatus;
use serde_json::{Value, json};

use crate::error::{CliError, Outcome};
use crate::session::{Session, StateArgs};
use crate::terminal::Terminal;

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
    state: StateArgs,
}

/// How often a waiting client asks.
const POLL: Duration = Duration::from_millis(100);
/// How often it looks whether the platform gave a message up.
const LOOK: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::find(args.state.state(), args.workflow.as_deref())?;
    let input = args.input.as_deref().map_or(Ok(Value::Null), read)?;
    let client = session.client();
    let run = client.start(args.id, input).await?;
    if !args.wait {
        terminal.document(&json!({ "run": run }));
        terminal.line(run);
        return Ok(Outcome::Held);
    }
    let spinner = terminal.spinner(format!("run {run}"));
    let patience = Duration::from_secs(args.timeout);
    let waiting = Instant::now();
    let (status, given_up) = loop {
        let left = patience.saturating_sub(waiting.elapsed());
        let status = client.wait(&run, POLL, left.min(LOOK)).await?;
        if status.is_over() {
            break (status, String::new());
        }
        let given_up = session.given_up(&run).await?;
        if given_up.is_some() || waiting.elapsed() >= patience {
            break (status, given_up.map_or(String::new(), |why| format!("; {why}")));
        }
    };
    let waited = waiting.elapsed().as_secs();
    spinner.finish_and_clear();
    let ended = |status: &str| json!({ "run": run, "status": status });
    match status {
        RunStatus::Succeeded { result, started, ended: at, pin } => {
            terminal.document(&json!({
                "run": run,
                "status": "succeeded",
                "runtime_s": at.since(started).as_secs_f64(),
                "epoch": pin.epoch,
                "hour": pin.hour,
                "probe": pin.probe,
                "result": result,
            }));
            if !terminal.is_json() {
                terminal.always(&result);
            }
            Ok(Outcome::Held)
        }
        RunStatus::Failed { stage, item, error, .. } => {
            let mut failed = json!({ "run": run, "status": "failed", "stage": stage, "error": error });
            if let Some(item) = item {
                failed["item"] = item.into();
            }
            terminal.document(&failed);
            let of_map = item.map_or(String::new(), |item| format!(", item {item}"));
            let at = stage.map_or(String::new(), |stage| format!(" at `{stage}`{of_map}"));
            terminal.note(format!("run {run} failed{at}: {error}"));
            Ok(Outcome::DidNotHold)
        }
        RunStatus::Running { .. } => {
            terminal.document(&ended("running"));
            terminal.note(format!("run {run} has not ended after {waited} s; it goes on{given_up}"));
            Ok(Outcome::DidNotHold)
        }
        RunStatus::Unknown => {
            terminal.document(&ended("unknown"));
            terminal.note(format!("run {run} was not received after {waited} s{given_up}"));
            Ok(Outcome::DidNotHold)
        }
    }
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
