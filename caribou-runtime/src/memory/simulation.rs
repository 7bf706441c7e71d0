//! Setting up a simulation.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use caribou_model::{NodeId, Plan, Region, RunId, Timestamp};
use rand::RngExt;

use super::executor::Executor;
use super::world::BEGINNING;
use super::{Faults, Report, World};
use crate::port::{Ports, StageAddress};
use crate::{Client, Deployment, Request, RunStatus, Shim, Workflow, plan};

/// How long after the last run's deadline a simulation ends at the latest.
const AFTERMATH: Duration = Duration::from_hours(1);

/// A workflow in simulated regions.
///
/// ```no_run
/// # fn example(press: &'static caribou_runtime::Workflow) -> Result<(), caribou_runtime::memory::Violation> {
/// use caribou_runtime::memory::{Faults, Simulation};
///
/// for seed in 0..100 {
///     let report = Simulation::new(press).seed(seed).faults(Faults::some()).run([serde_json::json!(7)]);
///     report.check_first_law()?;
/// }
/// # Ok(())
/// # }
/// ```
pub struct Simulation {
    workflow: &'static Workflow,
    seed: u64,
    regions: Vec<Region>,
    plan: Option<Plan>,
    probe_share: f64,
    run_deadline: Duration,
    faults: Faults,
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
            probe_share: 0.0,
            run_deadline: Duration::from_hours(1),
            faults: Faults::default(),
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

    /// The plan in force.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// The share of runs that go wholly to the home region.
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

    /// Puts something between the shims and the simulated regions: a broken store, a partition, a recorder.
    #[must_use]
    pub fn ports(mut self, wrap: impl Fn(Ports) -> Ports + 'static) -> Self {
        self.wrap = Box::new(wrap);
        self
    }

    /// Starts one run for each input (`run-0`, `run-1`, ..), each in a region that the seed chooses, and lets everything happen
    /// that follows.
    ///
    /// # Panics
    ///
    /// If the workflow's graph is not sound, or there are no regions.
    pub fn run(&self, inputs: impl IntoIterator<Item = serde_json::Value>) -> Report {
        let world = World::new(self.seed);
        let ports = (self.wrap)(world.ports());
        let graph = (self.workflow.graph)();
        let home = self.regions.first().cloned();
        #[expect(clippy::expect_used, reason = "documented")]
        let home = home.expect("a simulation has at least one region");
        if let Some(plan) = &self.plan {
            let plan = Plan { home: home.clone(), ..plan.clone() };
            let switched = block_on(plan::switch(&*world.ports().store, &plan, None));
            assert!(switched.is_ok(), "the simulated store takes every plan: {switched:?}");
        }
        let entry =
            graph.function_of(NodeId::ENTRY).map(|function| function.name.clone()).unwrap_or_default();
        let mut plain = BTreeMap::new();
        for (n, input) in inputs.into_iter().enumerate() {
            let Ok(run) = RunId::try_from(format!("run-{n}")) else { continue };
            let request = Request {
                workflow: graph.workflow.clone(),
                version: Some(graph.version.clone()),
                run: Some(run.clone()),
                input: input.clone(),
                input_blob: None,
                sent: Some(BEGINNING),
                traceparent: None,
                resume: None,
            };
            let result = block_on((self.workflow.plain)(input)).map_err(|error| error.to_string());
            plain.insert(run, result);
            let mut state = world.state();
            let receiver = state.random.random_range(0..self.regions.len());
            let region = self.regions.get(receiver).unwrap_or(&home).clone();
            let to = StageAddress {
                workflow: graph.workflow.clone(),
                version: graph.version.clone(),
                function: entry.clone(),
                region,
            };
            state.enqueue(&to, &request.encode().unwrap_or_default(), None);
        }
        world.state().faults = self.faults.clone();
        let deploy = |to: &StageAddress| {
            let deployment = Deployment {
                workflow: self.workflow,
                function: to.function.clone(),
                region: to.region.clone(),
                home: home.clone(),
                probe_share: self.probe_share,
                run_deadline: self.run_deadline,
                plan_cache: Duration::from_mins(1),
            };
            let there = self.regions.contains(&to.region);
            there.then(|| Shim::new(deployment, ports.clone()).ok()).flatten()
        };
        let mut executor = Executor::new(world.clone(), &deploy);
        let client = Client::new(&graph.workflow, &graph.version, &entry, home.clone(), world.ports());
        let mut end: Timestamp = BEGINNING.plus(self.run_deadline).plus(AFTERMATH);
        if self.retries > 0 {
            end = end.plus((self.run_deadline + AFTERMATH + self.retry_every) * self.retries);
            let mut until = BEGINNING.plus(self.retry_every);
            while until < end {
                executor.run(until);
                let now = world.state().now.max(until);
                world.state().now = now;
                let under_way = self.retry(&client, plain.keys());
                if !under_way && executor.is_idle() {
                    break;
                }
                until = until.plus(self.retry_every);
            }
        }
        executor.run(end);
        let dead_letters = executor.dead_letters;
        world.state().faults = Faults::default();
        let status = |run: &RunId| block_on(client.status(run)).unwrap_or(RunStatus::Unknown);
        let runs = plain.keys().map(|run| (run.clone(), status(run))).collect();
        let mut state = world.state();
        Report {
            runs,
            plain,
            calls: std::mem::take(&mut state.calls),
            messages: std::mem::take(&mut state.messages),
            telemetry: std::mem::take(&mut state.telemetry),
            dead_letters,
            seed: self.seed,
            schedule: std::mem::take(&mut state.schedule),
        }
    }
}

impl Simulation {
    /// Asks for every run that has failed to be taken up again. Tells whether any is under way.
    fn retry<'r>(&self, client: &Client, runs: impl Iterator<Item = &'r RunId>) -> bool {
        let mut under_way = false;
        for run in runs {
            under_way |= match block_on(client.status(run)) {
                // The second request is one for the same resumption.
                Ok(RunStatus::Failed { pin, .. }) if pin.resumed < self.retries => {
                    block_on(client.retry(run)).is_ok() && block_on(client.retry(run)).is_ok()
                }
                Ok(RunStatus::Running { .. }) => true,
                _ => false,
            };
        }
        under_way
    }
}

/// Polls a future that waits for nothing but simulated ports.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}
