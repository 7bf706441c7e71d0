//! Runs a compiled workflow slice by slice, without a shim: messages are delivered in any order, and only the values
//! that a step says it reads can be read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use caribou_runtime::model::{Graph, NodeId, NodeKind};
use caribou_runtime::outbox::interleave;
use caribou_runtime::{Bytes, Context, Delivery, Outbox, Returned, Step, Value, Values, Workflow, codec};
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
    let mut run = Run {
        workflow,
        graph,
        arrived: BTreeMap::new(),
        collected: BTreeMap::new(),
        queue: Vec::new(),
        result: None,
        seed,
    };
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

/// Values for a slot of a node, or for one item of a map.
struct Message {
    to: NodeId,
    slot: u8,
    values: Vec<Value>,
    item: Option<Item>,
}

/// Which of how many items.
#[derive(Clone, Copy)]
struct Item {
    index: usize,
    total: usize,
}

struct Run {
    workflow: Workflow,
    graph: Graph,
    arrived: BTreeMap<(NodeId, u8), Vec<Value>>,
    /// What the items of a map gave, by the node that collects it.
    collected: BTreeMap<NodeId, BTreeMap<usize, Value>>,
    queue: Vec<Message>,
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
        self.step(Step::After(NodeId::ENTRY), parameters, None, None)?;
        while !self.queue.is_empty() {
            self.seed =
                self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let next = (self.seed >> 33) as usize % self.queue.len();
            let message = self.queue.remove(next);
            self.deliver(message)?;
        }
        self.result.take().ok_or_else(|| "the run never ended".to_owned())
    }

    fn deliver(&mut self, message: Message) -> Result<(), String> {
        let Message { to, slot, values, item } = message;
        let node = self.graph.node(to).unwrap().clone();
        if let Some(item) = item {
            return if node.kind.is_map() {
                self.call(to, values, Some(item))
            } else {
                self.collect(to, values, item)
            };
        }
        assert!(!node.kind.is_map(), "the map `{}` is not dispatched", node.name);
        assert!(self.arrived.insert((to, slot), values).is_none(), "slot {slot} of {to} was filled twice");
        let arrived: Vec<_> = (0..node.slots).map(|slot| self.arrived.get(&(to, slot)).cloned()).collect();
        let Some(values) = arrived.into_iter().collect::<Option<Vec<_>>>() else { return Ok(()) };
        let mut values = values.concat();
        if node.slots > 1 {
            values = self.step(Step::Join(to), values, None, None)?.unwrap_or_default();
        }
        match node.kind {
            NodeKind::Gate { .. } | NodeKind::Collect { .. } => Ok(()),
            NodeKind::Result => {
                let [value] = values.as_slice() else { panic!("the result has {} values", values.len()) };
                self.result = Some(codec::to_json(&encoded(value)).unwrap());
                Ok(())
            }
            _ => self.call(to, values, None),
        }
    }

    /// Calls the function of a stage, and runs the slice behind it.
    fn call(&mut self, to: NodeId, values: Vec<Value>, item: Option<Item>) -> Result<(), String> {
        let node = self.graph.node(to).unwrap();
        assert!(self.result.is_none(), "`{}` started after the run had ended", node.name);
        let caught = node.kind.is_caught();
        let call = (self.workflow.call)(to).unwrap();
        let stage = Step::After(to);
        let readable = Values::new(self.readable(stage, values.clone()));
        let returned = block_on(call(context(&node.name), &readable).map_err(|e| e.to_string())?);
        match returned {
            Err(error) if !caught => Err(error.to_string()),
            returned => self.step(stage, values, Some(returned), item).map(|_| ()),
        }
    }

    /// Takes what one item of a map gave; the last fills slot 1.
    fn collect(&mut self, to: NodeId, values: Vec<Value>, item: Item) -> Result<(), String> {
        let [value] = <[_; 1]>::try_from(values).unwrap();
        let items = self.collected.entry(to).or_default();
        assert!(items.insert(item.index, value).is_none(), "item {} of {to} came twice", item.index);
        if items.len() < item.total { Ok(()) } else { self.fill(to) }
    }

    /// Fills slot 1 of what collects a map.
    fn fill(&mut self, to: NodeId) -> Result<(), String> {
        let items = self.collected.remove(&to).unwrap_or_default();
        let items: Vec<Bytes> = items.values().map(|value| encoded(value).into()).collect();
        let values = vec![Value::Inline(codec::encode(&items).unwrap().into())];
        self.deliver(Message { to, slot: 1, values, item: None })
    }

    /// Queues the items of a map.
    fn dispatch(&mut self, delivery: Delivery) -> Result<(), String> {
        let Delivery { to, slot, values: shared, items } = delivery;
        let items = items.unwrap();
        let total = items.own.len();
        if total == 0 {
            return self.fill(self.graph.collect_of(to).unwrap());
        }
        for (index, own) in items.own.iter().enumerate() {
            let values = interleave(&items.shared, &shared, own);
            self.queue.push(Message { to, slot, values, item: Some(Item { index, total }) });
        }
        Ok(())
    }

    /// Runs a slice, and queues what it sends; returns what it goes on with.
    fn step(
        &mut self,
        step: Step,
        values: Vec<Value>,
        returned: Option<Returned>,
        item: Option<Item>,
    ) -> Result<Option<Vec<Value>>, String> {
        let mut values = Values::new(self.readable(step, values));
        match returned {
            Some(Ok(output)) => values = values.with_output(output),
            Some(Err(failure)) => values = values.with_failure(failure),
            None => {}
        }
        let mut out = Outbox::new();
        (self.workflow.route)(step, &mut values, &mut out).map_err(|e| e.to_string())?;
        let (deliveries, proceed) = out.into_parts();
        let from = match step {
            Step::Join(node) | Step::After(node) => node,
        };
        for delivery in deliveries {
            let drawn =
                self.graph.edges_from(from).any(|edge| edge.to == delivery.to && edge.slot == delivery.slot);
            assert!(
                drawn,
                "{from} sends to slot {} of {}, which the graph does not show",
                delivery.slot, delivery.to
            );
            if delivery.items.is_some() {
                self.dispatch(delivery)?;
            } else {
                let Delivery { to, slot, values, .. } = delivery;
                self.queue.push(Message { to, slot, values, item });
            }
        }
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

/// A value's bytes, hidden or not.
fn encoded(value: &Value) -> bytes::Bytes {
    match value {
        Value::Inline(bytes) => bytes.clone(),
        Value::Json(json) => shown(json),
        Value::Blob { .. } => panic!("nothing is a blob here"),
    }
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
