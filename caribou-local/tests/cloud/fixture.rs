//! A cloud of two regions on a state of its own, and what tests do with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use caribou_local::{Cloud, Config, Control, FunctionDeployment};
use caribou_model::{FunctionSpec, LatencyTable, Region};
use caribou_runtime::local;
use caribou_runtime::port::{Ports, StageAddress};
use tempfile::TempDir;

pub(crate) const HOME: Region = Region::aws("us-east-1");
pub(crate) const AWAY: Region = Region::aws("ca-central-1");

/// How long a test waits for something that has to happen, on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn config(state: &Path) -> Config {
    Config {
        state: state.into(),
        port: 0,
        regions: vec![HOME, AWAY],
        latencies: LatencyTable::new(),
        latency_scale: 0.0,
        most_instances: 8,
    }
}

pub(crate) struct Fixture {
    pub(crate) state: TempDir,
    pub(crate) cloud: Cloud,
    pub(crate) control: Control,
    pub(crate) ports: Ports,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::on(TempDir::new().unwrap(), |_| ()).await
    }

    /// A cloud on a state that may have been used before.
    pub(crate) async fn on(state: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(state.path());
        change(&mut config);
        let cloud = Cloud::start(config).await.unwrap();
        let (control, ports) = (Control::new(&cloud.endpoint()), local::ports(&cloud.endpoint(), None));
        Self { state, cloud, control, ports }
    }

    /// Ends the cloud as it stands and starts another on the same state.
    pub(crate) async fn restarted(self) -> Self {
        let Self { state, cloud, .. } = self;
        drop(cloud);
        Self::on(state, |_| ()).await
    }

    pub(crate) async fn deploy(&self, function: &str, region: Region, bootstrap: &Path) -> StageAddress {
        let deployment = deployment(function, region, bootstrap);
        self.control.deploy(&deployment).await.unwrap();
        deployment.address
    }

    /// Waits until no message is queued or in flight.
    pub(crate) async fn settled(&self) {
        assert!(self.control.settled(PATIENCE).await.unwrap(), "{:?}", self.control.status().await);
    }
}

pub(crate) fn deployment(function: &str, region: Region, bootstrap: &Path) -> FunctionDeployment {
    let address =
        StageAddress { workflow: "relay".into(), version: "0.1.0".into(), function: function.into(), region };
    FunctionDeployment {
        address,
        spec: FunctionSpec { memory_mb: 128, timeout_s: 60, ..FunctionSpec::new(function) },
        bootstrap: bootstrap.into(),
        home: HOME,
        probe_share: 0.0,
        run_deadline_s: 600,
        env: BTreeMap::default(),
        services: caribou_local::Services::Embedded,
    }
}

/// An example of this package, which cargo has built along with this test.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built; run `cargo build -p caribou-local --examples`", path.display());
    path
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < patience, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
