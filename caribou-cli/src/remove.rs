//! `caribou remove`: takes a workflow from its platform.

use caribou_control::aws::{self, Aws, Holdings, Id, holdings};
use caribou_control::calendar;
use caribou_local::Control;
use caribou_model::Region;
use caribou_runtime::Release;
use caribou_runtime::port::StageAddress;
use serde_json::json;

use crate::consent::ask;
use crate::error::{CliError, Outcome};
use crate::phrase;
use crate::platform::PlatformArgs;
use crate::session::{On, Session};
use crate::terminal::Terminal;

/// What to remove.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for the workflow's name before it is removed.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// What there is of a workflow, and what is removed then.
enum Task<'s> {
    Aws { aws: &'s Aws, home: &'s Region, regions: &'s [Region], found: Holdings },
    Cloud { control: &'s Control, found: Vec<StageAddress> },
}

pub(crate) async fn remove(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let session = Session::find(&args.platform, args.workflow.as_deref()).await?;
    let name = &session.deployed.graph.workflow;
    let spinner = terminal.spinner("looking");
    let task = Task::of(&session, name).await;
    spinner.finish_and_clear();
    let task = task?;
    let place = match &task {
        Task::Aws { aws, .. } => format!("AWS account {}", aws.account()),
        Task::Cloud { .. } => "the embedded cloud".to_owned(),
    };
    let names = task.names();
    terminal.line(format!("There is of {name} in {place}: {}.", task.told()));
    for left in task.strange() {
        terminal.note(format!(
            "{left} is called as if it were of {name}, and carries no tag that says so; it is left alone"
        ));
    }
    if args.dry_run {
        terminal.document(&json!({ "workflow": name, "dry_run": true, "things": names }));
        return Ok(Outcome::Held);
    }
    let question = format!(
        "Every version of {name} is removed, with the records of its runs, its plan, its logs and its blobs; runs that are under \
         way are lost. Type {name} to go on:"
    );
    if !args.yes && !ask(&question, name).await? {
        terminal.note("nothing was removed");
        return Ok(Outcome::DidNotHold);
    }
    if let Task::Cloud { .. } = task {
        // from here on no run begins; on AWS the release goes with its table
        Release::withdraw(&*session.ports.store, &session.deployed.manifest.home, name, calendar::now())
            .await?;
    }
    let removed = task.perform(name, names.len(), terminal).await?;
    session.state.forget(name)?;
    terminal.document(&json!({ "workflow": name, "dry_run": false, "removed": removed }));
    terminal.step(format!("{name} is removed from {place}: {}", phrase::count(removed.len(), "thing")));
    Ok(Outcome::Held)
}

impl<'s> Task<'s> {
    async fn of(session: &'s Session, name: &str) -> Result<Self, CliError> {
        let home = &session.deployed.manifest.home;
        Ok(match &session.on {
            On::Aws { aws, regions } => {
                Self::Aws { aws, home, regions, found: holdings(aws, name, home, regions).await? }
            }
            On::Cloud { control, .. } => {
                let all = control.deployments().await?.into_iter().map(|deployment| deployment.address);
                Self::Cloud { control, found: all.filter(|address| address.workflow == name).collect() }
            }
        })
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Aws { found, .. } => found.things.iter().map(ToString::to_string).collect(),
            Self::Cloud { found, .. } => found.iter().map(function).collect(),
        }
    }

    fn strange(&self) -> &[Id] {
        match self {
            Self::Aws { found, .. } => &found.strange,
            Self::Cloud { .. } => &[],
        }
    }

    /// How much there is, and where.
    fn told(&self) -> String {
        let mut regions: Vec<Region> = match self {
            Self::Aws { found, .. } => found.things.iter().map(|id| id.region.clone()).collect(),
            Self::Cloud { found, .. } => found.iter().map(|address| address.region.clone()).collect(),
        };
        let things = match (regions.len(), self) {
            (0, _) => return "nothing".to_owned(),
            (count, Self::Aws { .. }) => phrase::count(count, "thing"),
            (count, Self::Cloud { .. }) => phrase::count(count, "function"),
        };
        regions.sort();
        regions.dedup();
        format!("{things} in {}", phrase::codes(&regions))
    }

    async fn perform(&self, name: &str, count: usize, terminal: Terminal) -> Result<Vec<String>, CliError> {
        let bar = terminal.bar("removing", count);
        let mut removed = Vec::new();
        let done = match self {
            Self::Aws { aws, home, regions, .. } => {
                let mut gone = |change: &aws::Change| {
                    bar.set_message(change.id.to_string());
                    bar.inc(1);
                    removed.push(change.id.to_string());
                };
                aws::remove(aws, name, home, regions, &mut gone).await.map(drop).map_err(CliError::from)
            }
            Self::Cloud { control, found } => {
                let mut done = Ok(());
                for address in found {
                    bar.set_message(function(address));
                    done = control.remove(address).await.map_err(CliError::from);
                    if done.is_err() {
                        break;
                    }
                    bar.inc(1);
                    removed.push(function(address));
                }
                done
            }
        };
        bar.finish_and_clear();
        done.map(|()| removed)
    }
}

fn function(address: &StageAddress) -> String {
    format!("function {} in {}", address.deployed_name(), address.region)
}
