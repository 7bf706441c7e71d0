//! Workflows with maps and caught failures as the macros would write them, by hand.

use caribou_runtime::model::{FunctionSpec, Node, NodeId, NodeKind};
use caribou_runtime::{
    Context, Error, Function, Outbox, Result, RouteError, Step, Workflow, call_stage, each, map,
};

use crate::workflows::{
    ENTRY, Increment, Repeat, Total, function, graph, json, node, number, pass, plain, reads_first, relay,
    stage,
};

function!(Count "count", |_context, n: u64| -> Vec<u64> { Ok((0..n).collect()) });
function!(Scale "scale", |_context, n: u64, factor: u64| -> u64 {
    if (n, factor) == (13, 20) {
        return Err(Error::permanent("13 is refused"));
    }
    Ok(n * factor)
});
function!(Weave "weave", |_context, a: Vec<u64>, b: Vec<u64>| -> Vec<u64> {
    Ok(a.iter().zip(&b).map(|(a, b)| a * 100_000 + b).collect())
});
function!(Risky "risky", |context, n: u64| -> u64 {
    match (n, context.attempt) {
        (13, _) => Err(Error::permanent("13 is refused")),
        (77, _) => std::future::pending().await,
        (71, _) => {
            let mut waits = true;
            let once = |_: &mut std::task::Context<'_>| {
                if std::mem::take(&mut waits) {
                    return std::task::Poll::Pending;
                }
                std::task::Poll::Ready(Ok(n * 2))
            };
            std::future::poll_fn(once).await
        }
        (100.., _) => panic!("{n} is too much"),
        (90.., _) => Err(Error::transient("never")),
        (50.., attempt) if attempt < 3 => Err(Error::transient("not yet")),
        _ => Ok(n * 2),
    }
});
function!(Meet "meet", |_context, a: u64, b: u64| -> u64 {
    if a == 16 { Err(Error::permanent("16 is refused")) } else { Ok(a * 1000 + b) }
});

fn each_of(name: &str, function: u16, caught: bool) -> Node {
    node(name, NodeKind::Stage { function, each: true, caught }, 1)
}

fn caught(name: &str, function: u16, slots: u8) -> Node {
    node(name, NodeKind::Stage { function, each: false, caught: true }, slots)
}

fn collect(name: &str, of: u16, host: u16) -> Node {
    node(name, NodeKind::Collect { of: NodeId(of), host: NodeId(host) }, 2)
}

/// Starts a map over one argument.
fn over(out: &mut Outbox, to: u16, items: &[u64]) -> Result<(), RouteError> {
    out.dispatch(NodeId(to), [None], each(items, |item| Ok(vec![out.encode(item)?]))?);
    Ok(())
}

