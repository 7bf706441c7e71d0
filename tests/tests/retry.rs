//! Runs of real bootstraps on the embedded cloud that have failed, and are taken up again.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use caribou_local::{Cloud, Config, Control, FunctionDeployment};
use caribou_model::{Epoch, LatencyTable, Placement, Plan, Region, RunId, Timestamp};
use caribou_runtime::client::NodeState;
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Client, RetryError, RunStatus, local, plan};
use caribou_tests::workflows::errand::errand;
use tempfile::TempDir;

const HOME: Region = Region::aws("us-east-1");
const AWAY: Region = Region::aws("ca-central-1");
/// How long a test waits for a run, on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(10);

/// The errand, deployed to both regions, with all its stages away from home.
struct Errands {
    _state: TempDir,
    _cloud: Cloud,
    control: Control,
    client: Client,
}

fn address(function: &str, region: Region) -> StageAddress {
    StageAddress {
        workflow: "errand".into(),
        version: errand::WORKFLOW.version.into(),
        function: function.into(),
        region,
    }
}

impl Errands {
    async fn new() -> Self {
        let state = TempDir::new().unwrap();
        let config = Config {
            state: state.path().into(),
            port: 0,
            regions: vec![HOME, AWAY],
            latencies: LatencyTable::new(),
            latency_scale: 0.0,
            most_instances: 4,
        };
        let cloud = Cloud::start(config).await.unwrap();
        let control = Control::new(&cloud.endpoint());
        let graph = (errand::WORKFLOW.graph)();
        for spec in &graph.functions {
            for region in [HOME, AWAY] {
                let deployment = FunctionDeployment {
                    address: address(&spec.name, region),
                    spec: spec.clone(),
                    bootstrap: env!("CARGO_BIN_EXE_caribou-tests").into(),
                    home: HOME,
                    probe_share: 0.0,
                    run_deadline_s: 600,
                    env: BTreeMap::default(),
                    services: caribou_local::Services::Embedded,
                };
                control.deploy(&deployment).await.unwrap();
            }
        }
        let ports = local::ports(&cloud.endpoint(), None);
        let away = Plan {
            epoch: Epoch(1),
            expires: Timestamp::from_millis(u64::MAX / 2),
            hours: vec![Placement::uniform(AWAY, graph.stages().count()); 24],
            ..Plan::at_home(&graph, HOME)
        };
        plan::switch(&*ports.store, &away, None).await.unwrap();
        let client = Client::new("errand", errand::WORKFLOW.version, "enter", HOME, ports);
        Self { _state: state, _cloud: cloud, control, client }
    }

    /// Starts a run to a place where there is no parcel, and waits until it has failed.
    async fn failed(&self, place: &Path) -> RunId {
        let run = self.client.start(None, serde_json::to_value(place).unwrap()).await.unwrap();
        let status = self.client.wait(&run, POLL, PATIENCE).await.unwrap();
        let RunStatus::Failed { stage, input, .. } = status else { panic!("{status:?}") };
        assert_eq!(stage.as_deref(), Some("fetch"));
        assert_eq!(input, [serde_json::to_value(place.join("parcel")).unwrap()]);
        run
    }

    async fn result(&self, run: &RunId, resumption: u32) -> serde_json::Value {
        let status = self.client.wait_resumed(run, resumption, POLL, PATIENCE).await.unwrap().unwrap();
        let RunStatus::Succeeded { result, .. } = status else { panic!("{status:?}") };
        result
    }
}

#[tokio::test]
async fn a_run_goes_on_where_it_failed_when_what_was_missing_is_there() {
    let (errands, place) = (Errands::new().await, TempDir::new().unwrap());
    let run = errands.failed(place.path()).await;
    let again = errands.client.retry(&run).await.unwrap();
    let status = errands.client.wait_resumed(&run, again, POLL, PATIENCE).await.unwrap().unwrap();
    assert!(matches!(status, RunStatus::Failed { .. }), "there still is no parcel: {status:?}");
    std::fs::write(place.path().join("parcel"), "seven kg").unwrap();
    let again = errands.client.retry(&run).await.unwrap();
    assert_eq!((again, errands.result(&run, again).await), (2, 8.into()));
    assert_eq!(std::fs::read_to_string(place.path().join("book")).unwrap(), "entered\n");
    let shown = errands.client.show(&run, &(errand::WORKFLOW.graph)()).await.unwrap().unwrap();
    let stages: Vec<_> =
        shown.nodes.iter().map(|node| (node.name.as_str(), node.state, node.attempt)).collect();
    let done = |name, attempt| (name, NodeState::Done, attempt);
    assert_eq!(
        stages,
        [
            done("input", Some(1)),
            done("enter", Some(1)),
            done("fetch", Some(3)),
            done("weigh", Some(1)),
            done("result", None),
        ]
    );
    assert!(shown.nodes[1..4].iter().all(|node| node.region == AWAY));
    assert!(matches!(errands.client.retry(&run).await, Err(RetryError::Succeeded { .. })));
}

#[tokio::test]
async fn what_was_in_a_region_that_was_removed_goes_home() {
    let (errands, place) = (Errands::new().await, TempDir::new().unwrap());
    let run = errands.failed(place.path()).await;
    std::fs::write(place.path().join("parcel"), "seven kg").unwrap();
    assert!(errands.control.settled(PATIENCE).await.unwrap());
    for function in ["enter", "fetch", "weigh"] {
        errands.control.remove(&address(function, AWAY)).await.unwrap();
    }
    let again = errands.client.retry(&run).await.unwrap();
    assert_eq!(errands.result(&run, again).await, 8);
    assert_eq!(std::fs::read_to_string(place.path().join("book")).unwrap(), "entered\n");
    let shown = errands.client.show(&run, &(errand::WORKFLOW.graph)()).await.unwrap().unwrap();
    assert!(shown.nodes[1..4].iter().all(|node| node.region == HOME), "{shown:#?}");
}
