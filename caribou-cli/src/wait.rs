//! Waiting for the end of a run, and telling it.

use std::time::{Duration, Instant};

use caribou_model::{RunId, Timestamp};
use caribou_runtime::run::RunStatus;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::session::Session;
use crate::terminal::Terminal;

/// How often it looks whether the platform gave a message up.
const LOOK: Duration = Duration::from_secs(2);

/// What is waited for.
pub(crate) struct Wait<'s> {
    pub(crate) session: &'s Session,
    pub(crate) run: RunId,
    /// How often the run must have been taken up again.
    pub(crate) resumption: u32,
    /// Messages that were given up before have nothing to do with it.
    pub(crate) since: Timestamp,
}

impl Wait<'_> {
    /// Waits until the run is over or has to be given up, at most for `patience`, and tells how it stands.
    pub(crate) async fn until_over(
        self,
        patience: Duration,
        terminal: Terminal,
    ) -> Result<Outcome, CliError> {
        let Self { session, run, resumption, since } = self;
        let client = session.client();
        let spinner = terminal.spinner(format!("run {run}"));
        let waiting = Instant::now();
        let (status, given_up) = loop {
            let left = patience.saturating_sub(waiting.elapsed());
            let status = client.wait_resumed(&run, resumption, session.poll(), left.min(LOOK)).await?;
            if status.as_ref().is_some_and(RunStatus::is_over) {
                break (status, String::new());
            }
            let given_up = session.given_up(&run, since).await?;
            if given_up.is_some() || waiting.elapsed() >= patience {
                break (status, given_up.map_or(String::new(), |why| format!("; {why}")));
            }
        };
        let waited = waiting.elapsed().as_secs();
        spinner.finish_and_clear();
        let ended = |status: &str| json!({ "run": run, "status": status });
        match status {
            Some(RunStatus::Succeeded { result, started, ended: at, pin }) => {
                terminal.document(&json!({
                    "run": run,
                    "status": "succeeded",
                    "runtime_s": at.since(started).as_secs_f64(),
                    "epoch": pin.epoch,
                    "hour": pin.hour,
                    "probe": pin.probe,
                    "resumed": pin.resumed,
                    "result": result,
                }));
                if !terminal.is_json() {
                    terminal.always(&result);
                }
                return Ok(Outcome::Held);
            }
            Some(RunStatus::Failed { stage, item, error, .. }) => {
                let mut failed = json!({ "run": run, "status": "failed", "stage": stage, "error": error });
                if let Some(item) = item {
                    failed["item"] = item.into();
                }
                terminal.document(&failed);
                let at = place(stage.as_deref(), item);
                terminal.note(format!("run {run} failed{at}: {error}"));
                terminal.note(format!("see more with `caribou runs show {run}`"));
            }
            Some(RunStatus::Running { .. }) => {
                terminal.document(&ended("running"));
                terminal.note(format!("run {run} has not ended after {waited} s; it goes on{given_up}"));
            }
            Some(RunStatus::Unknown) | None if resumption == 0 => {
                terminal.document(&ended("unknown"));
                terminal.note(format!("run {run} was not received after {waited} s{given_up}"));
            }
            Some(RunStatus::Unknown) | None => {
                terminal.document(&ended("failed"));
                terminal.note(format!("run {run} was not taken up again after {waited} s{given_up}"));
            }
        }
        Ok(Outcome::DidNotHold)
    }
}

/// Where a run failed, in words: nothing if that is not known.
pub(crate) fn place(stage: Option<&str>, item: Option<u32>) -> String {
    let of_map = item.map_or(String::new(), |item| format!(", item {item}"));
    stage.map_or(String::new(), |stage| format!(" at `{stage}`{of_map}"))
}