/// `let numbers = count(n); let scaled = map(numbers, |x| scale(x, n)); let again = map(scaled, |x| scale(n, x));
/// let others = map(numbers, |x| increment(x)); weave(again, others)`
///
/// A map with a shared value, one over the result of another, and a sync node that reads two.
pub(crate) static MAPS: Workflow = Workflow {
    name: "maps",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Count::spec(), Scale::spec(), Increment::spec(), Weave::spec()];
        let between = vec![
            stage("count", 0, 1),
            each_of("scale", 1, false),
            collect("collect", 2, 4),
            each_of("scale#2", 1, false),
            collect("collect#2", 4, 8),
            each_of("increment", 2, false),
            collect("collect#3", 6, 6),
            stage("weave", 3, 2),
        ];
        let edges = [
            (0, 1, 0),
            (1, 2, 0),
            (1, 3, 0),
            (1, 6, 0),
            (1, 7, 0),
            (2, 3, 1),
            (3, 4, 0),
            (3, 5, 0),
            (4, 5, 1),
            (5, 8, 0),
            (6, 7, 1),
            (7, 8, 1),
            (8, 9, 0),
        ];
        graph(&MAPS, functions, between, 1, &edges)
    },
    route: |step, values, out| match step {
        Step::After(ENTRY) => relay(out, 1, values.forward(0)),
        Step::After(NodeId(1)) => {
            let (numbers, n) = (values.output::<Vec<u64>>()?, values.take::<u64>(0)?);
            let items = each(&numbers, |item| Ok(vec![out.argument::<Scale, 0>(item)?]))?;
            let shared = out.argument::<Scale, 1>(&n)?;
            out.dispatch(NodeId(2), [None, Some(shared.clone())], items);
            out.send(NodeId(3), 0, [shared]);
            over(out, 6, &numbers)?;
            out.send(NodeId(7), 0, []);
            Ok(())
        }
        Step::After(node @ NodeId(2 | 4 | 6)) => pass(out, node.0 + 1, 1, &values.output::<u64>()?),
        Step::Join(NodeId(3)) => {
            let (n, scaled) = (values.forward(0)?, values.collected::<u64>(1)?);
            let items = each(&scaled, |item| Ok(vec![out.argument::<Scale, 1>(item)?]))?;
            out.dispatch(NodeId(4), [Some(n), None], items);
            out.send(NodeId(5), 0, []);
            Ok(())
        }
        Step::Join(NodeId(5)) => pass(out, 8, 0, &values.collected::<u64>(0)?),
        Step::Join(NodeId(7)) => pass(out, 8, 1, &values.collected::<u64>(0)?),
        Step::Join(NodeId(8)) => {
            out.proceed([values.forward(0)?, values.forward(1)?]);
            Ok(())
        }
        Step::After(NodeId(8)) => pass(out, 9, 0, &values.output::<Vec<u64>>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| match step {
        Step::Join(NodeId(3)) => &[1],
        Step::Join(NodeId(8)) => &[],
        Step::After(NodeId(2 | 4 | 8)) => &[0, 1],
        step => reads_first(step),
    },
    call: |node| match node.0 {
        1 => Some(call_stage::<Count>),
        2 | 4 => Some(call_stage::<Scale>),
        6 => Some(call_stage::<Increment>),
        8 => Some(call_stage::<Weave>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let n = number(&input)?;
            let numbers = plain::<Count>((n,)).await?;
            let scaled = map::map(numbers.clone(), |x| plain::<Scale>((x, n))).await?;
            let again = map::map(scaled, |x| plain::<Scale>((n, x))).await?;
            let others = map::map(numbers, |x| plain::<Increment>((x,))).await?;
            json(plain::<Weave>((again, others)).await?)
        })
    },
};

/// `let lists = map([n, 2 * n, 3 * n], |n| repeat(n)); Ok(map(lists, |list| total(list, lists[0])))`
///
/// Large values to and from the items of a map.
pub(crate) static LISTS: Workflow = Workflow {
    name: "lists",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Repeat::spec(), Total::spec()];
        let between = vec![
            each_of("repeat", 0, false),
            collect("collect", 1, 3),
            each_of("total", 1, false),
            collect("collect#2", 3, 1),
        ];
        let edges = [(0, 1, 0), (0, 2, 0), (1, 2, 1), (2, 3, 0), (2, 4, 0), (3, 4, 1), (4, 5, 0)];
        graph(&LISTS, functions, between, 1, &edges)
    },
    route: |step, values, out| match step {
        Step::After(ENTRY) => {
            let n = values.take::<u64>(0)?;
            over(out, 1, &[n, 2 * n, 3 * n])?;
            out.send(NodeId(2), 0, []);
            Ok(())
        }
        Step::After(NodeId(1)) => pass(out, 2, 1, &values.output::<Vec<u64>>()?),
        Step::Join(NodeId(2)) => {
            let lists = values.collected::<Vec<u64>>(0)?;
            let shared = out.encode(&lists[0])?;
            let items = each(lists, |list| Ok(vec![out.encode(&list)?]))?;
            out.dispatch(NodeId(3), [None, Some(shared)], items);
            out.send(NodeId(4), 0, []);
            Ok(())
        }
        Step::After(NodeId(3)) => pass(out, 4, 1, &values.output::<u64>()?),
        Step::Join(NodeId(4)) => pass(out, 5, 0, &values.collected::<u64>(0)?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| if step == Step::After(NodeId(3)) { &[0, 1] } else { reads_first(step) },
    call: |node| match node.0 {
        1 => Some(call_stage::<Repeat>),
        3 => Some(call_stage::<Total>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let n = number(&input)?;
            let lists = map::map([n, 2 * n, 3 * n], |n| plain::<Repeat>((n,))).await?;
            let sums = map::map(lists.clone(), |list| plain::<Total>((list, lists[0].clone())));
            json(sums.await?)
        })
    },
};

