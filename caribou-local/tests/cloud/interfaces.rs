//! Regions, stores, blobs and refusals, without any function.

use std::net::TcpListener;

use crate::fixture::{AWAY, Fixture, HOME, config, deployment, example};
use bytes::Bytes;
use caribou_local::{Cloud, CloudError, Faults};
use caribou_model::{LatencyTable, Region, RoundTrip, Seconds, Timestamp};
use caribou_runtime::local::{self, wire};
use caribou_runtime::port::{BlobError, Condition, Put, SendError, StageAddress};

const NEVER: Timestamp = Timestamp::from_millis(u64::MAX / 2_000_000);

fn nowhere() -> StageAddress {
    deployment("nobody", HOME, "".as_ref()).address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_its_contract() {
    let fixture = Fixture::new().await;
    crate::contract::holds(fixture.ports.clone()).await;
}

#[tokio::test]
async fn an_item_survives_a_restart_and_stays_in_its_region() {
    let fixture = Fixture::new().await;
    let value = Bytes::from_static(b"\0value");
    let put = fixture.ports.store.put(&HOME, "a/b c", value.clone(), Condition::Absent, NEVER).await.unwrap();
    let Put::Written(revision) = put else { panic!("{put:?}") };
    let fixture = fixture.restarted().await;
    let item = fixture.ports.store.get(&HOME, "a/b c").await.unwrap().unwrap();
    assert_eq!((item.revision, item.value), (revision, value.clone()));
    assert_eq!(fixture.ports.store.get(&AWAY, "a/b c").await.unwrap(), None);
    let refused = fixture.ports.store.put(&HOME, "a/b c", value, Condition::Absent, NEVER).await.unwrap();
    assert!(matches!(refused, Put::Refused(Some(item)) if item.revision == revision));
    let absent = fixture.ports.store.put(&AWAY, "x", Bytes::new(), Condition::Revision(1), NEVER).await;
    assert_eq!(absent.unwrap(), Put::Refused(None));
}

#[tokio::test]
async fn items_are_listed_in_pages_as_they_were_written() {
    let fixture = Fixture::new().await;
    let store = &fixture.ports.store;
    for key in ["w/run/c", "w/run/a", "w/run/b ä", "w/claim/a"] {
        let value = Bytes::from(format!("\0{key}"));
        store.put(&HOME, key, value, Condition::Absent, NEVER).await.unwrap();
    }
    store.put(&AWAY, "w/run/d", Bytes::new(), Condition::Absent, NEVER).await.unwrap();
    let first = store.list(&HOME, "w/run/", None, 2).await.unwrap();
    let second = store.list(&HOME, "w/run/", first.next.as_deref(), 2).await.unwrap();
    assert_eq!(second.next, None);
    let listed: Vec<_> = first.items.into_iter().chain(second.items).collect();
    let keys: Vec<&str> = listed.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["w/run/a", "w/run/b ä", "w/run/c"]);
    for (key, item) in listed {
        assert_eq!(store.get(&HOME, &key).await.unwrap(), Some(item));
    }
    let error = store.list(&HOME, &"x".repeat(20_000), None, 2).await.unwrap_err().cause;
    assert!(error.contains("the query has more than the 16384 bytes"), "{error}");
}

