//! What the one who runs a simulation does while it runs: requests, new plans, new versions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use caribou_model::{Graph, NodeId, Plan, Region, RunId, Timestamp};
use rand::RngExt;

use super::agenda::Due;
use super::schedule::What;
use super::simulation::block_on;
use super::world::{BEGINNING, about};
use super::{Simulation, World};
use crate::plan::Switched;
use crate::port::StageAddress;
use crate::request::Request;
use crate::{Workflow, plan};

/// Something that is done at a time.
#[derive(Clone)]
pub(super) enum Change {
    Switch(Plan),
    RollOut(&'static Workflow),
    Send(StageAddress, String),
    Request(RunId, serde_json::Value),
}

/// A run whose request was sent.
pub(super) struct Started {
    pub(super) workflow: &'static Workflow,
    pub(super) input: serde_json::Value,
}

/// All changes of a simulation.
pub(super) struct Changes {
    timed: Vec<(Timestamp, Change)>,
    /// Every version and when it is rolled out.
    versions: Vec<(Timestamp, &'static Workflow)>,
    pub(super) graphs: BTreeMap<&'static str, Arc<Graph>>,
    regions: Vec<Region>,
    home: Region,
    pub(super) started: RefCell<BTreeMap<RunId, Started>>,
}

impl Changes {
    /// Those of a simulation, and the requests with these inputs.
    pub(super) fn of(simulation: &Simulation, home: &Region, inputs: Vec<serde_json::Value>) -> Self {
        let mut changes: Vec<(Timestamp, Change)> = Vec::new();
        let mut versions = vec![(BEGINNING, simulation.workflow)];
        for (after, change) in &simulation.changes {
            let at = BEGINNING.plus(*after);
            if let Change::RollOut(workflow) = change {
                versions.push((at, workflow));
            }
            changes.push((at, change.clone()));
        }
        for (n, input) in inputs.into_iter().enumerate() {
            let at = BEGINNING.plus(simulation.gap * u32::try_from(n).unwrap_or(u32::MAX));
            if let Ok(run) = RunId::try_from(format!("run-{n}")) {
                changes.push((at, Change::Request(run, input)));
            }
        }
        versions.sort_by_key(|(at, _)| *at);
        let graph = |workflow: &Workflow| Arc::new((workflow.graph)());
        let graphs = versions.iter().map(|(_, workflow)| (workflow.version, graph(workflow))).collect();
        let (regions, home) = (simulation.regions.clone(), home.clone());
        Self { timed: changes, versions, graphs, regions, home, started: RefCell::default() }
    }

    /// When the last one happens.
    pub(super) fn end(&self) -> Timestamp {
        self.timed.iter().map(|(at, _)| *at).max().unwrap_or(BEGINNING)
    }

    /// Puts all of them on the agenda, in their order.
    pub(super) fn plan_in(&self, world: &World) {
        let mut state = world.state();
        for (n, (at, _)) in self.timed.iter().enumerate() {
            state.agenda.push(*at, u32::try_from(n).unwrap_or(u32::MAX), Due::Change(n));
        }
    }

    /// The workflow of a version, if it is rolled out.
    pub(super) fn version(&self, version: &str, now: Timestamp) -> Option<&'static Workflow> {
        let there = self.versions.iter().filter(|(at, _)| *at <= now);
        there.map(|(_, workflow)| *workflow).find(|workflow| workflow.version == version)
    }

    /// One of them happens.
    pub(super) fn happen(&self, world: &World, n: usize) {
        let Some((_, change)) = self.timed.get(n) else { return };
        match change {
            Change::Switch(plan) => self.switch(world, plan),
            Change::RollOut(workflow) => {
                note(world, format!("version {} is rolled out", workflow.version));
            }
            Change::Send(to, body) => send(world, to, body),
            Change::Request(run, input) => self.request(world, run, input),
        }
    }

    /// Puts a plan in force.
    pub(super) fn switch(&self, world: &World, plan: &Plan) {
        let plan = Plan { home: self.home.clone(), ..plan.clone() };
        note(world, format!("plan {} of version {} is put in force", plan.epoch, plan.version));
        let store = world.ports().store;
        let read = block_on(plan::read(&*store, &self.home, &plan.workflow, &plan.version));
        let expected = read.ok().flatten().map(|(_, revision)| revision);
        let switched = block_on(plan::switch(&*store, &plan, expected));
        assert!(matches!(switched, Ok(Switched::Yes { .. })), "the store takes every plan: {switched:?}");
    }

    /// Sends the request for a run of the newest version.
    fn request(&self, world: &World, run: &RunId, input: &serde_json::Value) {
        let now = world.state().now;
        let newest = self.versions.iter().rfind(|(at, _)| *at <= now);
        let Some((_, workflow)) = newest else { return };
        let Some(graph) = self.graphs.get(workflow.version) else { return };
        let request = Request {
            workflow: graph.workflow.clone(),
            version: Some(graph.version.clone()),
            run: Some(run.clone()),
            input: input.clone(),
            input_blob: None,
            sent: Some(now),
            traceparent: None,
            resume: None,
        };
        let entry = graph.function_of(NodeId::ENTRY).map(|function| function.name.clone());
        let region = world.state().random.random_range(0..self.regions.len());
        let to = StageAddress {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            function: entry.unwrap_or_default(),
            region: self.regions.get(region).unwrap_or(&self.home).clone(),
        };
        let body = request.encode();
        assert!(body.is_ok(), "an input cannot be sent: {body:?}");
        send(world, &to, &body.unwrap_or_default());
        let started = Started { workflow, input: input.clone() };
        self.started.borrow_mut().insert(run.clone(), started);
    }
}

fn note(world: &World, what: String) {
    let mut state = world.state();
    let now = state.now;
    state.schedule.note(now, 0, What::Changes(what));
}

fn send(world: &World, to: &StageAddress, body: &str) {
    let (_, about) = about(body);
    let mut state = world.state();
    let (to, body) = (Arc::new(to.clone()), body.into());
    let delivery = state.enqueue(&to, &body, about.as_ref(), None);
    let now = state.now;
    state.schedule.note(now, 0, What::Sends { to, delivery });
}
