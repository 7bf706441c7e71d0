//! What must hold in every state, and where nothing is left to do.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use caribou_runtime::model::{Graph, NodeId, Region, RunId, Timestamp};
use caribou_runtime::port::{Condition, Item, Page, Ports, Put, Store, StoreError};
use caribou_runtime::{Client, RunStatus, codec};
use serde_json::Value as Json;

use crate::call::Place;
use crate::invocation::{HOME, Setting};
use crate::ports::Desk;
use crate::state::{Breach, State};

/// An author's function is called once for a stage, and again only where a fault hit the call.
pub(crate) fn functions_are_called_once(state: &State) -> Result<(), Breach> {
    for (started, calls) in &state.calls {
        let repeats = state.repeats.get(started).copied().unwrap_or_default();
        if *calls > 1 + repeats {
            return Err(format!(
                "the function of {started:?} is called {calls} times, with {repeats} faults there"
            ));
        }
    }
    Ok(())
}

/// An outcome, an arrival and the end of a run are never written over.
pub(crate) fn what_is_recorded_stays(at: &Place, there: Option<&Item>, new: &Item) -> Result<(), Breach> {
    let Some(there) = there else { return Ok(()) };
    let (before, after) = (json(&there.value)?, json(&new.value)?);
    let stays = if at.key.contains("/claim/") {
        outcome(&before) == Json::Null || outcome(&before) == outcome(&after)
    } else if at.key.contains("/run/") {
        before["end"] == Json::Null || before["end"] == after["end"]
    } else {
        !at.key.contains("/arrival/") || before == after
    };
    if stays { Ok(()) } else { Err(format!("{} was {before}, and is {after} now", at.key)) }
}

/// What a claim's item records, but for where it went.
fn outcome(claim: &Json) -> Json {
    let mut outcome = claim["p"].clone();
    if outcome == "w" {
        return Json::Null;
    }
    if let Some(deliveries) = outcome["d"]["d"].as_array_mut() {
        deliveries.iter_mut().filter_map(Json::as_object_mut).for_each(|delivery| {
            delivery.remove("m");
        });
    }
    outcome
}

fn json(item: &[u8]) -> Result<Json, Breach> {
    codec::to_json(item).map_err(|error| format!("an item cannot be read: {error}"))
}

/// The run's record, if there is one, and which one it is.
pub(crate) fn record(state: &State) -> Option<u64> {
    let mut records = state.items.iter().filter(|(at, _)| at.key.contains("/run/"));
    records.next().map(|(_, (item, _))| item.revision)
}

/// The run has ended if nothing is left to do, and where it has ended its result is made of what was recorded.
pub(crate) fn the_run_is_its_plain_call(state: &State, setting: Setting, plain: &str) -> Result<(), Breach> {
    match status(state, setting)? {
        RunStatus::Succeeded { result, .. } => {
            let result = result.as_str().unwrap_or_default();
            if shape(result) != shape(plain) {
                return Err(format!("the result is {result}, the plain call gives {plain}"));
            }
            result.split('+').try_for_each(|mark| was_recorded(state, setting, mark))
        }
        RunStatus::Failed { error, stage, .. } => Err(format!("the run fails in {stage:?}: {error}")),
        RunStatus::Unknown | RunStatus::Running { .. } if state.is_quiet() => {
            Err("nothing is left to do, and the run has not ended".into())
        }
        RunStatus::Unknown | RunStatus::Running { .. } => Ok(()),
    }
}

/// The stages of a result's marks.
fn shape(marks: &str) -> Vec<&str> {
    marks.split('+').map(|mark| mark.split(['#', '.', '@']).next().unwrap_or(mark)).collect()
}

fn was_recorded(state: &State, setting: Setting, mark: &str) -> Result<(), Breach> {
    let Some((place, _)) = mark.split_once('@') else { return Ok(()) };
    let (name, item) = place.split_once('.').map_or((place, None), |(name, item)| (name, Some(item)));
    let graph: Graph = (setting.workflow.graph)();
    let node = graph.find(name).unwrap_or(NodeId::ENTRY);
    let end = item.map_or(format!("/{node}"), |item| format!("/{node}.{item}"));
    let mut claims =
        state.items.iter().filter(|(at, _)| at.key.contains("/claim/") && at.key.ends_with(&end));
    let holds = |item: &Item| item.value.windows(mark.len()).any(|part| part == mark.as_bytes());
    if claims.any(|(_, (item, _))| holds(item)) {
        Ok(())
    } else {
        Err(format!("the result has `{mark}`, which is not what its stage recorded"))
    }
}

/// How the run stands.
fn status(state: &State, setting: Setting) -> Result<RunStatus, Breach> {
    let run = RunId::try_from(RUN.to_owned()).map_err(|error| error.to_string())?;
    let ports = Ports { store: Arc::new(Reader(state.clone())), ..Desk::default().ports() };
    let client = Client::new(setting.workflow.name, setting.workflow.version, "", HOME, ports);
    let mut asked = pin!(client.status(&run));
    match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(status) => status.map_err(|error| error.to_string()),
        Poll::Pending => Err("the run's record cannot be read at once".into()),
    }
}

/// The one run.
pub(crate) const RUN: &str = "run";

/// The store as it is in a state.
struct Reader(State);

impl Reader {
    fn refuse(region: &Region, operation: &'static str) -> StoreError {
        StoreError { region: region.clone(), operation, cause: "a state is only read".into(), refused: false }
    }
}

#[async_trait]
impl Store for Reader {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        let place = Place { region: region.clone(), key: key.to_owned() };
        Ok(self.0.items.get(&place).map(|(item, _)| item.clone()))
    }

    async fn put(
        &self,
        region: &Region,
        _: &str,
        _: Bytes,
        _: Condition,
        _: Timestamp,
    ) -> Result<Put, StoreError> {
        Err(Self::refuse(region, "put"))
    }

    async fn add(&self, region: &Region, _: &str, _: u32, _: Timestamp) -> Result<BTreeSet<u32>, StoreError> {
        Err(Self::refuse(region, "add"))
    }

    async fn list(&self, region: &Region, _: &str, _: Option<&str>, _: u16) -> Result<Page, StoreError> {
        Err(Self::refuse(region, "list"))
    }
}
