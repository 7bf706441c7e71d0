//! Requests of a warm hop, counted on the wire: the real shims over the real adapters.

use std::collections::HashMap;
use std::time::Duration;

use caribou_runtime::aws;
use caribou_runtime::local::SystemClock;
use caribou_runtime::model::{NodeId, Region, StageRecord};
use caribou_runtime::port::{Clock as _, Ports, Telemetry};
use caribou_runtime::{Client, Deployment, Event, RunStatus, Shim, Workflow};
use serde_json::{Value as Json, json};

use crate::dynamodb::{DynamoDb, config};
use crate::wire::{Answer, Asked, Wire};
use crate::workflows::{BRANCH, CHAIN, GATE};

const HOME: Region = Region::aws("us-east-1");

struct Quiet;

impl Telemetry for Quiet {
    fn record(&self, _: &StageRecord) {}
}

/// How often each call was made while one event was handled.
type Counts = HashMap<String, usize>;

/// One event, and what it cost.
#[derive(Debug)]
struct Hop {
    function: String,
    counts: Counts,
}

impl Hop {
    fn of(&self, action: &str) -> usize {
        self.counts.get(action).copied().unwrap_or_default()
    }

    /// Writes to the store.
    fn writes(&self) -> usize {
        self.of("PutItem") + self.of("UpdateItem")
    }
}

/// A workflow whose shims speak to servers on this machine.
pub(crate) struct Bench {
    pub(crate) wire: Wire,
    workflow: &'static Workflow,
    ports: Ports,
    shims: HashMap<String, Shim>,
    events: usize,
}

impl Bench {
    pub(crate) async fn start(workflow: &'static Workflow) -> Self {
        let dynamodb = DynamoDb::start(workflow.name).await;
        let wire = Wire::start(Some(dynamodb.endpoint), |_| Answer::published()).await;
        let ports = aws::ports("123456789012".parse().unwrap(), &config(&wire.endpoint));
        let ports = Ports { telemetry: std::sync::Arc::new(Quiet), ..ports };
        Self { wire, workflow, ports, shims: HashMap::new(), events: 0 }
    }

    /// The function of the first stage.
    pub(crate) fn entry(&self) -> String {
        (self.workflow.graph)().function_of(NodeId::ENTRY).unwrap().name.clone()
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Handles every message that was published since the last look, and what follows from it.
    async fn work_off(&mut self) -> Vec<Hop> {
        let mut hops = Vec::new();
        let mut asked = self.wire.take();
        while let Some(at) = asked.iter().position(|asked| asked.action() == "Publish") {
            let message = asked.remove(at);
            let (function, workflow) = (function_of(self.workflow, &message), self.workflow);
            let shim = self.shims.entry(function.clone());
            let shim = shim.or_insert_with(|| shim_of(workflow, &function, self.ports.clone()));
            self.events += 1;
            let received = SystemClock.now();
            let event = Event {
                body: message.parameter("Message"),
                request_id: format!("request-{}", self.events),
                message_id: Some(format!("message-{}", self.events)),
                deadline: received.plus(Duration::from_secs(30)),
                received,
                cold: false,
            };
            shim.handle(event).await.unwrap();
            let made = self.wire.take();
            let mut counts = Counts::new();
            made.iter().for_each(|asked| *counts.entry(asked.action()).or_default() += 1);
            hops.push(Hop { function, counts });
            asked.extend(made);
        }
        hops
    }

    /// The same, whatever it costs.
    pub(crate) async fn run(&mut self) {
        self.work_off().await;
    }
}

/// Runs a workflow to its end; every instance has handled another run before.
async fn hops(workflow: &'static Workflow, input: Json) -> (Json, Vec<Hop>) {
    let mut bench = Bench::start(workflow).await;
    let client = Client::new(workflow.name, workflow.version, &bench.entry(), HOME, bench.ports.clone());
    let mut last = None;
    for run in ["cold", "warm"] {
        let run = client.start(Some(run.parse().unwrap()), input.clone()).await.unwrap();
        let hops = bench.work_off().await;
        let RunStatus::Succeeded { result, .. } = client.status(&run).await.unwrap() else {
            panic!("{hops:?}")
        };
        bench.wire.take();
        assert_eq!(result, (workflow.plain)(input.clone()).await.unwrap());
        last = Some((result, hops));
    }
    last.unwrap()
}

fn function_of(workflow: &Workflow, message: &Asked) -> String {
    let topic = message.parameter("TopicArn");
    let name = topic.rsplit(':').next().unwrap();
    name.strip_prefix(&format!("{}-0_1_0-", workflow.name)).unwrap().to_owned()
}

fn shim_of(workflow: &'static Workflow, function: &str, ports: Ports) -> Shim {
    let deployment = Deployment {
        workflow,
        function: function.to_owned(),
        region: HOME,
        home: HOME,
        probe_share: 0.0,
        run_deadline: Duration::from_hours(1),
        plan_cache: Duration::from_mins(1),
    };
    Shim::new(deployment, ports).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_costs_two_writes_and_one_message_for_each_successor() {
    let (result, hops) = hops(&CHAIN, json!(4)).await;
    assert_eq!(result, 9);
    let functions: Vec<&str> = hops.iter().map(|hop| hop.function.as_str()).collect();
    // The entry, the stage that it leads to in the same function, the last one.
    assert_eq!(functions, ["double", "double", "increment"]);
    let [entry, stage, last] = &hops[..] else { panic!() };
    assert_eq!((entry.writes(), entry.of("Publish"), entry.of("GetItem")), (2, 1, 0), "{entry:?}");
    assert_eq!((stage.writes(), stage.of("Publish"), stage.of("GetItem")), (2, 1, 0), "{stage:?}");
    // It ends the run besides: the run record is read and written.
    assert_eq!((last.writes(), last.of("Publish"), last.of("GetItem")), (3, 0, 1), "{last:?}");
    for hop in &hops {
        let store: usize = hop.writes() + hop.of("Publish") + hop.of("GetItem");
        assert_eq!(hop.counts.values().sum::<usize>(), store, "nothing else is asked for: {hop:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_arrives_at_a_sync_node_costs_two_writes() {
    // double, increment, increment#2, sum with two slots
    let (_, hops) = hops(&BRANCH, json!(2)).await;
    let [_, double, first, second, sum] = &hops[..] else { panic!("{hops:?}") };
    assert_eq!((double.function.as_str(), double.writes(), double.of("Publish")), ("double", 2, 2));
    let arrivals = [first, second];
    assert!(arrivals.iter().all(|hop| hop.function == "increment" && hop.writes() == 2 + 2), "{hops:?}");
    assert_eq!(arrivals.iter().map(|hop| hop.of("Publish")).sum::<usize>(), 1, "the last that arrives fires");
    // Each slot is read once; and the run's end.
    assert_eq!((sum.writes(), sum.of("GetItem")), (2 + 1, 2 + 1), "{sum:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_of_an_idempotent_function_costs_one_write() {
    let (_, hops) = hops(&GATE, json!(5)).await;
    let harmless: Vec<&Hop> = hops.iter().filter(|hop| hop.function == "harmless").collect();
    let stage = harmless.last().unwrap();
    // Its outcome; and the result that goes to a result with two ways to it, or ends the run.
    assert!(!harmless.is_empty());
    assert_eq!(stage.writes() - if stage.of("GetItem") > 0 { 1 } else { 0 }, 1, "{hops:?}");
}
