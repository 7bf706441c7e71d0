//! Workflows as the macros would write them, by hand.

use std::sync::atomic::{AtomicU32, Ordering};

use caribou_runtime::model::{Edge, FunctionSpec, Graph, Node, NodeId, NodeKind};
use caribou_runtime::{
    Context, Error, Function, Outbox, Payload, Result, RouteError, Step, Value, ValueError, Workflow,
    call_stage,
};
use serde_json::Value as Json;

/// A number, and which call made it.
pub(crate) type Made = (u64, u32);

macro_rules! function {
    ($name:ident $text:literal, |$context:ident, $($arg:ident: $type:ty),*| -> $output:ty $body:block) => {
        pub(crate) struct $name;

        impl caribou_runtime::Function for $name {
            type Input = ($($type,)*);
            type Output = $output;
            type Failure = Error;

            const NAME: &'static str = $text;

            fn spec() -> FunctionSpec {
                FunctionSpec { idempotent: $text == "harmless", ..FunctionSpec::new($text) }
            }

            fn take(values: &caribou_runtime::Values) -> Result<Self::Input, caribou_runtime::ValueError> {
                caribou_runtime::Arguments::take(values)
            }

            async fn call($context: Context, ($($arg,)*): Self::Input) -> Result<$output> {
                let _ = &$context;
                $body
            }
        }
    };
}

pub(crate) use function;

function!(Double "double", |_context, n: u64| -> u64 {
    if n == 13 {
        return Err(Error::permanent("13 is refused"));
    }
    Ok(n * 2)
});
function!(Increment "increment", |_context, n: u64| -> u64 { Ok(n + 1) });
function!(Flaky "flaky", |context, n: u64| -> u64 {
    match (n, context.attempt) {
        (100.., _) => panic!("{n} is too much"),
        (50.., attempt) if attempt < 3 => Err(Error::transient("not yet")),
        _ => Ok(n),
    }
});
function!(Stamp "stamp", |_context, n: u64| -> Made {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    Ok((n, CALLS.fetch_add(1, Ordering::Relaxed)))
});
function!(Sum "sum", |_context, a: u64, b: Option<u64>| -> u64 {
    Ok(a + b.unwrap_or(1_000))
});
function!(Harmless "harmless", |_context, n: u64| -> u64 { Ok(n + 7) });
function!(Repeat "repeat", |_context, n: u64| -> Vec<u64> { Ok(vec![n; n as usize]) });
function!(Total "total", |_context, a: Vec<u64>, b: Vec<u64>| -> u64 {
    Ok(a.iter().chain(&b).sum())
});

pub(crate) const ENTRY: NodeId = NodeId(0);

pub(crate) fn node(name: &str, kind: NodeKind, slots: u8) -> Node {
    Node { name: name.into(), kind, slots, output: "_".into() }
}

pub(crate) fn stage(name: &str, function: u16, slots: u8) -> Node {
    node(name, NodeKind::stage(function), slots)
}

pub(crate) fn graph(
    workflow: &Workflow,
    functions: Vec<FunctionSpec>,
    between: Vec<Node>,
    slots: u8,
    edges: &[(u16, u16, u8)],
) -> Graph {
    let mut nodes = vec![node("input", NodeKind::Entry, 0)];
    nodes.extend(between);
    nodes.push(node("result", NodeKind::Result, slots));
    let edges = edges.iter().map(|&(from, to, slot)| Edge {
        from: NodeId(from),
        to: NodeId(to),
        slot,
        when: None,
        carries: Vec::new(),
    });
    let graph = Graph {
        workflow: workflow.name.into(),
        version: workflow.version.into(),
        functions,
        nodes,
        edges: edges.collect(),
    };
    graph.validate().unwrap();
    graph
}

/// Of an attempt at which no function fails transiently any more.
pub(crate) fn context() -> Context {
    let mut context = Context::plain("plain");
    context.attempt = 9;
    context
}

pub(crate) async fn plain<F: Function>(input: F::Input) -> Result<F::Output> {
    F::call(context(), input).await
}

pub(crate) fn number(json: &Json) -> Result<u64> {
    serde_json::from_value(json.clone()).map_err(Error::permanent)
}

pub(crate) fn json<T: serde::Serialize>(value: T) -> Result<Json> {
    serde_json::to_value(value).map_err(Error::permanent)
}

pub(crate) fn pass<T: Payload>(outbox: &mut Outbox, to: u16, slot: u8, value: &T) -> Result<(), RouteError> {
    outbox.send(NodeId(to), slot, vec![outbox.encode(value)?]);
    Ok(())
}

pub(crate) fn relay(
    outbox: &mut Outbox,
    to: u16,
    value: Result<Value, ValueError>,
) -> Result<(), RouteError> {
    outbox.send(NodeId(to), 0, vec![value?]);
    Ok(())
}