#[tokio::test]
async fn concurrent_additions_to_a_set_see_each_other() {
    let fixture = Fixture::new().await;
    let adds = (0..20).map(|member| {
        let store = fixture.ports.store.clone();
        tokio::spawn(async move { store.add(&HOME, "arrivals", member, NEVER).await.unwrap().len() })
    });
    let mut sizes = Vec::new();
    for add in adds.collect::<Vec<_>>() {
        sizes.push(add.await.unwrap());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_large_blob_comes_back_as_it_was() {
    let fixture = Fixture::new().await;
    let content: Bytes = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    fixture.ports.blobs.put(&AWAY, "big", content.clone(), NEVER).await.unwrap();
    let fixture = fixture.restarted().await;
    assert_eq!(fixture.ports.blobs.get(&AWAY, "big").await.unwrap(), content);
    let missing = fixture.ports.blobs.get(&HOME, "big").await.unwrap_err();
    assert!(matches!(missing, BlobError::Missing { .. }), "{missing}");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_says_the_limit() {
    let fixture = Fixture::new().await;
    let to = fixture.deploy("first", HOME, &example("relay")).await;
    let body = "x".repeat(wire::LARGEST_MESSAGE + 1);
    let error = fixture.ports.transport.send(&to, &body, None).await.unwrap_err();
    let SendError::NotAccepted { cause, .. } = error else { panic!("{error}") };
    assert!(cause.contains("262144 bytes") && cause.contains("blobs"), "{cause}");
}

#[tokio::test]
async fn an_unknown_function_is_refused_with_what_is_deployed() {
    let fixture = Fixture::new().await;
    let error = fixture.ports.transport.send(&nowhere(), "hello", None).await.unwrap_err().to_string();
    assert!(error.contains("function `nobody` of relay 0.1.0 is not deployed in aws:us-east-1"), "{error}");
    fixture.deploy("first", HOME, &example("relay")).await;
    let error = fixture.ports.transport.send(&nowhere(), "hello", None).await.unwrap_err();
    let SendError::NotAccepted { cause, .. } = error else { panic!("{error}") };
    assert!(cause.contains("relay 0.1.0 `first`"), "{cause}");
}

#[tokio::test]
async fn a_region_that_is_down_accepts_nothing_until_it_is_back() {
    let fixture = Fixture::new().await;
    let down = Faults { down: [AWAY].into(), ..Faults::default() };
    fixture.control.faults(&down).await.unwrap();
    let away = StageAddress { region: AWAY, ..nowhere() };
    let error = fixture.ports.transport.send(&away, "hello", None).await.unwrap_err();
    assert!(matches!(error, SendError::NotAccepted { .. }), "{error}");
    assert!(fixture.ports.store.get(&AWAY, "k").await.unwrap_err().cause.contains("is down"));
    assert!(fixture.ports.store.get(&HOME, "k").await.is_ok());
    fixture.control.faults(&Faults::default()).await.unwrap();
    assert!(fixture.ports.store.get(&AWAY, "k").await.is_ok());
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_a_remedy() {
    let fixture = Fixture::new().await;
    let paris = Region::aws("eu-west-3");
    let error = fixture.ports.store.get(&paris, "k").await.unwrap_err().cause;
    assert!(error.contains("no region aws:eu-west-3") && error.contains("aws:ca-central-1"), "{error}");
    let missing = deployment("first", HOME, "/nowhere/bootstrap".as_ref());
    let error = fixture.control.deploy(&missing).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/bootstrap cannot be used"), "{error}");
    let error = fixture.control.remove(&nowhere()).await.unwrap_err().to_string();
    assert!(error.contains("is not deployed"), "{error}");
}

#[tokio::test]
async fn deployments_survive_a_restart() {
    let fixture = Fixture::new().await;
    let address = fixture.deploy("first", HOME, &example("relay")).await;
    let fixture = fixture.restarted().await;
    let deployed = fixture.control.deployments().await.unwrap();
    assert_eq!(deployed.iter().map(|known| &known.address).collect::<Vec<_>>(), [&address]);
    fixture.control.remove(&address).await.unwrap();
    assert_eq!(fixture.control.deployments().await.unwrap(), []);
}

#[tokio::test]
async fn a_cloud_that_cannot_start_says_why() {
    let fixture = Fixture::new().await;
    let mut second = config(fixture.state.path());
    let error = Cloud::start(second.clone()).await.unwrap_err();
    assert!(matches!(error, CloudError::InUse(_)), "{error}");

    let other = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    second.state = other.path().into();
    second.port = listener.local_addr().unwrap().port();
    let error = Cloud::start(second.clone()).await.unwrap_err();
    assert!(matches!(error, CloudError::PortTaken(port) if port == second.port), "{error}");

    drop(listener);
    second.latency_scale = 1.0;
    let error = Cloud::start(second.clone()).await.unwrap_err();
    assert!(matches!(error, CloudError::UnknownLatency(..)), "{error}");

    let file = other.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    let error = Cloud::start(config(&file)).await.unwrap_err();
    assert!(matches!(error, CloudError::State { .. }), "{error}");
}

#[tokio::test]
async fn a_call_between_regions_takes_a_round_trip_and_one_from_outside_none() {
    let mut latencies = LatencyTable::new();
    let round_trip = RoundTrip { p50: Seconds(0.2), p90: Seconds(0.2) };
    latencies.insert(HOME, AWAY, round_trip);
    let state = tempfile::tempdir().unwrap();
    let fixture = Fixture::on(state, |config| {
        config.latencies = latencies;
        config.latency_scale = 1.0;
    })
    .await;
    let inside = local::ports(&fixture.cloud.endpoint(), Some(HOME));
    let before = tokio::time::Instant::now();
    inside.store.get(&AWAY, "k").await.unwrap();
    assert!(before.elapsed() >= std::time::Duration::from_millis(200));
    assert_eq!(fixture.ports.store.get(&AWAY, "k").await.unwrap(), None);
}

#[tokio::test]
async fn a_stop_that_is_asked_for_reaches_the_process_that_runs_the_cloud() {
    let fixture = Fixture::new().await;
    fixture.control.stop().await.unwrap();
    fixture.cloud.stop_requested().await;
    fixture.cloud.stop().await;
    assert!(
        fixture.control.status().await.unwrap_err().to_string().contains("is the embedded cloud running?")
    );
}
