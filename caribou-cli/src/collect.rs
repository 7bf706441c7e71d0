//! `caribou collect`: removes from AWS what no run can need any more.

use std::time::Duration;

use caribou_control::aws::{self, Collected, Id, Needed, Waiting, Why};
use caribou_control::calendar;
use caribou_control::deploy::{Need, under_plan};
use caribou_control::state::Deployed;
use caribou_runtime::port::StageAddress;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::phrase;
use crate::platform::PlatformArgs;
use crate::session::{On, Session};
use crate::terminal::Terminal;

/// Whose things.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(crate) async fn collect(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::current(&args.platform, args.workflow.as_deref()).await?;
    let On::Aws { aws, regions } = &session.on else {
        return Err(CliError::Failed(
            "the embedded cloud has nothing to collect: what is not needed there costs nothing; `caribou remove` removes a \
             workflow"
                .to_owned(),
        ));
    };
    let in_force = session.in_force().await?;
    let Deployed { graph, manifest, .. } = &session.deployed;
    let address = |Need { function, region }| StageAddress {
        workflow: graph.workflow.clone(),
        version: graph.version.clone(),
        function,
        region,
    };
    let needed = Needed {
        workflow: graph.workflow.clone(),
        home: manifest.home.clone(),
        functions: under_plan(graph, &in_force.plan).into_iter().map(address).collect(),
        deadline: Duration::from_secs(manifest.runs.deadline_s.into()),
        log_retention_days: manifest.aws.log_retention_days,
    };
    let spinner = terminal.spinner("looking");
    let collected =
        aws::collect(aws, &needed, regions, &mut |change| spinner.set_message(change.id.to_string())).await;
    spinner.finish_and_clear();
    let collected = collected?;
    terminal
        .document(&json!({ "workflow": graph.workflow, "version": graph.version, "collected": collected }));
    show(&collected, terminal);
    Ok(Outcome::Held)
}

fn show(collected: &Collected, terminal: Terminal) {
    let Collected { marked, unmarked, waiting, removed } = collected;
    let named = |ids: &[Id]| {
        let names: Vec<String> = ids.iter().map(|id| format!("\n  {id}")).collect();
        names.concat()
    };
    for Waiting { id, why } in waiting {
        let why = match why {
            Why::Until(until) => format!("may be needed until {}", calendar::minute(*until)),
            Why::Letters(letters) => {
                let letters = phrase::count(usize::try_from(*letters).unwrap_or(usize::MAX), "message");
                format!("has {letters} in its queues, which nobody may lose: look at them")
            }
        };
        terminal.line(format!("{id} {why}."));
    }
    if !marked.is_empty() {
        terminal.line(format!("Not needed any more, as of now:{}", named(marked)));
        terminal.line("Repeat the command when no run can reach it any more; then it is removed.");
    }
    if !unmarked.is_empty() {
        terminal.line(format!("Needed again:{}", named(unmarked)));
    }
    if !removed.is_empty() {
        terminal.step(format!("removed {}{}", phrase::count(removed.len(), "thing"), named(removed)));
    }
    if marked.is_empty() && unmarked.is_empty() && waiting.is_empty() && removed.is_empty() {
        terminal.line("Everything that is there is needed.");
    }
}