pub(crate) fn reads_first(_: Step) -> &'static [u16] {
    &[0]
}

/// `increment(double(n))`
pub(crate) static CHAIN: Workflow = Workflow {
    name: "chain",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Double::spec(), Increment::spec()];
        let stages = vec![stage("double", 0, 1), stage("increment", 1, 1)];
        graph(&CHAIN, functions, stages, 1, &[(0, 1, 0), (1, 2, 0), (2, 3, 0)])
    },
    route: |step, values, outbox| match step {
        Step::After(ENTRY) => pass(outbox, 1, 0, &values.take::<u64>(0)?),
        Step::After(NodeId(1)) => pass(outbox, 2, 0, &values.output::<u64>()?),
        Step::After(NodeId(2)) => pass(outbox, 3, 0, &values.output::<u64>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: reads_first,
    call: |node| match node.0 {
        1 => Some(call_stage::<Double>),
        2 => Some(call_stage::<Increment>),
        _ => None,
    },
    plain: |input| {
        Box::pin(
            async move { json(plain::<Increment>((plain::<Double>((number(&input)?,)).await?,)).await?) },
        )
    },
};

/// `let x = double(n); let y = increment(x); sum(y, if x % 4 == 0 { Some(increment(x)) } else { None })`
///
/// A sync node one slot of which is filled by a stage or skipped; both slots carry equal payloads.
pub(crate) static BRANCH: Workflow = Workflow {
    name: "branch",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Double::spec(), Increment::spec(), Sum::spec()];
        let stages = vec![
            stage("double", 0, 1),
            stage("increment", 1, 1),
            stage("increment#2", 1, 1),
            stage("sum", 2, 2),
        ];
        let edges = [(0, 1, 0), (1, 2, 0), (1, 3, 0), (1, 4, 1), (2, 4, 0), (3, 4, 1), (4, 5, 0)];
        graph(&BRANCH, functions, stages, 1, &edges)
    },
    route: |step, values, outbox| match step {
        Step::After(ENTRY) => relay(outbox, 1, values.forward(0)),
        Step::After(NodeId(1)) => {
            let x = values.output::<u64>()?;
            outbox.send(NodeId(2), 0, vec![outbox.encode(&x)?]);
            if x % 4 == 0 {
                outbox.send(NodeId(3), 0, vec![outbox.encode(&x)?]);
            } else {
                outbox.send(NodeId(4), 1, vec![outbox.encode(&None::<u64>)?]);
            }
            Ok(())
        }
        Step::After(NodeId(2)) => pass(outbox, 4, 0, &values.output::<u64>()?),
        Step::After(NodeId(3)) => pass(outbox, 4, 1, &Some(values.output::<u64>()?)),
        Step::Join(NodeId(4)) => {
            outbox.proceed(vec![values.forward(0)?, values.forward(1)?]);
            Ok(())
        }
        Step::After(NodeId(4)) => pass(outbox, 5, 0, &values.output::<u64>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| if step == Step::After(NodeId(4)) { &[0, 1] } else { reads_first(step) },
    call: |node| match node.0 {
        1 => Some(call_stage::<Double>),
        2 | 3 => Some(call_stage::<Increment>),
        4 => Some(call_stage::<Sum>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let x = plain::<Double>((number(&input)?,)).await?;
            let y = plain::<Increment>((x,)).await?;
            let z = if x % 4 == 0 { Some(plain::<Increment>((x,)).await?) } else { None };
            json(plain::<Sum>((y, z)).await?)
        })
    },
};

/// `let (a, b) = join!(double(n), increment(n)); if (a + b) % 2 == 0 { harmless(a + b) } else { b }`
///
/// A gate, hosted by the stage that it guards, and a result with two ways to it.
pub(crate) static GATE: Workflow = Workflow {
    name: "gate",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Double::spec(), Increment::spec(), Harmless::spec()];
        let between = vec![
            stage("double", 0, 1),
            stage("increment", 1, 1),
            node("gate#1", NodeKind::Gate { host: NodeId(4) }, 2),
            stage("harmless", 2, 1),
        ];
        let edges = [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 1), (3, 4, 0), (3, 5, 0), (4, 5, 0)];
        graph(&GATE, functions, between, 1, &edges)
    },
    route: |step, values, outbox| match step {
        Step::After(ENTRY) => {
            outbox.send(NodeId(1), 0, vec![values.forward(0)?]);
            relay(outbox, 2, values.forward(0))
        }
        Step::After(NodeId(1)) => pass(outbox, 3, 0, &values.output::<u64>()?),
        Step::After(NodeId(2)) => pass(outbox, 3, 1, &values.output::<u64>()?),
        Step::Join(NodeId(3)) => {
            let (a, b) = (values.take::<u64>(0)?, values.take::<u64>(1)?);
            if (a + b) % 2 == 0 { pass(outbox, 4, 0, &(a + b)) } else { relay(outbox, 5, values.forward(1)) }
        }
        Step::After(NodeId(4)) => pass(outbox, 5, 0, &values.output::<u64>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| if step == Step::Join(NodeId(3)) { &[0, 1] } else { reads_first(step) },
    call: |node| match node.0 {
        1 => Some(call_stage::<Double>),
        2 => Some(call_stage::<Increment>),
        4 => Some(call_stage::<Harmless>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let n = number(&input)?;
            let (a, b) = (plain::<Double>((n,)).await?, plain::<Increment>((n,)).await?);
            json(if (a + b) % 2 == 0 { plain::<Harmless>((a + b,)).await? } else { b })
        })
    },
};

