//! `caribou runs show`.

use std::fmt::Write as _;

use caribou_control::{calendar, quantity};
use caribou_model::RunId;
use caribou_runtime::client::{RunDetail, RunState, RunSummary};
use serde_json::{Value, json};

use crate::error::{CliError, Outcome};
use crate::platform::PlatformArgs;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wait::place;
use crate::{phrase, table};

/// Which run to show.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The run.
    #[arg(value_name = "RUN")]
    run: RunId,
    /// Its workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// How much of a value is shown to people, in bytes and in lines of its JSON.
const MOST_BYTES: usize = 4_000;
const MOST_LINES: usize = 40;

pub(super) async fn show(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let mut session = Session::find(&args.platform, args.workflow.as_deref()).await?;
    let run = args.run;
    let detail = session.show(&run).await?;
    let graph = &session.deployed.graph;
    if terminal.is_json() {
        let mut document = json!(detail);
        document["workflow"] = graph.workflow.clone().into();
        terminal.document(&document);
        return Ok(Outcome::Held);
    }
    let RunDetail { summary, result, input, missing, nodes, .. } = &detail;
    terminal.line(headline(&graph.workflow, summary));
    terminal.line(circumstances(summary));
    if let Some(error) = &summary.error {
        terminal.line(format!("\n{error}"));
    }
    if nodes.is_empty() {
        let (version, known) = (&summary.version, &graph.version);
        terminal.line(format!(
            "\nIts stages are not shown: the run is of version {version}, and the graph known here is that of {known}."
        ));
    } else {
        terminal.line(format!("\n{}", table::nodes(nodes, summary.state)));
    }
    if let Some(result) = result {
        terminal.line(format!("\nIts result:\n{}", bounded(result)));
    }
    match input.as_slice() {
        [] => {}
        [one] => terminal.line(format!("\nThe input that failed it:\n{}", bounded(one))),
        several => {
            let of = several.len();
            for (value, n) in several.iter().zip(1..) {
                terminal.line(format!("\nThe input that failed it, value {n} of {of}:\n{}", bounded(value)));
            }
        }
    }
    if let Some(missing) = missing {
        terminal.note(format!("not everything can be shown: {missing}"));
    }
    if summary.state == RunState::Failed {
        terminal.line(format!("\nRun it again from where it failed with `caribou runs retry {run}`."));
    }
    Ok(Outcome::Held)
}

fn headline(workflow: &str, summary: &RunSummary) -> String {
    let RunSummary { run, version, state, stage, item, .. } = summary;
    let at = place(stage.as_deref(), *item);
    let took = table::runtime(summary, calendar::now());
    let took = if *state == RunState::Running { format!("since {took}") } else { format!("after {took}") };
    format!("Run {run} of {workflow} {version}: {}{at} {took}", phrase::state(*state))
}

fn circumstances(summary: &RunSummary) -> String {
    let RunSummary { started, entry_region, epoch, hour, probe, resumed, .. } = summary;
    let mut text = format!("Received {} in {}", calendar::minute(*started), entry_region.code());
    let _ = write!(text, "; plan epoch {epoch}, hour {hour}");
    if *probe {
        text.push_str("; a probe, at home");
    }
    match resumed {
        0 => {}
        1 => text.push_str("; taken up again once"),
        times => {
            let _ = write!(text, "; taken up again {times} times");
        }
    }
    text
}

/// The beginning of a value's JSON.
fn bounded(value: &Value) -> String {
    let whole = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut end = whole.floor_char_boundary(MOST_BYTES);
    if let Some((line, _)) = whole.match_indices('\n').nth(MOST_LINES - 1) {
        end = end.min(line);
    }
    if end == whole.len() {
        return whole;
    }
    let bytes = quantity::bytes(whole.len() as u64);
    format!("{}\n.. ({bytes} in all; see them with `--json`)", &whole[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_value_is_shown_whole() {
        assert_eq!(bounded(&json!({ "width": 7 })), "{\n  \"width\": 7\n}");
    }

    #[test]
    fn of_a_large_value_the_beginning_is_shown() {
        let lines = bounded(&json!((0..1000).collect::<Vec<u32>>()));
        assert_eq!(lines.lines().count(), MOST_LINES + 1);
        assert!(lines.ends_with("in all; see them with `--json`)"), "{lines}");
        let text = bounded(&json!("ä".repeat(MOST_BYTES)));
        assert!(text.len() < MOST_BYTES + 100 && text.contains("8.0 kB in all"), "{text}");
    }
}
