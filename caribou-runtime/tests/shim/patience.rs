//! A store that is away for a while costs time, and none of the attempts that the function has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::memory::World;
use caribou_runtime::model::{Region, Timestamp};
use caribou_runtime::port::{Clock, Condition, Item, Page, Ports, Put, Store, StoreError};
use caribou_runtime::{Client, Deployment, Event, HandleError, Handled, RunStatus, Shim};
use serde_json::json;

use crate::platform::wait;
use crate::workflows::CHAIN;

const HOME: Region = Region::aws("us-east-1");

/// The store of a world, away for a while.
struct Away {
    world: World,
    until: Timestamp,
}

impl Away {
    fn here(&self, region: &Region, operation: &'static str) -> Result<(), StoreError> {
        let cause =
            || StoreError { region: region.clone(), operation, cause: "it is away".into(), refused: false };
        if self.world.now() < self.until { Err(cause()) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Away {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        self.here(region, "get")?;
        self.world.get(region, key).await
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        self.here(region, "put")?;
        self.world.put(region, key, value, condition, expires).await
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        self.here(region, "add")?;
        self.world.add(region, key, member, expires).await
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.world.list(region, prefix, after, limit).await
    }
}

/// What becomes of a stage's message if the store is away for so long, and how long that takes.
fn handled(
    away: Duration,
    change: impl Fn(&str) -> String,
) -> (World, Result<Handled, HandleError>, Duration) {
    let world = World::new(1);
    let shim = |ports: Ports| {
        let deployment = Deployment {
            workflow: &CHAIN,
            function: "double".into(),
            region: HOME,
            home: HOME,
            probe_share: 0.0,
            run_deadline: Duration::from_hours(1),
            plan_cache: Duration::from_mins(1),
        };
        Shim::new(deployment, ports).unwrap()
    };
    let event = |request_id: &str, body: String| Event {
        body,
        request_id: request_id.into(),
        message_id: None,
        deadline: world.now().plus(Duration::from_secs(30)),
        received: world.now(),
        cold: false,
    };
    let client = Client::new("chain", "0.1.0", "double", HOME, world.ports());
    wait(client.start(Some("r".parse().unwrap()), json!(4))).unwrap();
    let (_, request) = world.take_messages().remove(0);
    wait(shim(world.ports()).handle(event("request", request))).unwrap();
    let (_, message) = world.take_messages().remove(0);
    let (began, until) = (world.now(), world.now().plus(away));
    let store = Arc::new(Away { world: world.clone(), until });
    let ports = Ports { store, ..world.ports() };
    let handled = wait(shim(ports).handle(event("message", change(&message))));
    let took = world.now().since(began);
    (world, handled, took)
}

#[test]
fn a_store_that_is_away_for_ten_seconds_is_waited_for_in_one_attempt() {
    let (world, handled, took) = handled(Duration::from_secs(10), str::to_owned);
    assert_eq!(handled.unwrap(), Handled::Done);
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(15), "{took:?}");
    let (to, _) = world.take_messages().remove(0);
    assert_eq!(to.function, "increment");
}

#[test]
fn a_store_that_stays_away_fails_the_event_before_the_invocation_ends() {
    let (_, handled, took) = handled(Duration::from_hours(1), str::to_owned);
    assert!(matches!(handled, Err(HandleError::Store(_))), "{handled:?}");
    assert!(took > Duration::from_secs(25) && took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_value_that_is_gone_is_not_waited_for() {
    let gone = |body: &str| {
        let start = body.find(r#""y":"#).unwrap();
        format!(r#"{}"y":[{{"r":"aws:us-east-1","k":"gone","n":5}}]}}"#, &body[..start])
    };
    let (world, handled, took) = handled(Duration::ZERO, gone);
    assert_eq!(handled.unwrap(), Handled::Done);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let client = Client::new("chain", "0.1.0", "double", HOME, world.ports());
    let status = wait(client.status(&"r".parse().unwrap())).unwrap();
    let RunStatus::Failed { error, input, .. } = status else { panic!("{status:?}") };
    assert!(error.contains("gone"), "{error}");
    assert_eq!(input, [json!({"gone": "gone", "region": "aws:us-east-1"})]);
}
