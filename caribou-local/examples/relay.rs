//! A bootstrap whose workflow is written by hand, as `#[caribou::workflow]` would write it: two stages in a row that
//! do what their parcel says. The tests of the embedded cloud run it.
//!
//! ```text
//! async fn relay(parcel: Parcel) -> Result<Parcel> {
//!     let parcel = first(parcel).await?;
//!     second(parcel).await
//! }
//! ```

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use caribou_model::{Edge, FunctionSpec, Graph, Node, NodeId, NodeKind};
use caribou_runtime::{
    Arguments, BoxFuture, Call, Context, Error, Function, Outbox, RouteError, Step, ValueError, Values,
    Workflow, call_stage,
};
use serde::{Deserialize, Serialize};

/// What travels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Parcel {
    /// The stages it has been through.
    stages: Vec<String>,
    /// What goes wrong with the first attempt at the second stage.
    trouble: Trouble,
    /// The first stage waits here until this many runs have left their mark, one line for each execution.
    meeting: Option<Meeting>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trouble {
    #[default]
    None,
    Fail,
    Hang,
    Crash,
    /// Fails for good.
    Refuse,
    /// Crashes in every attempt.
    AlwaysCrash,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Meeting {
    place: PathBuf,
    of: usize,
}

/// The marker type of a function.
struct First;
struct Second;

impl Function for First {
    const NAME: &'static str = "first";
    type Input = (Parcel,);
    type Output = Parcel;
    type Failure = Error;

    fn spec() -> FunctionSpec {
        FunctionSpec { memory_mb: 128, ..FunctionSpec::new("first") }
    }

    fn take(values: &Values) -> Result<Self::Input, ValueError> {
        Arguments::take(values)
    }

    async fn call(context: Context, (mut parcel,): (Parcel,)) -> Result<Parcel, Error> {
        if let Some(Meeting { place, of }) = &parcel.meeting {
            let mut mark =
                OpenOptions::new().append(true).create(true).open(place.join(context.run.as_str()))?;
            mark.write_all(format!("{}\n", std::process::id()).as_bytes())?;
            while std::fs::read_dir(place)?.count() < *of {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        parcel.stages.push(format!("first in {}", context.region.code()));
        Ok(parcel)
    }
}

impl Function for Second {
    const NAME: &'static str = "second";
    type Input = (Parcel,);
    type Output = Parcel;
    type Failure = Error;

    fn spec() -> FunctionSpec {
        FunctionSpec { memory_mb: 128, timeout_s: 1, ..FunctionSpec::new("second") }
    }

    fn take(values: &Values) -> Result<Self::Input, ValueError> {
        Arguments::take(values)
    }

    async fn call(context: Context, (mut parcel,): (Parcel,)) -> Result<Parcel, Error> {
        match parcel.trouble {
            Trouble::AlwaysCrash => crash(),
            Trouble::Refuse => return Err(Error::permanent("this parcel is refused")),
            Trouble::Fail if context.attempt == 1 => return Err(Error::transient("no luck")),
            Trouble::Hang if context.attempt == 1 => std::future::pending().await,
            Trouble::Crash if context.attempt == 1 => crash(),
            _ => {}
        }
        parcel.stages.push(format!("second in {}", context.region.code()));
        Ok(parcel)
    }
}

fn crash() -> ! {
    eprintln!("these are my last words");
    std::process::exit(3)
}

fn graph() -> Graph {
    let node = |name: &str, kind, slots| Node { name: name.into(), kind, slots, output: "Parcel".into() };
    let edge = |from, to| Edge {
        from: NodeId(from),
        to: NodeId(to),
        slot: 0,
        when: None,
        carries: vec!["parcel".into()],
    };
    Graph {
        workflow: "relay".into(),
        version: "0.1.0".into(),
        functions: vec![First::spec(), Second::spec()],
        nodes: vec![
            node("input", NodeKind::Entry, 0),
            node("first", NodeKind::stage(0), 1),
            node("second", NodeKind::stage(1), 1),
            node("result", NodeKind::Result, 1),
        ],
        edges: vec![edge(0, 1), edge(1, 2), edge(2, 3)],
    }
}

fn route(step: Step, values: &mut Values, outbox: &mut Outbox) -> Result<(), RouteError> {
    match step {
        Step::After(NodeId::ENTRY) => {
            let parcel = outbox.encode(&values.take::<Parcel>(0)?)?;
            outbox.send(NodeId(1), 0, vec![parcel]);
        }
        Step::After(NodeId(stage @ (1 | 2))) => {
            let parcel = outbox.encode(&values.output::<Parcel>()?)?;
            outbox.send(NodeId(stage + 1), 0, vec![parcel]);
        }
        other => return Err(RouteError::NoSuchStep(other)),
    }
    Ok(())
}

fn reads(_: Step) -> &'static [u16] {
    &[0]
}

fn call(node: NodeId) -> Option<Call> {
    match node {
        NodeId(1) => Some(call_stage::<First>),
        NodeId(2) => Some(call_stage::<Second>),
        _ => None,
    }
}

fn plain(input: serde_json::Value) -> BoxFuture<Result<serde_json::Value, Error>> {
    Box::pin(async move {
        let parcel = serde_json::from_value(input).map_err(Error::permanent)?;
        let parcel = First::call(Context::plain("first"), (parcel,)).await?;
        let parcel = Second::call(Context::plain("second"), (parcel,)).await?;
        Ok(serde_json::to_value(parcel)?)
    })
}

inventory::submit! {
    Workflow {
        name: "relay",
        version: "0.1.0",
        parameters: &["parcel"],
        graph,
        route,
        reads,
        call,
        plain,
    }
}

/// Serves the function that the environment names.
pub(crate) fn main() -> ExitCode {
    caribou_runtime::bootstrap::run()
}
