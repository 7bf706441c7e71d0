//! A cloud in a process of its own, with the example deployed to all of its regions.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use caribou_local::{Control, FunctionDeployment};
use caribou_runtime::model::{FunctionSpec, Region};
use caribou_runtime::port::{Ports, StageAddress};
use caribou_runtime::{Client, local};
use image_press::press;

pub(crate) const HOME: Region = Region::aws("us-east-1");
pub(crate) const REGIONS: [Region; 3] = [Region::aws("ca-central-1"), HOME, Region::aws("us-west-2")];

/// The longest time of one attempt, in seconds, so that leases of instances that were killed end soon.
const TIMEOUT_S: u32 = 10;
/// How long a run may take, in seconds: longer than the longest chaos.
const RUN_DEADLINE_S: u64 = 3 * 60 * 60;

pub(crate) struct Served {
    process: Child,
    pub(crate) control: Control,
}

impl Served {
    pub(crate) async fn on(state: &Path) -> Self {
        let state = state.to_owned();
        let started = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cloud"));
            let mut process = command.arg(state).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
            let mut endpoint = String::new();
            BufReader::new(process.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
            (process, endpoint)
        });
        let (process, endpoint) = started.await.unwrap();
        Self { process, control: Control::new(endpoint.trim()) }
    }

    pub(crate) async fn deploy(&self) {
        let graph = (press::WORKFLOW.graph)();
        for (spec, region) in graph.functions.iter().flat_map(|spec| REGIONS.map(|region| (spec, region))) {
            let address = StageAddress {
                workflow: graph.workflow.clone(),
                version: graph.version.clone(),
                function: spec.name.clone(),
                region,
            };
            let deployment = FunctionDeployment {
                address,
                spec: FunctionSpec { timeout_s: TIMEOUT_S, ..spec.clone() },
                bootstrap: env!("CARGO_BIN_EXE_press").into(),
                home: HOME,
                probe_share: 0.1,
                run_deadline_s: RUN_DEADLINE_S,
                env: BTreeMap::default(),
                services: caribou_local::Services::Embedded,
            };
            self.control.deploy(&deployment).await.unwrap();
        }
    }

    pub(crate) fn ports(&self) -> Ports {
        local::ports(self.control.endpoint(), None)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new("image_press", "0.1.0", "inspect", HOME, self.ports())
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it where it is.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.control.stop().await.unwrap();
        let process = &mut self.process;
        assert!(tokio::task::block_in_place(|| process.wait()).unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
