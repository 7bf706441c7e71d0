//! Runs a compiled workflow slice by slice, without a shim: messages are delivered in any order, and only the values
//! that a step says it reads can be read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use caribou_runtime::model::{Graph, NodeId, NodeKind};
use caribou_runtime::{Context, Delivery, Outbox, Step, Value, Values, Workflow, codec};
use serde::Serialize;
use serde_json::Value as Json;

thread_local! {
    static CALLS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes a call of a function, with its arguments.
pub(crate) fn called(function: &str, arguments: impl Serialize) {
    let arguments = serde_json::to_string(&arguments).unwrap();
    CALLS.with_borrow_mut(|calls| calls.push(format!("{function}{arguments}")));
}

fn take_calls() -> Vec<String> {
    let mut calls = CALLS.take();
    calls.sort();
    calls
}

/// What a run did.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// The result, or the message of the error.
    pub(crate) result: Result<Json, String>,
    /// The calls, in no order that means anything.
    pub(crate) calls: Vec<String>,
}

/// Calls the workflow as a function.
pub(crate) fn plain(workflow: Workflow, input: &Json) -> Outcome {
    take_calls();
    let result = block_on((workflow.plain)(input.clone())).map_err(|e| e.to_string());
    Outcome { result, calls: take_calls() }
}

/// Runs the workflow's slices; `seed` picks the order in which messages arrive.
pub(crate) fn sliced(workflow: Workflow, input: &Json, seed: u64) -> Outcome {
    take_calls();
    let graph = (workflow.graph)();
    graph.validate().unwrap();
    let mut run = Run { workflow, graph, arrived: BTreeMap::new(), queue: Vec::new(), result: None, seed };
    let result = run.run(input);
    Outcome { result, calls: take_calls() }
}

/// Holds the sliced run against the plain call, for many orders of arrival.
pub(crate) fn assert_equal_to_the_plain_call(workflow: Workflow, inputs: &[Json]) {
    for input in inputs {
        let wanted = plain(workflow, input);
        for seed in 0..40 {
            let found = sliced(workflow, input, seed);
            assert_eq!(found, wanted, "{} with {input}, seed {seed}", workflow.name);
        }
    }
}

struct Run {
    workflow: Workflow,
    graph: Graph,
    arrived: BTreeMap<(NodeId, u8), Vec<Value>>,
    queue: Vec<Delivery>,
    result: Option<Json>,
    seed: u64,
}

impl Run {
    fn run(&mut self, input: &Json) -> Result<Json, String> {
        let parameters = match (self.workflow.parameters, input) {
            ([], _) => Vec::new(),
            ([_], value) => vec![value.clone()],
            (names, object) => names.iter().map(|name| object[name].clone()).collect(),
        };
        let parameters = parameters.into_iter().map(Value::Json).collect();
        self.step(Step::After(NodeId::ENTRY), parameters, None)?;
        while !self.queue.is_empty() {
            self.seed =
                self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let next = (self.seed >> 33) as usize % self.queue.len();
            let delivery = self.queue.remove(next);
            self.deliver(delivery)?;
        }
        self.result.take().ok_or_else(|| "the run never ended".to_owned())
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<(), String> {
        let Delivery { to, slot, values } = delivery;
        assert!(self.arrived.insert((to, slot), values).is_none(), "slot {slot} of {to} was filled twice");
        let node = self.graph.node(to).unwrap().clone();
        let arrived: Vec<_> = (0..node.slots).map(|slot| self.arrived.get(&(to, slot)).cloned()).collect();
        let Some(values) = arrived.into_iter().collect::<Option<Vec<_>>>() else { return Ok(()) };
        let mut values = values.concat();
        if node.slots > 1 {
            values = self.step(Step::Join(to), values, None)?.unwrap_or_default();
        }
        match node.kind {
            NodeKind::Gate { .. } => Ok(()),
            NodeKind::Result => {
                let [value] = values.as_slice() else { panic!("the result has {} values", values.len()) };
                let bytes = match value {
                    Value::Inline(bytes) => bytes.clone(),
                    Value::Json(json) => shown(json),
                    Value::Blob { .. } => panic!("the result is a blob"),
                };
                self.result = Some(codec::to_json(&bytes).unwrap());
                Ok(())
            }
            _ => {
                assert!(self.result.is_none(), "`{}` started after the run had ended", node.name);
                let call = (self.workflow.call)(to).unwrap();
                let stage = Step::After(to);
                let readable = Values::new(self.readable(stage, values.clone()));
                let output = block_on(call(context(&node.name), &readable)).map_err(|e| e.to_string())?;
                self.step(stage, values, Some(output)).map(|_| ())
            }
        }
    }

    /// Runs a slice, and queues what it sends; returns what it goes on with.
    fn step(
        &mut self,
        step: Step,
        values: Vec<Value>,
        output: Option<Box<dyn std::any::Any + Send>>,
    ) -> Result<Option<Vec<Value>>, String> {
        let mut values = Values::new(self.readable(step, values));
        if let Some(output) = output {
            values = values.with_output(output);
        }
        let mut out = Outbox::new();
        (self.workflow.route)(step, &mut values, &mut out).map_err(|e| e.to_string())?;
        let (deliveries, proceed) = out.into_parts();
        let from = match step {
            Step::Join(node) | Step::After(node) => node,
        };
        for delivery in &deliveries {
            let drawn =
                self.graph.edges_from(from).any(|edge| edge.to == delivery.to && edge.slot == delivery.slot);
            assert!(
                drawn,
                "{from} sends to slot {} of {}, which the graph does not show",
                delivery.slot, delivery.to
            );
        }
        self.queue.extend(deliveries);
        Ok(proceed)
    }

    /// The values with those hidden that the step does not say it reads.
    fn readable(&self, step: Step, values: Vec<Value>) -> Vec<Value> {
        let reads = (self.workflow.reads)(step);
        let hide = |(index, value): (usize, Value)| match value {
            Value::Inline(content) if !reads.contains(&(index as u16)) => Value::Json(hidden(&content)),
            Value::Json(json) if json.get("hidden").is_some() && reads.contains(&(index as u16)) => {
                Value::Inline(shown(&json))
            }
            other => other,
        };
        values.into_iter().enumerate().map(hide).collect()
    }
}

/// Bytes that no step can decode by mistake.
fn hidden(content: &[u8]) -> Json {
    serde_json::json!({ "hidden": content })
}

fn shown(json: &Json) -> bytes::Bytes {
    serde_json::from_value::<Vec<u8>>(json["hidden"].clone()).unwrap().into()
}

fn context(stage: &str) -> Context {
    Context::plain(stage)
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
