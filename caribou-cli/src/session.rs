//! A deployed workflow, the platform that it is on, and what the framework does with both.

use std::sync::LazyLock;
use std::time::Duration;

use caribou_control::aws::{Archives, Aws, AwsDeployer, Logs, regions_of, telemetry};
use caribou_control::calendar;
use caribou_control::deploy::{Deployer, LocalDeployer};
use caribou_control::difference::Difference;
use caribou_control::facts::{self, Facts};
use caribou_control::learn::{Learned, Limits, learn};
use caribou_control::migrate::InForce;
use caribou_control::state::{Deployed, Endpoint, Solved, State};
use caribou_control::telemetry::Log;
use caribou_local::Control;
use caribou_model::{Graph, Manifest, NodeId, Plan, Region, RunId, Timestamp, Workload};
use caribou_runtime::client::{Client, RetryError, RunDetail};
use caribou_runtime::port::Ports;
use caribou_runtime::{Release, aws, local};
use caribou_solver::{Problem, Settings, Solution};

use crate::error::CliError;
use crate::platform::{At, Place, PlatformArgs};
use crate::terminal::Terminal;

/// A workflow that is deployed on a platform.
pub(crate) struct Session {
    pub(crate) state: State,
    pub(crate) on: On,
    pub(crate) ports: Ports,
    pub(crate) deployed: Deployed,
    /// What receives new runs, where that may be another version than the one that was deployed from here.
    release: Option<Release>,
}

/// A platform that was reached.
pub(crate) enum On {
    Cloud { endpoint: Endpoint, control: Box<Control> },
    Aws { aws: Aws, regions: Vec<Region> },
}

/// Functions go to further regions with the code that they have at home.
static AT_HOME: LazyLock<Archives> = LazyLock::new(Archives::at_home);

impl Session {
    /// How long messages that are still under way may take.
    const SETTLED: Duration = Duration::from_secs(30);

    /// Finds a deployed workflow by its name or package, and reaches its platform. The version is the one that was deployed
    /// from here last.
    pub(crate) async fn find(platform: &PlatformArgs, workflow: Option<&str>) -> Result<Self, CliError> {
        Self::open(platform.find(workflow)?).await
    }

    /// Reaches the platform that a workflow is on.
    pub(crate) async fn open(place: Place) -> Result<Self, CliError> {
        let Place { state, deployed, at } = place;
        let account = match at {
            At::Cloud(endpoint) => return Ok(Self::local(state, endpoint, deployed)),
            At::Account(account) => account,
        };
        let aws = Aws::connect(&deployed.manifest.home).await?;
        if *aws.account() != account {
            return Err(CliError::Failed(format!(
                "`{}` was deployed to account {account}, and the credentials in use are those of account {}; choose those of \
                 {account}, for example with AWS_PROFILE",
                deployed.graph.workflow,
                aws.account()
            )));
        }
        let regions = regions_of(&deployed.manifest, &deployed.graph, &known());
        let ports = aws::ports(account, aws.config());
        Ok(Self { state, on: On::Aws { aws, regions }, ports, deployed, release: None })
    }

    /// The same for a command that needs to know which version receives new runs, whoever deployed it.
    pub(crate) async fn released(platform: &PlatformArgs, workflow: Option<&str>) -> Result<Self, CliError> {
        let mut session = Self::find(platform, workflow).await?;
        let Deployed { graph, manifest, package, .. } = &session.deployed;
        let (name, home) = (&graph.workflow, &manifest.home);
        let Some((release, _)) = Release::read(&*session.ports.store, home, name).await? else {
            let (place, deploy) = match &session.on {
                On::Aws { aws, .. } => (format!("in account {}", aws.account()), "deploy"),
                On::Cloud { .. } => ("on the embedded cloud".to_owned(), "local deploy"),
            };
            return Err(CliError::Failed(format!(
                "`{name}` receives no runs {place}: it was removed, or its deployment did not come to its end; deploy it with \
                 `caribou {deploy} {}`",
                package.display()
            )));
        };
        session.release = Some(release);
        Ok(session)
    }

