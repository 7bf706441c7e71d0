//! What a run leaves behind is deleted from the disk when it has expired.

use std::path::Path;
use std::time::Duration;

use caribou_model::Timestamp;
use caribou_runtime::{Client, RunStatus};
use serde_json::json;

use crate::fixture::{Fixture, HOME, PATIENCE, deployment, example};

/// The files of blobs on disk.
fn blobs(state: &Path) -> usize {
    let directories = std::fs::read_dir(state.join("blobs")).unwrap();
    directories.map(|directory| std::fs::read_dir(directory.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn blobs_and_items_of_a_run_are_deleted_when_they_have_expired_and_not_before() {
    let fixture = Fixture::new().await;
    for function in ["first", "second"] {
        fixture.control.deploy(&deployment(function, HOME, &example("relay"))).await.unwrap();
    }
    let client = Client::new("relay", "0.1.0", "first", HOME, fixture.ports.clone());
    let run = client.start(None, json!({ "stages": ["x".repeat(200_000)] })).await.unwrap();
    let status = client.wait(&run, Duration::from_millis(10), PATIENCE).await.unwrap();
    let RunStatus::Succeeded { pin, .. } = status else { panic!("{status:?}") };
    fixture.settled().await;
    let state = fixture.state.path();
    let there = blobs(state);
    assert!(there >= 3, "{there} blobs: the input, and what the stages were sent");

    let at = |after: Duration| pin.deadline.plus(after);
    let hour = Duration::from_hours(1);
    let before = |instant: Timestamp| Timestamp::from_millis(instant.as_millis() - 1);
    fixture.cloud.remove_expired(at(hour)).await.unwrap();
    assert_eq!(blobs(state), there);
    fixture.cloud.remove_expired(at(24 * hour)).await.unwrap();
    assert_eq!(blobs(state), there - 1, "the input waits for a day");

    let record = format!("relay/run/{run}");
    let claim = format!("relay/claim/{run}/1");
    let two_weeks = at(14 * 24 * hour);
    fixture.cloud.remove_expired(before(two_weeks)).await.unwrap();
    assert_eq!(blobs(state), there - 1, "a run that failed could be taken up again");
    for key in [&record, &claim] {
        assert!(fixture.ports.store.get(&HOME, key).await.unwrap().is_some(), "{key}");
    }
    fixture.cloud.remove_expired(two_weeks).await.unwrap();
    assert_eq!(blobs(state), 0);
    for key in [&record, &claim] {
        assert_eq!(fixture.ports.store.get(&HOME, key).await.unwrap(), None, "{key}");
    }
    assert_eq!(client.status(&run).await.unwrap(), RunStatus::Unknown);
}
