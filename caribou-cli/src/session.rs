//! A running embedded cloud, a workflow deployed there, and what the framework does with both.

use std::path::PathBuf;
use std::time::Duration;

use caribou_control::calendar;
use caribou_control::difference::Difference;
use caribou_control::facts::{self, Facts};
use caribou_control::learn::{Learned, Limits, learn};
use caribou_control::migrate::InForce;
use caribou_control::state::{Deployed, Endpoint, Solved, State};
use caribou_control::telemetry::Log;
use caribou_local::Control;
use caribou_model::{Manifest, NodeId, Plan, RunId, Timestamp, Workload};
use caribou_runtime::client::Client;
use caribou_runtime::local;
use caribou_runtime::port::Ports;
use caribou_solver::{Problem, Settings, Solution};

use crate::error::CliError;

/// Where a command finds the cloud.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StateArgs {
    /// The directory that the embedded cloud keeps its state in.
    #[arg(long, value_name = "DIR", default_value = ".caribou/local")]
    pub(crate) state: PathBuf,
}

impl StateArgs {
    pub(crate) fn state(&self) -> State {
        State::in_directory(&self.state)
    }
}

/// A cloud and a workflow that is deployed there.
pub(crate) struct Session {
    pub(crate) state: State,
    pub(crate) endpoint: Endpoint,
    pub(crate) control: Control,
    pub(crate) ports: Ports,
    pub(crate) deployed: Deployed,
}

impl Session {
    /// How long messages that are still under way may take.
    const SETTLED: Duration = Duration::from_secs(30);

    /// Finds the cloud of a state, and the workflow of this name or package there.
    pub(crate) fn find(state: State, workflow: Option<&str>) -> Result<Self, CliError> {
        let endpoint = state.endpoint()?;
        let deployed = state.deployed(workflow)?;
        Ok(Self::new(state, endpoint, deployed))
    }

    pub(crate) fn new(state: State, endpoint: Endpoint, deployed: Deployed) -> Self {
        let control = Control::new(&endpoint.url);
        let ports = local::ports(&endpoint.url, None);
        Self { state, endpoint, control, ports, deployed }
    }

    /// A client of the workflow.
    pub(crate) fn client(&self) -> Client {
        let Deployed { graph, manifest, .. } = &self.deployed;
        let entry = graph.function_of(NodeId::ENTRY).map_or("", |spec| &spec.name);
        Client::new(&graph.workflow, &graph.version, entry, manifest.home.clone(), self.ports.clone())
    }

    /// Why the platform gave up a message of this run since then, if it did.
    pub(crate) async fn given_up(&self, run: &RunId, since: Timestamp) -> Result<Option<String>, CliError> {
        let mut letters = self.control.dead_letters().await?.into_iter();
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

    /// Every line of telemetry of the workflow.
    pub(crate) async fn log(&self) -> Result<Log, CliError> {
        let mut lines = Vec::new();
        let mut after = 0;
        loop {
            let page = self.control.telemetry(after).await?;
            if page.lines.is_empty() {
                break;
            }
            lines.extend(page.lines);
            after = page.next;
        }
        Ok(Log::read(&self.deployed.graph, lines.iter().map(String::as_str)))
    }

    /// Every line of telemetry, once nothing is under way any more.
    pub(crate) async fn settled_log(&self) -> Result<Log, CliError> {
        // work that does not settle shows in what its telemetry lacks
        self.control.settled(Self::SETTLED).await?;
        self.log().await
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

    /// The manifest, with the regions of this cloud as the only ones.
    pub(crate) fn manifest(&self) -> Manifest {
        let mut manifest = self.deployed.manifest.clone();
        let permitted = self.endpoint.regions.iter().filter(|region| manifest.regions.permit(region));
        manifest.regions.allow = permitted.cloned().map(Into::into).collect();
        manifest
    }

    /// The facts of this cloud's regions.
    pub(crate) fn facts(&self) -> Result<Facts, CliError> {
        Ok(facts::embedded().select(&self.endpoint.regions)?)
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
