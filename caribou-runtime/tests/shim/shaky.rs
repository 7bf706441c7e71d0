//! A workflow of which the input says what fails, how and how often.

use caribou_runtime::model::{FunctionSpec, NodeId, NodeKind};
use caribou_runtime::{
    Context, Error, Function, Outbox, Result, RouteError, Step, Workflow, call_stage, each, map,
};
use serde::{Deserialize, Serialize};

use crate::workflows::{ENTRY, function, graph, json, node, pass, plain, relay, stage};

/// How a stage fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum How {
    #[default]
    Permanently,
    Transiently,
    /// It does not come back.
    Hanging,
}

/// What every stage gets, and passes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    /// The stage that fails.
    pub(crate) at: String,
    /// Which item of it fails.
    pub(crate) item: Option<u32>,
    pub(crate) how: How,
    /// It fails in so many attempts.
    pub(crate) times: u32,
    /// Items of the map.
    pub(crate) items: u32,
    pub(crate) n: u64,
    /// Makes the values large.
    pub(crate) padding: String,
}

/// Fails if the order says so.
async fn obey(context: &Context, order: &Order) -> Result<()> {
    let here = context.stage == order.at && (order.item.is_none() || context.item == order.item);
    if !here || context.attempt > order.times {
        return Ok(());
    }
    match order.how {
        How::Permanently => Err(Error::permanent("broken")),
        How::Transiently => Err(Error::transient("not yet")),
        How::Hanging => std::future::pending().await,
    }
}

function!(Work "work", |context, order: Order| -> Order {
    obey(&context, &order).await?;
    Ok(Order { n: order.n * 3 + 1, ..order })
});
function!(Branch "branch", |context, order: Order| -> Order {
    obey(&context, &order).await?;
    Ok(Order { n: order.n + 10, ..order })
});
function!(Merge "merge", |context, a: Order, b: Order| -> Order {
    obey(&context, &a).await?;
    Ok(Order { n: a.n * 100 + b.n, ..a })
});
function!(Count "count", |context, orders: Vec<Order>| -> u64 {
    let order = orders.first().cloned().unwrap_or_default();
    obey(&context, &order).await?;
    Ok(orders.iter().zip(1..).map(|(order, place)| order.n * place).sum())
});

fn items(order: &Order) -> Vec<Order> {
    (0..order.items).map(|item| Order { n: order.n + u64::from(item), ..order.clone() }).collect()
}

/// `let order = work(order); let all = map(items(merge(branch(order), branch(order))), |item| work(item)); count(all)`
pub(crate) static SHAKY: Workflow = Workflow {
    name: "shaky",
    version: "0.1.0",
    parameters: &["order"],
    graph: || {
        let functions = vec![Work::spec(), Branch::spec(), Merge::spec(), Count::spec()];
        let each = NodeKind::Stage { function: 0, each: true, caught: false };
        let between = vec![
            stage("work", 0, 1),
            stage("branch", 1, 1),
            stage("branch#2", 1, 1),
            stage("merge", 2, 2),
            node("work#2", each, 1),
            node("collect", NodeKind::Collect { of: NodeId(5), host: NodeId(7) }, 2),
            stage("count", 3, 1),
        ];
        let edges = [
            (0, 1, 0),
            (1, 2, 0),
            (1, 3, 0),
            (2, 4, 0),
            (3, 4, 1),
            (4, 5, 0),
            (4, 6, 0),
            (5, 6, 1),
            (6, 7, 0),
            (7, 8, 0),
        ];
        graph(&SHAKY, functions, between, 1, &edges)
    },
    route: |step, values, out: &mut Outbox| match step {
        Step::After(ENTRY) => relay(out, 1, values.forward(0)),
        Step::After(NodeId(1)) => {
            let order = values.output::<Order>()?;
            pass(out, 2, 0, &order)?;
            pass(out, 3, 0, &order)
        }
        Step::After(node @ NodeId(2 | 3)) => pass(out, 4, u8::from(node.0 == 3), &values.output::<Order>()?),
        Step::Join(NodeId(4)) => {
            out.proceed([values.forward(0)?, values.forward(1)?]);
            Ok(())
        }
        Step::After(NodeId(4)) => {
            let order = values.output::<Order>()?;
            out.dispatch(NodeId(5), [None], each(items(&order), |item| Ok(vec![out.encode(&item)?]))?);
            out.send(NodeId(6), 0, []);
            Ok(())
        }
        Step::After(NodeId(5)) => pass(out, 6, 1, &values.output::<Order>()?),
        Step::Join(NodeId(6)) => pass(out, 7, 0, &values.collected::<Order>(0)?),
        Step::After(NodeId(7)) => pass(out, 8, 0, &values.output::<u64>()?),
        step => Err(RouteError::NoSuchStep(step)),
    },
    reads: |step| match step {
        Step::Join(NodeId(4)) => &[],
        Step::After(NodeId(4)) => &[0, 1],
        _ => &[0],
    },
    call: |node| match node.0 {
        1 | 5 => Some(call_stage::<Work>),
        2 | 3 => Some(call_stage::<Branch>),
        4 => Some(call_stage::<Merge>),
        7 => Some(call_stage::<Count>),
        _ => None,
    },
    plain: |input| {
        Box::pin(async move {
            let order: Order = serde_json::from_value(input).map_err(Error::permanent)?;
            let order = plain::<Work>((order,)).await?;
            let (a, b) = (plain::<Branch>((order.clone(),)).await?, plain::<Branch>((order,)).await?);
            let merged = plain::<Merge>((a, b)).await?;
            let all = map::map(items(&merged), |item| plain::<Work>((item,))).await?;
            json(plain::<Count>((all,)).await?)
        })
    },
};