    /// The same for a command that needs the graph of that version.
    pub(crate) async fn current(platform: &PlatformArgs, workflow: Option<&str>) -> Result<Self, CliError> {
        let mut session = Self::released(platform, workflow).await?;
        if let Some(Release { workflow, version, .. }) = &session.release
            && *version != session.deployed.graph.version
        {
            let noted = session.state.deployed_version(workflow, version)?;
            session.deployed = noted.ok_or_else(|| {
                CliError::Failed(format!(
                    "version {version} of `{workflow}` receives the runs, and it was not deployed from here; deploy that \
                     version from here with `caribou deploy`, which changes nothing that is as it should be, or give this \
                     command where it was deployed"
                ))
            })?;
        }
        Ok(session)
    }

    /// A workflow on an embedded cloud.
    pub(crate) fn local(state: State, endpoint: Endpoint, deployed: Deployed) -> Self {
        let control = Box::new(Control::new(&endpoint.url));
        let ports = local::ports(&endpoint.url, None);
        Self { state, on: On::Cloud { endpoint, control }, ports, deployed, release: None }
    }

    /// A client of the workflow.
    pub(crate) fn client(&self) -> Client {
        let Deployed { graph, manifest, .. } = &self.deployed;
        let known = graph.function_of(NodeId::ENTRY).map_or("", |spec| &spec.name);
        let (version, entry) = match &self.release {
            Some(Release { version, entry, .. }) => (version.as_str(), entry.as_str()),
            None => (graph.version.as_str(), known),
        };
        Client::new(&graph.workflow, version, entry, manifest.home.clone(), self.ports.clone())
    }

    /// All that is known of a run. The session is that of the run's version from here on, if that was deployed from here.
    pub(crate) async fn show(&mut self, run: &RunId) -> Result<RunDetail, CliError> {
        let client = self.client();
        let unknown = || RetryError::Unknown { run: run.clone() };
        let detail = client.show(run, &self.deployed.graph).await?.ok_or_else(unknown)?;
        let Graph { workflow, version, .. } = &self.deployed.graph;
        if detail.summary.version == *version {
            return Ok(detail);
        }
        let Some(noted) = self.state.deployed_version(workflow, &detail.summary.version)? else {
            return Ok(detail);
        };
        self.deployed = noted;
        Ok(client.show(run, &self.deployed.graph).await?.ok_or_else(unknown)?)
    }

