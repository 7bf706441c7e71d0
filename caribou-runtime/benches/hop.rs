//! What a warm hop costs: decode, claim, call, route, outcome, encode, send, over ports in memory.
//!
//! ```text
//! cargo bench -p caribou-runtime --bench hop
//! ```
//!
//! A ten-stage workflow under a plan for 24 hours over four regions, a payload of 1 KB, one instance that is warm. What is
//! measured is the whole of `Shim::handle` for the message from the entry to the first stage: both store writes, the
//! author's function (which returns its argument) and the message to the next stage, taken out of the queue. As a yardstick
//! the same message is read and written with `serde_json`.
//!
//! First both medians and their ratio are printed, measured in turns, so that whatever else the machine does slows both
//! alike; it ends with an error if the median of a hop is more than 20 µs. Then comes the usual table.

#![expect(clippy::unwrap_used, reason = "the fixture is sound, and a benchmark may stop")]

use std::future::Future;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use caribou_runtime::memory::World;
use caribou_runtime::model::{
    Edge, Epoch, FunctionSpec, Graph, Node, NodeId, NodeKind, Placement, Plan, Region, Timestamp,
};
use caribou_runtime::port::{Clock, StageAddress};
use caribou_runtime::{
    Arguments, Bytes, Client, Context, Deployment, Event, Function, Result, RouteError, Shim, Step,
    ValueError, Values, Workflow, call_stage, plan,
};
use divan::Bencher;
use serde_json::{Value as Json, json};

const STAGES: u16 = 10;
const HOME: Region = Region::aws("us-east-1");
const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "ca-central-1", "eu-north-1"];

struct Pass;

impl Function for Pass {
    type Input = (Bytes,);
    type Output = Bytes;
    type Failure = caribou_runtime::Error;

    const NAME: &'static str = "pass";

    fn spec() -> FunctionSpec {
        FunctionSpec::new(Self::NAME)
    }

    fn take(values: &Values) -> Result<Self::Input, ValueError> {
        Arguments::take(values)
    }

    async fn call(_: Context, (data,): (Bytes,)) -> Result<Bytes> {
        Ok(data)
    }
}

static TEN: Workflow = Workflow {
    name: "ten_stages",
    version: "0.1.0",
    parameters: &["data"],
    graph: || {
        let node = |name: String, kind, slots| Node { name, kind, slots, output: "Bytes".into() };
        let mut nodes = vec![node("input".into(), NodeKind::Entry, 0)];
        let stage = |n| node(format!("pass#{n}"), NodeKind::stage(0), 1);
        nodes.extend((1..=STAGES).map(stage));
        nodes.push(node("result".into(), NodeKind::Result, 1));
        let edge = |from: u16| Edge {
            from: NodeId(from),
            to: NodeId(from + 1),
            slot: 0,
            when: None,
            carries: Vec::new(),
        };
        let edges = (0..=STAGES).map(edge).collect();
        let functions = vec![Pass::spec()];
        Graph { workflow: "ten_stages".into(), version: "0.1.0".into(), functions, nodes, edges }
    },
    route: |step, values, outbox| {
        let (node, value) = match step {
            Step::After(NodeId::ENTRY) => (NodeId::ENTRY, outbox.encode(&values.take::<Bytes>(0)?)?),
            Step::After(node) => (node, outbox.encode(&values.output::<Bytes>()?)?),
            Step::Join(_) => return Err(RouteError::NoSuchStep(step)),
        };
        outbox.send(NodeId(node.0 + 1), 0, vec![value]);
        Ok(())
    },
    reads: |_| &[0],
    call: |node| (1..=STAGES).contains(&node.0).then_some(call_stage::<Pass>),
    plain: |input| Box::pin(async move { Ok(input) }),
};

/// Hops measured for the ratio.
const HOPS: usize = 20_000;
/// The most that the median of a warm hop may be.
const MOST: Duration = Duration::from_micros(20);

