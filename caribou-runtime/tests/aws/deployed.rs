//! The client of an author's own programs.

use std::time::Duration;

use caribou_runtime::Release;
use caribou_runtime::deployed::{Client, ConnectError, RunError};
use caribou_runtime::local::SystemClock;
use caribou_runtime::model::Region;
use caribou_runtime::port::Clock as _;

use crate::dynamodb::config;
use crate::requests::Bench;
use crate::workflows::CHAIN;

const HOME: Region = Region::aws("us-east-1");
const NOW: Duration = Duration::ZERO;

async fn released() -> Bench {
    let bench = Bench::start(&CHAIN).await;
    let release = Release {
        workflow: "chain".into(),
        version: "0.1.0".into(),
        entry: bench.entry(),
        home: HOME,
        since: SystemClock.now(),
    };
    release.switch(&*bench.ports().store, None).await.unwrap();
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_home_region_are_enough_to_start_runs_and_to_get_their_results() {
    let mut bench = released().await;
    let client = Client::connect_with("chain", "us-east-1", &config(&bench.wire.endpoint)).await.unwrap();
    let run = client.start_as("order-7", &4).await.unwrap();
    assert!(matches!(run.result::<u64>(NOW).await, Err(RunError::Late { .. })));
    let twice = client.start_as("order-7", &4).await.unwrap();
    bench.run().await;
    assert_eq!(run.result::<u64>(NOW).await.unwrap(), 9);
    assert_eq!(twice.result::<u64>(NOW).await.unwrap(), 9);
    assert_eq!(client.run("order-7").unwrap().result::<u64>(NOW).await.unwrap(), 9);
    let error = run.result::<String>(NOW).await.unwrap_err().to_string();
    assert!(error.contains("`order-7` is not what was asked for"), "{error}");
    let one = client.start(&1).await.unwrap();
    let another = client.start(&2).await.unwrap();
    assert_ne!(one.id(), another.id());
    bench.run().await;
    assert_eq!((one.result::<u64>(NOW).await.unwrap(), another.result::<u64>(NOW).await.unwrap()), (3, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_tells_where_and_why() {
    let mut bench = released().await;
    let client = Client::connect_with("chain", "us-east-1", &config(&bench.wire.endpoint)).await.unwrap();
    let run = client.start(&13).await.unwrap();
    bench.run().await;
    let error = run.result::<u64>(NOW).await.unwrap_err();
    let RunError::Failed { stage, error, .. } = error else { panic!("{error}") };
    assert_eq!((stage.as_deref(), error.as_str()), (Some("double"), "13 is refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_is_not_there_is_told_with_what_to_do() {
    let bench = Bench::start(&CHAIN).await;
    let config = config(&bench.wire.endpoint);
    let error = Client::connect_with("chain", "us-east-1", &config).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotDeployed { .. }), "{error}");
    let error = Client::connect_with("nobody", "us-east-1", &config).await.unwrap_err().to_string();
    assert!(error.contains("ResourceNotFound") && error.contains("caribou deploy"), "{error}");
    let error = Client::connect_with("chain", "US", &config).await.unwrap_err();
    assert!(matches!(error, ConnectError::Region(_)), "{error}");
}
