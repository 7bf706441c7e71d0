//! A workflow that the real deployer has deployed, and what its runs are held against.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caribou_control::aws::{Archive, Archives, Aws, AwsDeployer};
use caribou_control::deploy::{Deployer, under_plan};
use caribou_control::migrate::{InForce, migrate};
use caribou_control::state::Deployed;
use caribou_model::{Epoch, Hour, Manifest, NodeId, Placement, Plan, Region, RunId, Timestamp};
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::{Clock as _, Ports, SendError, StageAddress};
use caribou_runtime::{Client, Request, RunStatus, Workflow, aws};
use caribou_test_aws::clients::config;
use caribou_test_aws::machine::{REGIONS, VIRGINIA};
use caribou_test_aws::{ACCOUNT, Machine};
use serde_json::Value as Json;

pub(crate) const HOME: Region = VIRGINIA;
/// How long a test waits for a run, on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);
/// How often a run is looked at. Each look is a request.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A workflow on a machine.
pub(crate) struct OnAws<'m> {
    pub(crate) machine: &'m Machine,
    pub(crate) workflow: &'static Workflow,
    pub(crate) deployed: Deployed,
    pub(crate) ports: Ports,
    aws: Aws,
    archives: Archives,
}

impl<'m> OnAws<'m> {
    /// Deploys a workflow home, with its entry in all regions, and puts it in force.
    pub(crate) async fn new(machine: &'m Machine, workflow: &'static Workflow) -> Self {
        Self::with(machine, workflow, |_| ()).await
    }

    /// The same with another manifest.
    pub(crate) async fn with(
        machine: &'m Machine,
        workflow: &'static Workflow,
        change: impl FnOnce(&mut Manifest),
    ) -> Self {
        Self::of(machine, workflow, env!("CARGO_BIN_EXE_caribou-test-aws"), change).await
    }

    /// The same with another bootstrap.
    pub(crate) async fn of(
        machine: &'m Machine,
        workflow: &'static Workflow,
        bootstrap: &str,
        change: impl FnOnce(&mut Manifest),
    ) -> Self {
        let mut manifest = Manifest::at_home(HOME);
        manifest.runs.probe_share = 0.0;
        manifest.runs.deadline_s = 600;
        change(&mut manifest);
        let deployed = Deployed {
            graph: (workflow.graph)(),
            parameters: workflow.parameters.iter().map(ToString::to_string).collect(),
            package: machine.state().to_owned(),
            bootstrap: bootstrap.into(),
            manifest,
            at: Timestamp::from_millis(0),
        };
        let front = machine.front.endpoint();
        let aws = Aws::with(config(front, &HOME, "DEPLOYER"), &HOME, Arc::new(SystemClock)).await.unwrap();
        let archives = Archives::shared(Archive::read(&packed(bootstrap)).unwrap());
        let ports = aws::ports(ACCOUNT.parse().unwrap(), &config(front, &HOME, "CLIENT"));
        let on_aws = Self { machine, workflow, deployed, ports, aws, archives };
        let plan = Plan::at_home(&on_aws.deployed.graph, HOME);
        let needs = under_plan(&on_aws.deployed.graph, &plan);
        let platform = on_aws.deployer();
        platform.bring(&needs, &mut |_| ()).await.unwrap();
        platform.verify(&needs).await.unwrap();
        platform.release(&*on_aws.ports.store, SystemClock.now()).await.unwrap();
        on_aws
    }

    /// The account.
    pub(crate) fn aws(&self) -> &Aws {
        &self.aws
    }