    /// What brings functions to the platform.
    pub(crate) fn deployer(&self) -> Box<dyn Deployer + '_> {
        match &self.on {
            On::Cloud { control, .. } => Box::new(LocalDeployer { control, deployed: &self.deployed }),
            On::Aws { aws, regions } => {
                Box::new(AwsDeployer { aws, deployed: &self.deployed, archives: &AT_HOME, regions })
            }
        }
    }

    /// How often a client that waits asks: what costs nothing is asked for more often.
    pub(crate) fn poll(&self) -> Duration {
        match self.on {
            On::Cloud { .. } => Duration::from_millis(100),
            On::Aws { .. } => Duration::from_millis(500),
        }
    }

    /// Why the platform gave up a message of this run since then, if it did and the run was not told.
    pub(crate) async fn given_up(&self, run: &RunId, since: Timestamp) -> Result<Option<String>, CliError> {
        // on AWS the function itself reads what was given up, and ends the run
        let On::Cloud { control, .. } = &self.on else { return Ok(None) };
        let mut letters = control.dead_letters().await?.into_iter();
        let letter = letters.find(|letter| letter.at >= since && letter.body.contains(run.as_str()));
        Ok(letter.map(|letter| {
            format!(
                "a message to `{}` in {} was given up after {} attempts: {}",
                letter.to.function,
                letter.to.region.code(),
                letter.attempts,
                letter.reason
            )
        }))
    }

    /// Telemetry of the workflow, as far as it is learned from.
    pub(crate) async fn log(&self, terminal: Terminal) -> Result<Log, CliError> {
        let spinner = terminal.spinner("reading telemetry");
        let lines = match &self.on {
            On::Cloud { control, .. } => every_line(control).await,
            On::Aws { aws, regions } => {
                let mut told = |lines| spinner.set_message(format!("{lines} new lines"));
                let (graph, now) = (&self.deployed.graph, calendar::now());
                match Logs::find(aws, graph, regions).await {
                    Ok(logs) => telemetry::read(&logs, &self.state, graph, now, &mut told)
                        .await
                        .map_err(CliError::from),
                    Err(error) => Err(error.into()),
                }
            }
        };
        spinner.finish_and_clear();
        Ok(Log::read(&self.deployed.graph, lines?.iter().map(String::as_str)))
    }

    /// Every line of telemetry, once nothing is under way any more.
    pub(crate) async fn settled_log(&self, terminal: Terminal) -> Result<Log, CliError> {
        if let On::Cloud { control, .. } = &self.on {
            // work that does not settle shows in what its telemetry lacks
            control.settled(Self::SETTLED).await?;
        }
        self.log(terminal).await
    }

    /// What the telemetry teaches.
    pub(crate) fn learn(&self, log: &Log) -> Learned {
        learn(&self.deployed.graph, log, calendar::now(), Limits::default())
    }

    /// The plan in force.
    pub(crate) async fn in_force(&self) -> Result<InForce, CliError> {
        let Deployed { graph, manifest, .. } = &self.deployed;
        Ok(InForce::read(&*self.ports.store, graph, &manifest.home).await?)
    }

    /// The manifest, with the regions of this platform as the only ones.
    pub(crate) fn manifest(&self) -> Manifest {
        let mut manifest = self.deployed.manifest.clone();
        let regions = self.platform_regions();
        let permitted = regions.iter().filter(|region| manifest.regions.permit(region));
        manifest.regions.allow = permitted.cloned().map(Into::into).collect();
        manifest
    }

    /// The facts of this platform's regions.
    pub(crate) fn facts(&self) -> Result<Facts, CliError> {
        Ok(facts::embedded().select(&self.platform_regions())?)
    }

    /// The regions of this cloud; on AWS all of which something is known.
    pub(crate) fn platform_regions(&self) -> Vec<Region> {
        match &self.on {
            On::Cloud { endpoint, .. } => endpoint.regions.clone(),
            On::Aws { .. } => known(),
        }
    }

    /// The problem that a workload poses in a month.
    pub(crate) fn problem(&self, workload: &Workload, month: u8) -> Result<Problem, CliError> {
        let Facts { regions, latencies } = facts::embedded();
        Ok(Problem::new(&self.deployed.graph, workload, regions, latencies, &self.manifest(), month)?)
    }

    /// Solves for a workload, and keeps the answer.
    pub(crate) fn solve(
        &self,
        workload: Workload,
        month: u8,
        settings: &Settings,
    ) -> Result<Solved, CliError> {
        let solution = caribou_solver::solve(&self.problem(&workload, month)?, settings)?;
        self.keep(workload, solution)
    }

    /// Keeps an answer for `caribou plan` and `caribou migrate`.
    pub(crate) fn keep(&self, workload: Workload, solution: Solution) -> Result<Solved, CliError> {
        let solved = Solved { workload, solution, at: calendar::now() };
        self.state.write_solved(&solved)?;
        Ok(solved)
    }

    /// The plan that would follow the one in force.
    pub(crate) fn next_plan(&self, in_force: &InForce, solution: &Solution) -> Plan {
        let lifetime = Duration::from_hours(u64::from(self.deployed.manifest.runs.plan_lifetime_h));
        solution.plan(in_force.next_epoch(), calendar::now().plus(lifetime))
    }

    /// What a new plan would change, as of now.
    pub(crate) fn difference(
        &self,
        solved: &Solved,
        in_force: &InForce,
        next: &Plan,
    ) -> Result<Difference, CliError> {
        let problem = self.problem(&solved.workload, solved.solution.month)?;
        let now: Timestamp = calendar::now();
        // what has expired is not followed any more: runs are at home already
        let expired = in_force.plan.expires <= now;
        let home =
            Plan { epoch: in_force.plan.epoch, ..Plan::at_home(&self.deployed.graph, next.home.clone()) };
        let current = if expired { &home } else { &in_force.plan };
        Ok(Difference::between(&problem, current, next, now.hour())?)
    }
}

/// Every line of telemetry of an embedded cloud.
async fn every_line(control: &Control) -> Result<Vec<String>, CliError> {
    let mut lines = Vec::new();
    let mut after = 0;
    loop {
        let page = control.telemetry(after).await?;
        if page.lines.is_empty() {
            return Ok(lines);
        }
        lines.extend(page.lines);
        after = page.next;
    }
}

/// The regions of which something is known.
pub(crate) fn known() -> Vec<Region> {
    facts::embedded().regions.iter().map(|region| region.region.clone()).collect()
}
