//! A workflow on a cloud, and what it is held against.

use std::collections::BTreeMap;
use std::time::Duration;

use caribou_local::{Cloud, Config, Control, FunctionDeployment};
use caribou_model::{Epoch, Hour, LatencyTable, NodeId, Placement, Plan, Region, Timestamp};
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Client, RunStatus, Workflow, local, plan};
use serde_json::Value as Json;
use tempfile::TempDir;

const HOME: Region = Region::aws("us-east-1");
const AWAY: Region = Region::aws("ca-central-1");
/// How long a test waits for a run, on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A cloud with a workflow deployed to both regions, its stages in turns here and there.
pub(crate) async fn deployed(workflow: &'static Workflow) -> (TempDir, Cloud, Client) {
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
    let graph = (workflow.graph)();
    for spec in &graph.functions {
        for region in [HOME, AWAY] {
            let address = StageAddress {
                workflow: graph.workflow.clone(),
                version: graph.version.clone(),
                function: spec.name.clone(),
                region,
            };
            let deployment = FunctionDeployment {
                address,
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
    let regions: Vec<Region> =
        (0..graph.stages().count()).map(|stage| if stage % 2 == 0 { AWAY } else { HOME }).collect();
    let placement = Placement::new(&regions).unwrap();
    let plan = Plan {
        epoch: Epoch(1),
        expires: Timestamp::from_millis(u64::MAX),
        hours: (0..24).map(|hour| Hour::try_from(hour).map(|_| placement.clone()).unwrap()).collect(),
        ..Plan::at_home(&graph, HOME)
    };
    plan::switch(&*ports.store, &plan, None).await.unwrap();
    let entry = graph.function_of(NodeId::ENTRY).unwrap().name.clone();
    let client = Client::new(&graph.workflow, &graph.version, &entry, HOME, ports);
    (state, cloud, client)
}

/// Runs the inputs side by side, and holds each against the plain call.
pub(crate) async fn hold(workflow: &'static Workflow, inputs: Vec<Json>) {
    let (_state, _cloud, client) = deployed(workflow).await;
    let mut runs = Vec::new();
    for input in &inputs {
        runs.push(client.start(None, input.clone()).await.unwrap());
    }
    for (run, input) in runs.iter().zip(inputs) {
        let plain = (workflow.plain)(input.clone()).await.map_err(|error| error.to_string());
        let found = match client.wait(run, Duration::from_millis(10), PATIENCE).await.unwrap() {
            RunStatus::Succeeded { result, pin, .. } => {
                assert_eq!(pin.epoch, Epoch(1));
                Ok(result)
            }
            RunStatus::Failed { error, .. } => Err(error),
            other => panic!("{input}: {other:?}"),
        };
        assert_eq!(found, plain, "{input}");
    }
}
