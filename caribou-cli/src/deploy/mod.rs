//! `caribou deploy`: brings a workflow to AWS.

use std::collections::BTreeSet;
use std::path::Path;

use caribou_control::aws::{Archives, Aws, AwsDeployer, Counts, Difference, Kind, regions_of, urls};
use caribou_control::deploy::{Deployer, Need, at_home, under_plan};
use caribou_control::migrate::InForce;
use caribou_control::state::{Deployed, State};
use caribou_control::{calendar, manifest};
use caribou_model::Graph;
use caribou_model::manifest::FunctionUrl;
use caribou_runtime::Release;
use caribou_runtime::aws::ports;
use caribou_runtime::port::{Ports, StageAddress};
use serde_json::json;

use crate::consent::ask;
use crate::error::{CliError, Outcome};
use crate::platform::Platform;
use crate::session::known;
use crate::terminal::Terminal;
use crate::{artefact, phrase};

mod change;

/// What to deploy.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    artefact: artefact::Args,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before anything is changed.
    #[arg(long, short)]
    yes: bool,
    /// The directory that notes what is deployed [default: .caribou/aws].
    #[arg(long, value_name = "DIR")]
    state: Option<std::path::PathBuf>,
}

/// What is deployed, and where to.
struct Deployment {
    state: State,
    aws: Aws,
    ports: Ports,
    deployed: Deployed,
    archives: Archives,
    regions: Vec<caribou_model::Region>,
}

/// What there is, and what has to be done.
struct Task {
    needs: BTreeSet<Need>,
    difference: Difference,
    /// The version that has received runs so far.
    released: Option<Release>,
    in_force: Option<InForce>,
}

pub(crate) async fn deploy(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let built = args.artefact.build(terminal).await?;
    let findings = manifest::findings(&built.deployed.manifest, &built.deployed.graph, &known());
    if !findings.is_empty() {
        let findings: Vec<String> = findings.iter().map(|finding| format!("\n- {finding}")).collect();
        return Err(CliError::Failed(format!(
            "the manifest does not fit the workflow:{}",
            findings.concat()
        )));
    }
    let directory = args.state.as_deref().unwrap_or(Path::new(Platform::Aws.directory()));
    let deployment = Deployment::new(State::in_directory(directory), built).await?;
    let spinner = terminal.spinner("comparing with what is there");
    let task = deployment.task().await;
    spinner.finish_and_clear();
    let task = task?;
    change::show(&deployment.deployed.graph, deployment.aws.account(), &task, terminal);
    if args.dry_run {
        terminal.document(&deployment.document(&task, true, &[]));
        return Ok(Outcome::Held);
    }
    if !task.difference.is_empty() && !args.yes && !ask("Do it? [y/N]", "y").await? {
        terminal.note("nothing was changed");
        return Ok(Outcome::DidNotHold);
    }
    let urls = deployment.perform(&task, terminal).await?;
    terminal.document(&deployment.document(&task, false, &urls));
    Ok(Outcome::Held)
}

impl Deployment {
    async fn new(state: State, built: artefact::Built) -> Result<Self, CliError> {
        let artefact::Built { deployed, archives } = built;
        let home = &deployed.manifest.home;
        let aws = Aws::connect(home).await?;
        let workflow = &deployed.graph.workflow;
        if let Some(noted) = state.account(workflow)?
            && noted != *aws.account()
        {
            return Err(CliError::Failed(format!(
                "`{workflow}` was deployed to account {noted} from here, and the credentials in use are those of account {}; \
                 choose those of {noted} (AWS_PROFILE), or keep the notes of the other account in another directory (--state)",
                aws.account()
            )));
        }
        let noted = state.all_deployed()?.into_iter().find(|noted| noted.graph.workflow == *workflow);
        if let Some(noted) = noted.filter(|noted| noted.manifest.home != *home) {
            return Err(CliError::Failed(format!(
                "`{workflow}` is at home in {}, and the manifest says {}: runs, plan and release lie at home and do not move; \
                 remove the workflow first (`caribou remove {workflow}`), or give the other one another name",
                noted.manifest.home.code(),
                home.code()
            )));
        }
        let ports = ports(aws.account().clone(), aws.config());
        let regions = regions_of(&deployed.manifest, &deployed.graph, &known());
        Ok(Self { state, aws, ports, deployed, archives, regions })
    }

