//! What became of every node of one run.

use std::collections::BTreeMap;

use caribou_model::{Graph, NodeId, Region, RunId, Timestamp};
use serde::Serialize;

use super::history::{RunState, RunSummary};
use super::{Client, ClientError};
use crate::codec;
use crate::key::{self, Place};
use crate::port::StoreError;
use crate::run::{End, RunRecord};
use crate::shim::claim::{Claim, Outcome, Progress};
use crate::shim::sync::Arrival;
use crate::stored::StoredValue;

/// How many claims on items of a map are asked for at a time.
const AT_A_TIME: u16 = 500;

/// All that is known of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDetail {
    /// The run in one line.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The home region.
    pub home: Region,
    /// The result, if it succeeded.
    pub result: Option<serde_json::Value>,
    /// The values that reached the node that failed, if one did.
    pub input: Vec<serde_json::Value>,
    /// Why the result, or a part of the failing input, cannot be shown.
    pub missing: Option<String>,
    /// The nodes in the author's order; none if the graph of the run's version is not known here.
    pub nodes: Vec<NodeDetail>,
}

/// How a node of a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Nothing has begun.
    Waiting,
    /// It belongs to a branch that is not taken.
    Skipped,
    /// An attempt is made.
    Working,
    /// The last attempt came to no outcome, and cannot be alive any more.
    Lost,
    /// It came to an outcome.
    Done,
    /// Its function failed for good, and the failure went on as a value.
    Caught,
    /// It failed for good.
    Failed,
    /// Its region does not tell.
    Unreachable,
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeDetail {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: NodeState,
    /// Where it runs, or would run.
    pub region: Region,
    /// The attempt that was made last, from 1; the most of any item at a map.
    pub attempt: Option<u32>,
    /// When its function was started; of the first item at a map.
    pub started: Option<Timestamp>,
    /// How long its function took, in milliseconds; the longest of any item at a map.
    pub duration_ms: Option<f64>,
    /// Until when an attempt may be alive, while one is made.
    pub lease: Option<Timestamp>,
    /// What went wrong, if it failed or its region does not tell.
    pub error: Option<String>,
    /// How many of a sync node's slots are filled while it waits.
    pub arrived: Option<u8>,
    /// The items, if it is a map that was begun.
    pub items: Option<MapDetail>,
}

/// What became of the items of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MapDetail {
    /// How many there are, once that is known.
    pub total: Option<u32>,
    /// How many came to an outcome.
    pub done: u32,
    /// How many failed for good.
    pub failed: u32,
    /// How many others were begun.
    pub begun: u32,
}

impl Client {
    /// All that is known of a run, as its records in the regions tell it. `graph` is that of the version that is known here.
    /// `None` if home knows of no such run.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if home does not answer. What another region does not tell is told of the node.
    pub async fn show(&self, run: &RunId, graph: &Graph) -> Result<Option<RunDetail>, ClientError> {
        let Some(record) = self.record(run).await? else { return Ok(None) };
        let summary = RunSummary::of(&record, self.ports.clock.now());
        let nodes = if graph.version == record.pin.version {
            self.nodes(&record, &summary, graph).await
        } else {
            Vec::new()
        };
        let (mut input, mut result, mut missing) = (Vec::new(), None, None);
        match record.end {
            Some(End::Succeeded { result: value, .. }) => match self.shown(value).await {
                Ok(value) => result = Some(value),
                Err(why) => missing = Some(why),
            },
            Some(End::Failed { failure, .. }) => {
                for value in failure.input {
                    match self.shown(value).await {
                        Ok(value) => input.push(value),
                        Err(why) => missing = Some(why),
                    }
                }
            }
            Some(End::Overdue { .. }) | None => {}
        }
        let home = record.pin.home;
        Ok(Some(RunDetail { summary, home, result, input, missing, nodes }))
    }

    async fn shown(&self, value: StoredValue) -> Result<serde_json::Value, String> {
        let content = self.content(value).await.map_err(|error| error.to_string())?;
        codec::to_json(&content).map_err(|error| error.to_string())
    }

    async fn nodes(&self, record: &RunRecord, summary: &RunSummary, graph: &Graph) -> Vec<NodeDetail> {
        let mut trace =
            Trace { client: self, record, graph, state: summary.state, outcomes: BTreeMap::new() };
        let mut nodes = Vec::with_capacity(graph.nodes.len());
        for index in 0..graph.nodes.len() {
            let Ok(index) = u16::try_from(index) else { break };
            let node = trace.node(NodeId(index)).await;
            nodes.push(node);
        }
        nodes
    }
}

