//! Setting up a simulation.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use caribou_model::{Epoch, Graph, HOURS, NodeId, Placement, Plan, Region, RunId, Timestamp};
use serde::Serialize;

use super::change::{Change, Changes};
use super::executor::Executor;
use super::outage::Outages;
use super::verdict::Verdict;
use super::world::{Latency, Work};
use super::{Call, Faults, Report, Schedule, SentMessage, World};
use crate::port::{Ports, StageAddress};
use crate::{Client, Context, Deployment, RunStatus, Shim, Workflow};

/// How long after the last run's deadline a simulation ends at the latest.
const AFTERMATH: Duration = Duration::from_hours(1);

/// A workflow in simulated regions.
///
/// ```no_run
/// # fn example(press: &'static caribou_runtime::Workflow) -> Result<(), Box<caribou_runtime::memory::Violation>> {
/// use caribou_runtime::memory::{Faults, Simulation};
///
/// for seed in 0..100 {
///     let report = Simulation::new(press).seed(seed).faults(Faults::some()).run([7]);
///     report.check_first_law()?;
/// }
/// # Ok(())
/// # }
/// ```
pub struct Simulation {
    pub(super) workflow: &'static Workflow,
    pub(super) seed: u64,
    pub(super) regions: Vec<Region>,
    plan: Option<Plan>,
    places: Vec<(String, Region)>,
    probe_share: f64,
    pub(super) run_deadline: Duration,
    pub(super) faults: Faults,
    latency: Option<Arc<Latency>>,
    work: Option<Arc<Work>>,
    pub(super) gap: Duration,
    pub(super) changes: Vec<(Duration, Change)>,
    retries: u32,
    retry_every: Duration,
    wrap: Box<dyn Fn(Ports) -> Ports>,
}

impl Simulation {
    /// A simulation without a plan and without faults, in `us-east-1` (home), `ca-central-1` and `eu-north-1`.
    pub fn new(workflow: &'static Workflow) -> Self {
        Self {
            workflow,
            seed: 0,
            regions: ["us-east-1", "ca-central-1", "eu-north-1"].map(Region::aws).into(),
            plan: None,
            places: Vec::new(),
            probe_share: 0.0,
            run_deadline: Duration::from_hours(1),
            faults: Faults::default(),
            latency: None,
            work: None,
            gap: Duration::ZERO,
            changes: Vec::new(),
            retries: 0,
            retry_every: AFTERMATH,
            wrap: Box::new(|ports| ports),
        }
    }

    /// Chooses the schedule and the faults. The same seed gives the same simulation.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The regions in play; the first is home.
    #[must_use]
    pub fn regions(mut self, regions: impl IntoIterator<Item = Region>) -> Self {
        self.regions = regions.into_iter().collect();
        self
    }

    /// The plan in force from the beginning.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Places a stage in a region, at all hours; those that are placed nowhere run at home. It changes the
    /// [`plan`](Self::plan), if there is one.
    #[must_use]
    pub fn place(mut self, stage: &str, region: Region) -> Self {
        self.places.push((stage.to_owned(), region));
        self
    }

    /// The share of runs that go wholly to the home region, 0 to 1.
    #[must_use]
    pub fn probe_share(mut self, share: f64) -> Self {
        self.probe_share = share;
        self
    }

