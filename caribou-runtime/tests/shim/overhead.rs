//! What a message has beside its payload: 512 bytes at most for ten stages, whatever the plan. See
//! `caribou_runtime::message` for what that depends on.

use std::collections::BTreeSet;
use std::time::Duration;

use caribou_runtime::model::{Epoch, FunctionSpec, Graph, NodeId, NodeKind, Placement, Plan, Region};
use caribou_runtime::port::Clock;
use caribou_runtime::{
    Arguments, Context, Deployment, Event, Function, Request, Result, RouteError, Shim, Step, ValueError,
    Values, Workflow, call_stage, memory::World, plan,
};
use serde_json::{Value as Json, json};

use crate::platform::wait;
use crate::workflows::node;

const STAGES: u16 = 10;
const HOME: Region = Region::aws("us-isof-south-2");
/// As long as codes of AWS's regions are, and all different.
const AWAY: [&str; 10] = [
    "us-isof-south-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "eusc-de-east-1",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "eu-isoe-west-1",
];

/// A function of the shortest name, so that those of the workflow and the version are as long as they may be.
struct F;

impl Function for F {
    type Input = (String,);
    type Output = String;
    type Failure = caribou_runtime::Error;

    const NAME: &'static str = "f";

    fn spec() -> FunctionSpec {
        FunctionSpec::new(Self::NAME)
    }

    fn take(values: &Values) -> Result<Self::Input, ValueError> {
        Arguments::take(values)
    }

    async fn call(_: Context, (text,): (String,)) -> Result<String> {
        Ok(text)
    }
}

/// Ten stages in a row; `workflow-version-f` has the 64 characters that Lambda allows.
static TEN: Workflow = Workflow {
    name: "ten_stages_of_a_workflow_with_quite_a_long_name",
    version: "10.20.30-alpha",
    parameters: &["text"],
    graph: || {
        let mut nodes = vec![node("input", NodeKind::Entry, 0)];
        nodes.extend((1..=STAGES).map(|n| node(&format!("f#{n}"), NodeKind::stage(0), 1)));
        nodes.push(node("result", NodeKind::Result, 1));
        let edge = |from: u16| caribou_runtime::model::Edge {
            from: NodeId(from),
            to: NodeId(from + 1),
            slot: 0,
            when: None,
            carries: Vec::new(),
        };
        let edges = (0..=STAGES).map(edge).collect();
        let (workflow, version) = (TEN.name.into(), TEN.version.into());
        Graph { workflow, version, functions: vec![F::spec()], nodes, edges }
    },
    route: |step, values, outbox| {
        let (node, value) = match step {
            Step::After(NodeId::ENTRY) => (NodeId::ENTRY, outbox.encode(&values.take::<String>(0)?)?),
            Step::After(node) => (node, outbox.encode(&values.output::<String>()?)?),
            Step::Join(_) => return Err(RouteError::NoSuchStep(step)),
        };
        outbox.send(NodeId(node.0 + 1), 0, vec![value]);
        Ok(())
    },
    reads: |_| &[0],
    call: |node| (1..=STAGES).contains(&node.0).then_some(call_stage::<F>),
    plain: |input| Box::pin(async move { Ok(input) }),
};

/// Bytes of a message beside its payload, and how many there are of that.
fn overhead(body: &str) -> (usize, usize) {
    let message: Json = serde_json::from_str(body).unwrap();
    let values = message["y"].as_array().unwrap();
    let payload: usize = values.iter().map(|value| value.as_str().unwrap().len()).sum();
    (body.len() - payload, payload)
}

/// The messages of a run under a plan of so many different placements.
fn messages(placements: usize, input: &str) -> Vec<String> {
    let world = World::new(1);
    let placement = |hour: usize| {
        let regions: Vec<_> =
            (0..AWAY.len()).map(|n| Region::aws(AWAY[(n + hour % placements) % 10])).collect();
        Placement::new(&regions).unwrap()
    };
    let plan = Plan {
        epoch: Epoch(u64::MAX),
        hours: (0..24).map(placement).collect(),
        ..Plan::at_home(&(TEN.graph)(), HOME)
    };
    wait(plan::switch(&*world.ports().store, &plan, None)).unwrap();
    let request = Request {
        workflow: TEN.name.into(),
        version: None,
        run: Some("r".repeat(64).parse().unwrap()),
        input: json!(input),
        input_blob: None,
        sent: None,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        resume: None,
    };
    let (mut next, mut bodies) = ((HOME, request.encode().unwrap()), Vec::new());
    loop {
        let (region, body) = next;
        let deployment = Deployment {
            workflow: &TEN,
            function: "f".into(),
            region,
            home: HOME,
            probe_share: 0.0,
            run_deadline: Duration::from_hours(24),
            plan_cache: Duration::from_mins(1),
        };
        let received = world.now();
        let deadline = received.plus(Duration::from_mins(15));
        let event =
            Event { body, request_id: "r".repeat(36), message_id: None, deadline, received, cold: false };
        wait(Shim::new(deployment, world.ports()).unwrap().handle(event)).unwrap();
        let Some((to, body)) = world.take_messages().pop() else { return bodies };
        bodies.push(body.clone());
        next = (to.region, body);
    }
}

#[test]
fn ten_stages_in_ten_regions_take_512_bytes_at_most_beside_the_payload() {
    assert_eq!(TEN.name.len() + TEN.version.len() + "--f".len(), 64);
    let bodies = messages(24, &"x".repeat(1000));
    assert_eq!(bodies.len(), usize::from(STAGES));
    for body in &bodies {
        let (overhead, payload) = overhead(body);
        assert!(overhead <= 512, "{overhead} bytes: {body}");
        assert!(payload >= 1000 && body.contains(r#""x":"00-"#), "{body}");
    }
}

#[test]
fn the_number_of_different_hours_and_the_payload_change_nothing() {
    let overheads = |placements, length: usize| -> BTreeSet<usize> {
        messages(placements, &"x".repeat(length)).iter().map(|body| overhead(body).0).collect()
    };
    let one = overheads(1, 0);
    assert_eq!(one, overheads(24, 0));
    assert_eq!(one, overheads(24, 10_000));
}