/// `let doubled = risky(n); let (value, error) = match doubled { Ok(x) => (x, None), Err(e) => (7, Some(e)) };
/// (increment(value), error)`
pub(crate) static RESCUE: Workflow = Workflow {
    name: "rescue",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Risky::spec(), Increment::spec()];
        let stages = vec![caught("risky", 0, 1), stage("increment", 1, 1)];
        graph(&RESCUE, functions, stages, 1, &[(0, 1, 0), (1, 2, 0), (2, 3, 0)])
    },
    route: |step, values, out| match step {
        Step::After(ENTRY) => relay(out, 1, values.forward(0)),
        Step::After(NodeId(1)) => {
            let (value, error) = match values.outcome::<u64>()? {
                Ok(value) => (value, None),
                Err(error) => (7, Some(error)),
            };
            let values = [out.encode(&value)?, out.encode(&error)?];
            out.send(NodeId(2), 0, values);
            Ok(())
        }
        Step::After(NodeId(2)) => {
            let result = (values.output::<u64>()?, values.take::<Option<Error>>(1)?);
            pass(out, 3, 0, &result)
        }
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| if step == Step::After(NodeId(2)) { &[0, 1] } else { reads_first(step) },
    call: |node| match node.0 {
        1 => Some(call_stage::<Risky>),
        2 => Some(call_stage::<Increment>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let (value, error) = match plain::<Risky>((number(&input)?,)).await {
                Ok(value) => (value, None),
                Err(error) => (7, Some(error)),
            };
            json((plain::<Increment>((value,)).await?, error))
        })
    },
};

/// `meet(n * 2, n + 1)` of two stages, a sync node whose failure is the result: `Ok(meet(risky(n)?, increment(n)?).await)`
pub(crate) static MEETING: Workflow = Workflow {
    name: "meeting",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let functions = vec![Risky::spec(), Increment::spec(), Meet::spec()];
        let stages = vec![stage("risky", 0, 1), stage("increment", 1, 1), caught("meet", 2, 2)];
        let edges = [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 1), (3, 4, 0)];
        graph(&MEETING, functions, stages, 1, &edges)
    },
    route: |step, values, out| match step {
        Step::After(ENTRY) => {
            out.send(NodeId(1), 0, [values.forward(0)?]);
            relay(out, 2, values.forward(0))
        }
        Step::After(node @ NodeId(1 | 2)) => pass(out, 3, u8::from(node.0 == 2), &values.output::<u64>()?),
        Step::Join(NodeId(3)) => {
            out.proceed([values.forward(0)?, values.forward(1)?]);
            Ok(())
        }
        Step::After(NodeId(3)) => pass(out, 4, 0, &values.outcome::<u64>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| match step {
        Step::Join(_) => &[],
        Step::After(NodeId(3)) => &[0, 1],
        Step::After(_) => &[0],
    },
    call: |node| match node.0 {
        1 => Some(call_stage::<Risky>),
        2 => Some(call_stage::<Increment>),
        3 => Some(call_stage::<Meet>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let n = number(&input)?;
            let (a, b) = (plain::<Risky>((n,)).await?, plain::<Increment>((n,)).await?);
            json(plain::<Meet>((a, b)).await)
        })
    },
};

/// Of 20 items the 14th fails; of any other number none.
fn items_of(n: u64) -> Vec<u64> {
    (0..n).map(|item| if n == 20 { item } else { item % 13 }).collect()
}

/// `Ok(map(items_of(n), |item| risky(item)).await)`: the result tells of the failure.
pub(crate) static SPREAD: Workflow = Workflow {
    name: "spread",
    version: "0.1.0",
    parameters: &["n"],
    graph: || {
        let between = vec![each_of("risky", 0, true), collect("collect", 1, 1)];
        graph(&SPREAD, vec![Risky::spec()], between, 1, &[(0, 1, 0), (0, 2, 0), (1, 2, 1), (2, 3, 0)])
    },
    route: |step, values, out| match step {
        Step::After(ENTRY) => {
            over(out, 1, &items_of(values.take(0)?))?;
            out.send(NodeId(2), 0, []);
            Ok(())
        }
        Step::After(NodeId(1)) => pass(out, 2, 1, &values.outcome::<u64>()?),
        Step::Join(NodeId(2)) => pass(out, 3, 0, &values.collected_outcome::<u64>(0)?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: reads_first,
    call: |node| (node == NodeId(1)).then_some(call_stage::<Risky>),
    plain: |input| {
        Box::pin(
            async move { json(map::map(items_of(number(&input)?), |item| plain::<Risky>((item,))).await) },
        )
    },
};