    pub(crate) fn deployer(&self) -> AwsDeployer<'_> {
        AwsDeployer { aws: &self.aws, deployed: &self.deployed, archives: &self.archives, regions: &REGIONS }
    }

    /// Puts a plan in force whose stages are in these regions in turns, in every hour. Gives its epoch.
    pub(crate) async fn migrate(&self, regions: &[Region]) -> Epoch {
        self.migrate_until(regions, Timestamp::from_millis(u64::MAX)).await
    }

    /// The same for a plan that ends.
    pub(crate) async fn migrate_until(&self, regions: &[Region], expires: Timestamp) -> Epoch {
        let graph = &self.deployed.graph;
        let store = &*self.ports.store;
        let in_force = InForce::read(store, graph, &HOME).await.unwrap();
        let stages: Vec<Region> = regions.iter().cycle().take(graph.stages().count()).cloned().collect();
        let placement = Placement::new(&stages).unwrap();
        let plan = Plan {
            epoch: in_force.next_epoch(),
            expires,
            hours: (0..24).map(|hour| Hour::try_from(hour).map(|_| placement.clone()).unwrap()).collect(),
            ..Plan::at_home(graph, HOME)
        };
        let migrated = migrate(&self.deployer(), store, &in_force, &plan, &mut |_| ()).await.unwrap();
        // instances keep a plan for a minute
        self.machine.bridge.renew(&graph.workflow).await.unwrap();
        migrated.epoch
    }

    /// The function that receives requests, in a region.
    pub(crate) fn entry(&self, region: Region) -> StageAddress {
        let graph = &self.deployed.graph;
        StageAddress {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            function: graph.function_of(NodeId::ENTRY).unwrap().name.clone(),
            region,
        }
    }

    pub(crate) fn client(&self) -> Client {
        let StageAddress { workflow, version, function, region } = self.entry(HOME);
        Client::new(&workflow, &version, &function, region, self.ports.clone())
    }

    /// Sends a request to the entry in a region, whatever the plan says.
    pub(crate) async fn send(&self, region: Region, run: &str, input: Json) -> Result<RunId, SendError> {
        let run: RunId = run.parse().unwrap();
        let request = Request {
            workflow: self.deployed.graph.workflow.clone(),
            version: None,
            run: Some(run.clone()),
            input,
            input_blob: None,
            sent: None,
            traceparent: None,
            resume: None,
        };
        let body = request.encode().unwrap();
        self.ports.transport.send(&self.entry(region), &body, None).await.map(|()| run)
    }

    /// Runs the inputs side by side, and holds each against the plain call.
    pub(crate) async fn hold(&self, epoch: Epoch, inputs: &[Json]) {
        let client = self.client();
        let mut runs = Vec::new();
        for input in inputs {
            runs.push(client.start(None, input.clone()).await.unwrap());
        }
        for (run, input) in runs.iter().zip(inputs) {
            assert_eq!(
                self.outcome(run, epoch).await,
                self.plain(input).await,
                "{}: {input}",
                self.deployed.graph.workflow
            );
        }
    }

    /// What the plain call gives.
    pub(crate) async fn plain(&self, input: &Json) -> Result<Json, String> {
        (self.workflow.plain)(input.clone()).await.map_err(|error| error.to_string())
    }

    /// The result of a run under a plan, or its error.
    pub(crate) async fn outcome(&self, run: &RunId, epoch: Epoch) -> Result<Json, String> {
        match self.client().wait(run, LOOK_EVERY, PATIENCE).await.unwrap() {
            RunStatus::Succeeded { result, pin, .. } => {
                assert_eq!(pin.epoch, epoch);
                Ok(result)
            }
            RunStatus::Failed { error, .. } => Err(error),
            other => panic!("{run}: {other:?}"),
        }
    }
}

/// The archive of a bootstrap, packed once for each build of it, without what only debuggers read.
pub(crate) fn packed(bootstrap: &str) -> PathBuf {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let built = std::fs::metadata(bootstrap).unwrap();
    let name = Path::new(bootstrap).file_name().unwrap().to_str().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let archive = folder.join(format!("{:x}-{:x}.zip", built.mtime(), built.mtime_nsec()));
    if !archive.exists() {
        // what was packed of earlier builds
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let stripped = folder.join("stripped");
        let strip = Command::new("strip").arg("-o").arg(&stripped).arg(bootstrap).status();
        let smaller = strip.is_ok_and(|status| status.success());
        let executable = if smaller { stripped.to_str().unwrap() } else { bootstrap };
        let unfinished = folder.join("unfinished");
        std::fs::write(&unfinished, crate::by_hand::archive(executable)).unwrap();
        std::fs::rename(&unfinished, &archive).unwrap();
        let _ = std::fs::remove_file(&stripped);
    }
    archive
}