    fn deployer(&self) -> AwsDeployer<'_> {
        let Self { aws, deployed, archives, regions, .. } = self;
        AwsDeployer { aws, deployed, archives, regions }
    }

    /// What has to be done at home, and where the plan in force has stages of this version.
    async fn task(&self) -> Result<Task, CliError> {
        let Deployed { graph, manifest, .. } = &self.deployed;
        let (home, deployer) = (&manifest.home, self.deployer());
        let needs = at_home(graph, home);
        let difference = deployer.difference(&needs).await?;
        if difference.to_do().any(|change| change.id.kind == Kind::Table && change.id.region == *home) {
            // without its table the workflow has no plan and no release
            return Ok(Task { needs, difference, released: None, in_force: None });
        }
        let store = &*self.ports.store;
        let released = Release::read(store, home, &graph.workflow).await?.map(|(release, _)| release);
        let in_force = InForce::read(store, graph, home).await?;
        let planned = under_plan(graph, &in_force.plan);
        let (needs, difference) = if planned == needs {
            (needs, difference)
        } else {
            let difference = deployer.difference(&planned).await?;
            (planned, difference)
        };
        Ok(Task { needs, difference, released, in_force: Some(in_force) })
    }

    /// Does it. Gives the URLs at which runs can be started, if there are any.
    async fn perform(&self, task: &Task, terminal: Terminal) -> Result<Vec<String>, CliError> {
        let (graph, deployer) = (&self.deployed.graph, self.deployer());
        // before anything is there, so that it can be removed wherever this stops
        self.state.write_account(&graph.workflow, self.aws.account())?;
        self.state.write_deployed(&self.deployed)?;
        let to_do = task.difference.to_do().count();
        if to_do > 0 {
            let bar = terminal.bar("deploying", to_do);
            let brought = deployer
                .bring(&task.needs, &mut |change| {
                    bar.set_message(change.id.to_string());
                    bar.inc(1);
                })
                .await;
            bar.finish_and_clear();
            let Counts { created, updated, deleted, .. } = brought?.counts();
            let parts = [(created, "created"), (updated, "changed"), (deleted, "removed")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let done: Vec<String> =
                parts.map(|(count, done)| format!("{} {done}", phrase::count(*count, "thing"))).collect();
            terminal.step(format!("deployed: {}", done.join(", ")));
        }
        let spinner = terminal.spinner("calling every function");
        let verified = deployer.verify(&task.needs).await;
        spinner.finish_and_clear();
        verified?;
        terminal.step(format!("{} answered", phrase::count(task.needs.len(), "function")));
        let release = deployer.release(&*self.ports.store, calendar::now()).await?;
        let before = task.released.as_ref().filter(|before| before.version != release.version);
        let instead = before.map_or(String::new(), |before| format!(" instead of {}", before.version));
        terminal.step(format!("{} {} receives new runs{instead}", release.workflow, release.version));
        let urls = match self.deployed.manifest.aws.function_url {
            FunctionUrl::None => Vec::new(),
            FunctionUrl::Iam | FunctionUrl::Public => urls(&self.aws, &self.entries(&release, task)).await?,
        };
        for url in &urls {
            terminal.line(format!("A POST to {url} starts a run."));
        }
        terminal.line(format!("Start a run with `caribou run {} --input FILE --wait`.", graph.workflow));
        Ok(urls)
    }

    /// The functions that receive requests.
    fn entries(&self, release: &Release, task: &Task) -> Vec<StageAddress> {
        let Graph { workflow, version, .. } = &self.deployed.graph;
        let entries = task.needs.iter().filter(|need| need.function == release.entry);
        let address = |Need { function, region }: &Need| StageAddress {
            workflow: workflow.clone(),
            version: version.clone(),
            function: function.clone(),
            region: region.clone(),
        };
        entries.map(address).collect()
    }

    fn document(&self, task: &Task, dry_run: bool, urls: &[String]) -> serde_json::Value {
        let Deployed { graph, manifest, .. } = &self.deployed;
        json!({
            "workflow": graph.workflow,
            "version": graph.version,
            "account": self.aws.account().as_str(),
            "home": manifest.home,
            "dry_run": dry_run,
            "changes": task.difference.to_do().collect::<Vec<_>>(),
            "counts": task.difference.counts(),
            "notes": task.difference.notes,
            "needs": task.needs,
            "version_before": task.released.as_ref().map(|release| &release.version),
            "epoch": task.in_force.as_ref().map(|in_force| in_force.plan.epoch),
            "urls": urls,
        })
    }
}
