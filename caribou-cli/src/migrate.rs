//! `caribou migrate`: puts the solved plan in force.

use caribou_control::migrate::{self, Migrated};
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::phrase;
use crate::plan::{Args as PlanArgs, Proposal};
use crate::session::Session;
use crate::terminal::Terminal;

/// Which plan.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) async fn migrate(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::current(&args.plan.platform, args.plan.workflow.as_deref()).await?;
    let solved = session.state.solved(&session.deployed.graph)?;
    let proposal = Proposal::of(&session, &solved).await?;
    proposal.show(terminal);
    let migrated = apply(&session, &proposal, terminal).await?;
    terminal.document(&json!({ "difference": proposal.difference, "migrated": migrated }));
    Ok(Outcome::Held)
}

/// Deploys what a proposal needs, and puts it in force.
pub(crate) async fn apply(
    session: &Session,
    proposal: &Proposal,
    terminal: Terminal,
) -> Result<Migrated, CliError> {
    let deployer = session.deployer();
    let spinner = terminal.spinner("deploying");
    let migrated = migrate::migrate(
        &*deployer,
        &*session.ports.store,
        &proposal.in_force,
        &proposal.next,
        &mut |need| {
            spinner.set_message(format!("{} to {}", need.function, need.region.code()));
        },
    )
    .await;
    spinner.finish_and_clear();
    let migrated = migrated?;
    let regions: std::collections::BTreeSet<_> =
        migrated.deployed.iter().map(|need| need.region.clone()).collect();
    let where_to = if regions.is_empty() {
        "everything it needs was deployed already".to_owned()
    } else {
        let regions: Vec<_> = regions.into_iter().collect();
        format!(
            "{} deployed to {}",
            phrase::count(migrated.deployed.len(), "function"),
            phrase::codes(&regions)
        )
    };
    terminal.step(format!("migrated: the plan of epoch {} is in force; {where_to}", migrated.epoch));
    Ok(migrated)
}