fn main() -> ExitCode {
    let within = !std::env::args().any(|argument| argument == "--bench") || compare();
    divan::main();
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures hops and JSON round trips of the same messages in turns. Says whether hops are as fast as they must be.
fn compare() -> bool {
    let hops = Hops::new();
    let (mut hop, mut json) = (Vec::with_capacity(HOPS), Vec::with_capacity(HOPS));
    for _ in 0..HOPS {
        let event = hops.message();
        let body = event.body.clone();
        hop.push(time(|| {
            wait(hops.shim.handle(event)).unwrap();
            hops.world.take_messages()
        }));
        json.push(time(|| round_trip(&body)));
    }
    let [hop, json] = [hop, json].map(|mut times| {
        times.sort_unstable();
        [50, 95].map(|share| times[(HOPS - 1) * share / 100].as_secs_f64() * 1e6)
    });
    println!("median and 95th percentile of {HOPS}, in µs:");
    println!("  warm hop           {:6.2} {:6.2}", hop[0], hop[1]);
    println!("  JSON round trip    {:6.2} {:6.2}", json[0], json[1]);
    println!("  ratio of medians   {:6.2}\n", hop[0] / json[0]);
    hop[0] <= MOST.as_secs_f64() * 1e6
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    std::hint::black_box(work());
    began.elapsed()
}

fn round_trip(body: &str) -> String {
    let value: Json = serde_json::from_str(body).unwrap();
    value.to_string()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            return value;
        }
    }
}

struct Hops {
    world: World,
    shim: Shim,
    client: Client,
    event: Event,
}

impl Hops {
    fn new() -> Self {
        let world = World::new(1);
        let regions: Vec<Region> = (0..usize::from(STAGES)).map(|n| Region::aws(REGIONS[n % 4])).collect();
        let plan = Plan {
            epoch: Epoch(1),
            expires: Timestamp::from_millis(u64::MAX),
            hours: vec![Placement::new(&regions).unwrap(); 24],
            ..Plan::at_home(&(TEN.graph)(), HOME)
        };
        wait(plan::switch(&*world.ports().store, &plan, None)).unwrap();
        let deployment = Deployment {
            workflow: &TEN,
            function: "pass".into(),
            region: HOME,
            home: HOME,
            probe_share: 0.0,
            run_deadline: Duration::from_hours(1),
            plan_cache: Duration::from_mins(1),
        };
        let shim = Shim::new(deployment, world.ports()).unwrap();
        let client = Client::new(TEN.name, TEN.version, "pass", HOME, world.ports());
        let received = world.now();
        let deadline = received.plus(Duration::from_mins(1));
        let event = Event {
            body: String::new(),
            request_id: String::new(),
            message_id: None,
            deadline,
            received,
            cold: false,
        };
        Self { world, shim, client, event }
    }

    fn take(&self) -> (StageAddress, String) {
        self.world.take_messages().remove(0)
    }

    /// The message from the entry of a new run to its first stage.
    fn message(&self) -> Event {
        let data = Bytes::from(vec![7; 1024]);
        wait(self.client.start(None, json!(data))).unwrap();
        let (_, body) = self.take();
        wait(self.shim.handle(Event { body, request_id: "request".into(), ..self.event.clone() })).unwrap();
        let (_, body) = self.take();
        Event { body, request_id: "delivery".into(), ..self.event.clone() }
    }
}

#[divan::bench(sample_count = 2000)]
fn warm_hop(bencher: Bencher<'_, '_>) {
    let hops = Hops::new();
    bencher.with_inputs(|| hops.message()).bench_local_values(|event| {
        let handled = wait(hops.shim.handle(event)).unwrap();
        hops.world.take_messages();
        handled
    });
}

#[divan::bench(sample_count = 2000)]
fn json_round_trip(bencher: Bencher<'_, '_>) {
    let hops = Hops::new();
    bencher.with_inputs(|| hops.message().body).bench_local_refs(|body| round_trip(body));
}