/// One run, followed through its graph.
struct Trace<'a> {
    client: &'a Client,
    record: &'a RunRecord,
    graph: &'a Graph,
    state: RunState,
    /// What the nodes decided that came to an outcome; `None` for those that never will send anything.
    outcomes: BTreeMap<NodeId, Option<Outcome>>,
}

impl Trace<'_> {
    /// Nodes are asked for in their order, which is topological.
    async fn node(&mut self, node: NodeId) -> NodeDetail {
        let mut detail = NodeDetail {
            node,
            name: self.graph.node(node).map_or_else(String::new, |node| node.name.clone()),
            state: NodeState::Waiting,
            region: self.region(node),
            attempt: None,
            started: None,
            duration_ms: None,
            lease: None,
            error: None,
            arrived: None,
            items: None,
        };
        let is_map = self.graph.node(node).is_some_and(|node| node.kind.is_map());
        if node == NodeId::ENTRY {
            detail.region = self.record.entry_region.clone();
            self.see(&mut detail, self.record.entry.clone());
        } else if node == self.graph.result() && self.state == RunState::Succeeded {
            detail.state = NodeState::Done;
        } else if self.is_skipped(node) {
            detail.state = NodeState::Skipped;
            self.outcomes.insert(node, None);
        } else {
            let seen = if is_map { self.map(&mut detail).await } else { self.claim(&mut detail).await };
            if let Err(error) = seen {
                detail.state = NodeState::Unreachable;
                detail.error = Some(error);
            }
        }
        detail
    }

    /// Where the node runs: where the pin put it, or where failover moved it to.
    fn region(&self, node: NodeId) -> Region {
        let pin = &self.record.pin;
        let deliveries = self.outcomes.values().flatten().flat_map(|outcome| &outcome.deliveries);
        let moved =
            deliveries.filter(|delivery| delivery.to == node).find_map(|delivery| delivery.moved.as_ref());
        let pinned = || pin.placement.region_of_node(self.graph, node, &pin.home);
        moved.or_else(pinned).unwrap_or(&pin.home).clone()
    }

    /// Where its claim lies.
    fn seat(&self, node: NodeId, region: &Region) -> Region {
        let pin = &self.record.pin;
        let mut deliveries = self.outcomes.values().flatten().flat_map(|outcome| &outcome.deliveries);
        let displaced = deliveries.any(|delivery| delivery.to == node && delivery.displaced);
        let pinned = pin.placement.region_of_node(self.graph, node, &pin.home);
        pinned.filter(|_| displaced).unwrap_or(region).clone()
    }

    /// Whether nothing will ever reach the node. Every predecessor has come to an outcome, or is skipped itself, and none
    /// has sent to it.
    fn is_skipped(&self, node: NodeId) -> bool {
        let sends = |from: &NodeId| match self.outcomes.get(from) {
            None => true,
            Some(None) => false,
            Some(Some(outcome)) => outcome.deliveries.iter().any(|delivery| delivery.to == node),
        };
        !self.graph.edges_into(node).any(|edge| sends(&edge.from))
    }

    async fn claim(&mut self, detail: &mut NodeDetail) -> Result<(), String> {
        let (pin, node) = (&self.record.pin, detail.node);
        let key = key::claim(&pin.workflow, &pin.run, Place { node, item: None });
        let seat = self.seat(node, &detail.region);
        let item = self.client.ports.store.get(&seat, &key).await.map_err(|error| error.to_string())?;
        match item {
            Some(item) => {
                let claim: Claim = codec::decode(&item.value).map_err(|error| error.to_string())?;
                self.see(detail, claim);
            }
            None if self.state == RunState::Succeeded => {
                detail.state = NodeState::Skipped;
                self.outcomes.insert(node, None);
            }
            None if self.graph.is_sync(node) => {
                let arrived = self.arrived(node, &seat).await.map_err(|error| error.to_string())?;
                detail.arrived = Some(arrived);
            }
            None => {}
        }
        Ok(())
    }

    /// How many slots of a sync node are filled.
    async fn arrived(&self, node: NodeId, region: &Region) -> Result<u8, StoreError> {
        let pin = &self.record.pin;
        let slots = self.graph.node(node).map_or(0, |node| node.slots);
        let mut arrived = 0;
        for slot in 0..slots {
            let key = key::arrival(&pin.workflow, &pin.run, node, slot);
            arrived += u8::from(self.client.ports.store.get(region, &key).await?.is_some());
        }
        Ok(arrived)
    }

    /// What a claim tells of its node.
    fn see(&mut self, detail: &mut NodeDetail, claim: Claim) {
        detail.state = self.state_of(&claim);
        detail.attempt = Some(claim.attempt);
        match claim.progress {
            Progress::Working => detail.lease = Some(claim.lease),
            Progress::Failed(failure) => {
                detail.region = failure.region;
                detail.error = Some(failure.error);
            }
            Progress::Done(outcome) => {
                detail.started = Some(outcome.started);
                detail.duration_ms = Some(outcome.duration_ms);
                self.outcomes.insert(detail.node, Some(outcome));
            }
        }
    }

    fn state_of(&self, claim: &Claim) -> NodeState {
        let again = claim.resumed < self.record.pin.resumed && self.state == RunState::Running;
        match &claim.progress {
            Progress::Done(outcome) if outcome.caught => NodeState::Caught,
            Progress::Done(_) => NodeState::Done,
            Progress::Working if self.client.ports.clock.now() < claim.lease => NodeState::Working,
            _ if again => NodeState::Waiting,
            Progress::Working => NodeState::Lost,
            Progress::Failed(_) => NodeState::Failed,
        }
    }

    async fn map(&self, detail: &mut NodeDetail) -> Result<(), String> {
        let (pin, node) = (&self.record.pin, detail.node);
        let store = &self.client.ports.store;
        let (seat, prefix) =
            (self.seat(node, &detail.region), key::item_claims(&pin.workflow, &pin.run, node));
        let mut items = MapDetail { total: self.total(node).await, ..MapDetail::default() };
        let mut states = Vec::new();
        let mut after = None;
        loop {
            let page = store.list(&seat, &prefix, after.as_deref(), AT_A_TIME).await;
            let page = page.map_err(|error| error.to_string())?;
            for (_, item) in &page.items {
                let claim: Claim = codec::decode(&item.value).map_err(|error| error.to_string())?;
                let state = self.state_of(&claim);
                if !states.contains(&state) {
                    states.push(state);
                }
                detail.attempt = detail.attempt.max(Some(claim.attempt));
                match claim.progress {
                    Progress::Working => items.begun += 1,
                    Progress::Failed(failure) => {
                        items.failed += 1;
                        detail.error.get_or_insert(failure.error);
                    }
                    Progress::Done(outcome) => {
                        items.done += 1;
                        let first =
                            detail.started.map_or(outcome.started, |first| first.min(outcome.started));
                        detail.started = Some(first);
                        let longest = detail.duration_ms.unwrap_or(0.0).max(outcome.duration_ms);
                        detail.duration_ms = Some(longest);
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let all = items.total.is_some_and(|total| items.done >= total);
        let is = |state| states.contains(&state);
        detail.state = match () {
            () if is(NodeState::Failed) => NodeState::Failed,
            () if is(NodeState::Working) => NodeState::Working,
            () if all || self.state == RunState::Succeeded => NodeState::Done,
            () if is(NodeState::Lost) => NodeState::Lost,
            () if states.is_empty() => NodeState::Waiting,
            // Some are done, and others have not begun.
            () if self.state == RunState::Running => NodeState::Working,
            () => NodeState::Waiting,
        };
        if items.total.is_some() || !states.is_empty() {
            detail.items = Some(items);
        }
        Ok(())
    }

    /// How many items a map has: as its dispatcher decided, or as has been collected.
    async fn total(&self, map: NodeId) -> Option<u32> {
        let pin = &self.record.pin;
        let deliveries = self.outcomes.values().flatten().flat_map(|outcome| &outcome.deliveries);
        let to_map = deliveries.filter(|delivery| delivery.to == map);
        if let Some(items) = to_map.into_iter().find_map(|delivery| delivery.items.as_ref()) {
            return Some(items.count);
        }
        let collect = self.graph.collect_of(map)?;
        let region = pin.placement.region_of_node(self.graph, collect, &pin.home).unwrap_or(&pin.home);
        let key = key::arrival(&pin.workflow, &pin.run, collect, 1);
        let item = self.client.ports.store.get(region, &key).await.ok()??;
        codec::decode::<Arrival>(&item.value).ok()?.items
    }
}