/// `let (n, call) = stamp(n); (flaky(n), flaky(n))` with a result that is a sync node: `call` is relayed along both
/// ways, and the result tells whether both brought the same.
pub(crate) static FORK: Workflow = Workflow {
    name: "fork",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Stamp::spec(), Flaky::spec()];
        let stages = vec![stage("stamp", 0, 1), stage("flaky", 1, 1), stage("flaky#2", 1, 1)];
        graph(&FORK, functions, stages, 2, &[(0, 1, 0), (1, 2, 0), (1, 3, 0), (2, 4, 0), (3, 4, 1)])
    },
    route: |step, values, outbox| match step {
        Step::After(ENTRY) => relay(outbox, 1, values.forward(0)),
        Step::After(NodeId(1)) => {
            let (n, call) = values.output::<Made>()?;
            for to in [2, 3] {
                outbox.send(NodeId(to), 0, vec![outbox.encode(&n)?, outbox.encode(&call)?]);
            }
            Ok(())
        }
        Step::After(node @ NodeId(2 | 3)) => {
            let slot = u8::from(node.0 == 3);
            let n = values.output::<u64>()?;
            outbox.send(NodeId(4), slot, vec![outbox.encode(&n)?, values.forward(1)?]);
            Ok(())
        }
        Step::Join(NodeId(4)) => {
            let sum = values.take::<u64>(0)? + values.take::<u64>(2)?;
            let same = values.take::<u32>(1)? == values.take::<u32>(3)?;
            outbox.proceed(vec![outbox.encode(&(sum, same))?]);
            Ok(())
        }
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| if step == Step::Join(NodeId(4)) { &[0, 1, 2, 3] } else { reads_first(step) },
    call: |node| match node.0 {
        1 => Some(call_stage::<Stamp>),
        2 | 3 => Some(call_stage::<Flaky>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let (n, _) = plain::<Stamp>((number(&input)?,)).await?;
            json((plain::<Flaky>((n,)).await? + plain::<Flaky>((n,)).await?, true))
        })
    },
};

/// `total(repeat(n), repeat(n))`: large values through the blobs into a sync node.
pub(crate) static LARGE: Workflow = Workflow {
    name: "large",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Repeat::spec(), Total::spec()];
        let stages = vec![stage("repeat", 0, 1), stage("repeat#2", 0, 1), stage("total", 1, 2)];
        graph(&LARGE, functions, stages, 1, &[(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 1), (3, 4, 0)])
    },
    route: |step, values, outbox| match step {
        Step::After(ENTRY) => {
            outbox.send(NodeId(1), 0, vec![values.forward(0)?]);
            relay(outbox, 2, values.forward(0))
        }
        Step::After(node @ NodeId(1 | 2)) => {
            let slot = u8::from(node.0 == 2);
            pass(outbox, 3, slot, &values.output::<Vec<u64>>()?)
        }
        Step::Join(NodeId(3)) => {
            outbox.proceed(vec![values.forward(0)?, values.forward(1)?]);
            Ok(())
        }
        Step::After(NodeId(3)) => pass(outbox, 4, 0, &values.output::<u64>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| match step {
        Step::Join(_) => &[],
        Step::After(NodeId(3)) => &[0, 1],
        Step::After(_) => &[0],
    },
    call: |node| match node.0 {
        1 | 2 => Some(call_stage::<Repeat>),
        3 => Some(call_stage::<Total>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let n = number(&input)?;
            json(plain::<Total>((plain::<Repeat>((n,)).await?, plain::<Repeat>((n,)).await?)).await?)
        })
    },
};

/// All of them, and of the maps those whose failures fail the run.
pub(crate) fn all() -> [&'static Workflow; 7] {
    [&CHAIN, &BRANCH, &GATE, &FORK, &LARGE, &crate::map_workflows::MAPS, &crate::map_workflows::LISTS]
}
