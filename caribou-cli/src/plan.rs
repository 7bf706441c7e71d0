//! `caribou plan`: what the solved plan would change.

use caribou_control::difference::Difference;
use caribou_control::migrate::InForce;
use caribou_control::state::Solved;
use caribou_model::Plan;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::platform::PlatformArgs;
use crate::session::Session;
use crate::table;
use crate::terminal::Terminal;

/// Which plan.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    pub(crate) workflow: Option<String>,
    #[command(flatten)]
    pub(crate) platform: PlatformArgs,
}

/// The plan in force, the one that would follow, and how they differ.
pub(crate) struct Proposal {
    pub(crate) in_force: InForce,
    pub(crate) next: Plan,
    pub(crate) difference: Difference,
}

impl Proposal {
    pub(crate) async fn of(session: &Session, solved: &Solved) -> Result<Self, CliError> {
        let in_force = session.in_force().await?;
        let next = session.next_plan(&in_force, &solved.solution);
        let difference = session.difference(solved, &in_force, &next)?;
        Ok(Self { in_force, next, difference })
    }

    pub(crate) fn show(&self, terminal: Terminal) {
        let Self { next, difference, .. } = self;
        if difference.moves.is_empty() {
            terminal.line(format!(
                "The solved plan has every stage where the plan in force (epoch {}) has it.",
                difference.from_epoch
            ));
            return;
        }
        terminal.line(format!(
            "From the plan in force (epoch {}) to the solved one (epoch {}); expected changes per run:",
            difference.from_epoch, next.epoch
        ));
        terminal.line(table::difference(difference));
        terminal.line(table::expected(&difference.now, &format!("at {} UTC", difference.hour)));
    }
}

pub(crate) async fn plan(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::current(&args.platform, args.workflow.as_deref()).await?;
    let solved = session.state.solved(&session.deployed.graph)?;
    let proposal = Proposal::of(&session, &solved).await?;
    terminal.document(&json!({ "difference": proposal.difference, "plan": proposal.next }));
    proposal.show(terminal);
    if !proposal.difference.moves.is_empty() {
        terminal.line("Put it in force with `caribou migrate`.");
    }
    Ok(Outcome::Held)
}