    /// The longest time of a run.
    #[must_use]
    pub fn run_deadline(mut self, deadline: Duration) -> Self {
        self.run_deadline = deadline;
        self
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Takes every run up again that has failed, so many times at most. It looks for such runs `every` so often: while
    /// messages of the time before may still be under way. Each run is asked for twice at once.
    #[must_use]
    pub fn retries(mut self, times: u32, every: Duration) -> Self {
        (self.retries, self.retry_every) = (times, every);
        self
    }

    /// How long a call takes from one region to another, one way. By default, and within a region, it is no time but the few
    /// milliseconds of any port call.
    #[must_use]
    pub fn latency(mut self, latency: impl Fn(&Region, &Region) -> Duration + Send + Sync + 'static) -> Self {
        self.latency = Some(Arc::new(latency));
        self
    }

    /// How long an attempt at a stage takes, besides what its function does: none by default. One that takes longer than its
    /// function's timeout is given up by the platform.
    #[must_use]
    pub fn work(mut self, work: impl Fn(&Context) -> Duration + Send + Sync + 'static) -> Self {
        self.work = Some(Arc::new(work));
        self
    }

    /// The time between the requests of two runs. By default all are sent at the beginning.
    #[must_use]
    pub fn every(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    /// Puts another plan in force at a time from the beginning.
    #[must_use]
    pub fn switch_at(mut self, after: Duration, plan: Plan) -> Self {
        self.changes.push((after, Change::Switch(plan)));
        self
    }

    /// Rolls out another version of the workflow at a time from the beginning, beside what is there. Requests from then on
    /// are for it.
    #[must_use]
    pub fn roll_out_at(mut self, after: Duration, workflow: &'static Workflow) -> Self {
        self.changes.push((after, Change::RollOut(workflow)));
        self
    }

    /// Sends any event to an address at a time from the beginning.
    #[must_use]
    pub fn send_at(mut self, after: Duration, to: StageAddress, body: impl Into<String>) -> Self {
        self.changes.push((after, Change::Send(to, body.into())));
        self
    }

    /// Puts something between the shims and the simulated regions: a broken store, a recorder.
    #[must_use]
    pub fn ports(mut self, wrap: impl Fn(Ports) -> Ports + 'static) -> Self {
        self.wrap = Box::new(wrap);
        self
    }

    /// Starts one run for each input (`run-0`, `run-1`, ..), each in a region that the seed chooses, and lets everything happen
    /// that follows. An input is the workflow's one parameter, an object of several by name, or `null` for none.
    ///
    /// # Panics
    ///
    /// If the workflow's graph is not sound, an input cannot be written as JSON, a stage is placed that the workflow does not
    /// have, or there are no regions.
    pub fn run<I: Serialize>(&self, inputs: impl IntoIterator<Item = I>) -> Report {
        let json = |input| serde_json::to_value(input).unwrap_or_else(|error| panic!("an input: {error}"));
        let inputs: Vec<_> = inputs.into_iter().map(json).collect();
        let world = World::new(self.seed);
        let ports = (self.wrap)(world.ports());
        let Some(home) = self.regions.first().cloned() else {
            panic!("a simulation has at least one region");
        };
        let changes = Changes::of(self, &home, inputs);
        let graphs = &changes.graphs;
        for graph in graphs.values() {
            let sound = graph.validate();
            assert!(sound.is_ok(), "the graph of `{}` is not sound: {sound:?}", graph.workflow);
        }
        if let Some(plan) = self.first_plan(&graphs[self.workflow.version], &home) {
            changes.switch(&world, &plan);
        }
        let mut end: Timestamp = changes.end().plus(self.run_deadline).plus(AFTERMATH);
        end = end.plus((self.run_deadline + AFTERMATH + self.retry_every) * self.retries);
        {
            let mut state = world.state();
            state.faults = self.faults.clone();
            state.outages = Outages::of(&self.faults, &self.regions, self.seed, end);
            (state.latency, state.work) = (self.latency.clone(), self.work.clone());
        }
        changes.plan_in(&world);
        let deploy = |world: &World, to: &StageAddress| {
            let workflow = changes.version(&to.version, world.state().now)?;
            let deployment = Deployment {
                workflow,
                function: to.function.clone(),
                region: to.region.clone(),
                home: home.clone(),
                probe_share: self.probe_share,
                run_deadline: self.run_deadline,
                plan_cache: Duration::from_mins(1),
            };
            let there = self.regions.contains(&to.region) && to.workflow == workflow.name;
            let graph = graphs.get(workflow.version).cloned()?;
            there.then(|| Shim::of(deployment, graph, ports.clone()).ok()).flatten()
        };
        let change = |world: &World, n: usize| changes.happen(world, n);
        let mut executor = Executor::new(world.clone(), &deploy, &change);
        let retry = |run: &RunId, workflow: &Workflow| {
            let client = client(&world, workflow, &home, graphs);
            match block_on(client.status(run)) {
                // The second request is one for the same resumption.
                Ok(RunStatus::Failed { pin, .. }) if pin.resumed < self.retries => {
                    block_on(client.retry(run)).is_ok() && block_on(client.retry(run)).is_ok()
                }
                Ok(status) => !status.is_over(),
                Err(_) => false,
            }
        };
        let mut until = world.state().now.plus(self.retry_every);
        while self.retries > 0 && until < end {
            executor.run(until);
            let now = world.state().now.max(until);
            world.state().now = now;
            let started = changes.started.borrow();
            let under_way = started.iter().filter(|(run, started)| retry(run, started.workflow)).count();
            if under_way == 0 && executor.is_idle() {
                break;
            }
            until = until.plus(self.retry_every);
        }
        executor.run(end);
        let Executor { dead_letters, mishaps, .. } = executor;
        world.state().faults = Faults::default();
        let started = changes.started.into_inner();
        let mut report = Report {
            runs: BTreeMap::new(),
            plain: BTreeMap::new(),
            calls: Vec::new(),
            messages: Vec::new(),
            telemetry: Vec::new(),
            dead_letters,
            causes: BTreeMap::new(),
            breaches: Vec::new(),
            seed: self.seed,
            schedule: Schedule::default(),
        };
        for (run, started) in &started {
            let client = client(&world, started.workflow, &home, graphs);
            let status = block_on(client.status(run)).unwrap_or(RunStatus::Unknown);
            report.runs.insert(run.clone(), status);
            let plain = block_on((started.workflow.plain)(started.input.clone()));
            report.plain.insert(run.clone(), plain.map_err(|error| error.to_string()));
        }
        let mut state = world.state();
        report.calls = std::mem::take(&mut state.calls).into_iter().map(Call::from).collect();
        let graph_of = |version: &str| graphs.get(version);
        for sent in std::mem::take(&mut state.messages) {
            let name = |node: NodeId| Some(graph_of(&sent.to.version)?.node(node)?.name.clone());
            let (run, place) = sent.about.unzip();
            report.messages.push(SentMessage {
                stage: place.and_then(|place| name(place.node)),
                item: place.and_then(|place| place.item),
                to: (*sent.to).clone(),
                from: sent.from,
                run,
                bytes: sent.bytes,
                at: sent.at,
            });
        }
        report.telemetry = std::mem::take(&mut state.telemetry);
        report.schedule = std::mem::take(&mut state.schedule);
        let mut audit = std::mem::take(&mut state.audit);
        report.breaches = std::mem::take(&mut audit.breaches);
        let disturbed = self.faults != Faults::default() || self.work.is_some() || self.latency.is_some();
        for (run, started) in &started {
            let graph = &graphs[started.workflow.version];
            let verdict =
                Verdict { graph, report: &report, faults: &self.faults, mishaps: &mishaps, disturbed };
            let (cause, breach) = verdict.of(run, &audit);
            report.causes.extend(cause.map(|cause| (run.clone(), cause)));
            report.breaches.extend(breach.map(|what| (run.clone(), what)));
        }
        report
    }

    /// The plan in force from the beginning, if any is.
    fn first_plan(&self, graph: &Graph, home: &Region) -> Option<Plan> {
        if self.places.is_empty() {
            return self.plan.clone();
        }
        let mut plan = self.plan.clone().unwrap_or_else(|| {
            let uniform = Placement::uniform(home.clone(), graph.stages().count());
            let (epoch, expires) = (Epoch(1), Timestamp::from_millis(u64::MAX));
            Plan { epoch, expires, hours: vec![uniform; HOURS], ..Plan::at_home(graph, home.clone()) }
        });
        let index = |stage: &str| graph.find(stage).and_then(|node| graph.stage_index(node));
        for hour in &mut plan.hours {
            let stages = 0..graph.stages().count();
            let mut regions: Vec<Region> =
                stages.map(|stage| hour.region_of(stage).unwrap_or(home).clone()).collect();
            for (stage, region) in &self.places {
                let Some(index) = index(stage) else {
                    panic!("`{}` has no stage `{stage}`", graph.workflow);
                };
                regions[index] = region.clone();
            }
            let placed = Placement::new(&regions);
            assert!(placed.is_ok(), "the stages cannot be placed so: {placed:?}");
            *hour = placed.unwrap_or_else(|_| hour.clone());
        }
        Some(plan)
    }
}

/// A client of a version.
fn client(
    world: &World,
    workflow: &Workflow,
    home: &Region,
    graphs: &BTreeMap<&'static str, Arc<Graph>>,
) -> Client {
    let entry = graphs.get(workflow.version).and_then(|graph| graph.function_of(NodeId::ENTRY));
    let entry = entry.map(|function| function.name.clone()).unwrap_or_default();
    Client::new(workflow.name, workflow.version, &entry, home.clone(), world.ports())
}

/// Polls a future that waits for nothing but simulated ports.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}
