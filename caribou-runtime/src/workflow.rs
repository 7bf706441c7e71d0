//! What `#[caribou::workflow]` registers.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use caribou_model::{Graph, NodeId};

use crate::codec::CodecError;
use crate::plain::PlainResult;
use crate::{Context, Error, Function, Outbox, ValueError, Values};

/// A future that can be named.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One slice of a workflow's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// At a sync node, when all slots are filled: builds what the node goes on with. At a gate it sends instead.
    Join(NodeId),
    /// After a node has its value: the stage's function has returned, or the entry has received the request.
    After(NodeId),
}

impl Step {
    /// What a workflow without such a step answers.
    ///
    /// # Errors
    ///
    /// Always [`RouteError::NoSuchStep`].
    pub fn unknown(self) -> Routed {
        Err(RouteError::NoSuchStep(self))
    }
}

/// What a slice returns.
pub type Routed = Result<(), RouteError>;

/// Why a slice of the body could not be run to its end. The run fails with it.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// A value that reached the node cannot be read.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A value cannot be sent without loss.
    #[error("a value of type `{type_name}` cannot be sent: {cause}")]
    Encode {
        /// The value's type.
        type_name: &'static str,
        /// What the encoder found.
        cause: CodecError,
    },
    /// A map has too many items.
    #[error(
        "a map has more than {} items, which is the most that one may have: let each item stand for several",
        crate::map::MOST_ITEMS
    )]
    TooManyItems,
    /// The author's own glue returned an error.
    #[error("{0}")]
    Author(Error),
    /// The workflow has no such step: the message is of another version.
    #[error("the workflow has no step {0:?}; the message was made by another version of it")]
    NoSuchStep(Step),
}

/// What a stage's function returned: its output, whatever its type, or its own error.
pub type Returned = Result<Box<dyn Any + Send>, Error>;

/// A stage's function, behind one signature: decodes the arguments, calls, returns the output. Arguments that cannot be
/// decoded are no failure of the function.
pub type Call = fn(Context, &Values) -> Result<BoxFuture<Returned>, ValueError>;

/// Calls the workflow in this process, with its parameters as a JSON value, as any function is called.
pub type PlainCall = fn(serde_json::Value) -> PlainResult;

/// A workflow as the macros compiled it. Registered once per `#[caribou::workflow]`.
#[derive(Clone, Copy)]
pub struct Workflow {
    /// The workflow's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Names of its parameters, in order.
    pub parameters: &'static [&'static str],
    /// Builds its graph.
    pub graph: fn() -> Graph,
    /// Runs one slice of its body. It must be pure but for the author's own glue, and is run once per outcome.
    pub route: fn(Step, &mut Values, &mut Outbox) -> Result<(), RouteError>,
    /// The positions of the values that a step decodes, and that must be fetched before it; for
    /// [`Step::After`] a stage this includes its arguments.
    pub reads: fn(Step) -> &'static [u16],
    /// The function behind a stage, or `None` for a node that has none.
    pub call: fn(NodeId) -> Option<Call>,
    /// The plain call.
    pub plain: PlainCall,
}

inventory::collect!(Workflow);

impl Workflow {
    /// Every workflow that is linked into this binary, ordered by name.
    pub fn registered() -> Vec<&'static Self> {
        let mut workflows: Vec<_> = inventory::iter::<Self>.into_iter().collect();
        workflows.sort_by_key(|workflow| workflow.name);
        workflows
    }
}

/// The [`Call`] of a stage with this function.
pub const fn stage<F: Function>() -> Option<Call> {
    Some(call_stage::<F>)
}

/// The [`Call`] of a function: it runs in the scope of its context.
///
/// # Errors
///
/// [`ValueError`] if an argument is missing or cannot be decoded.
pub fn call_stage<F: Function>(context: Context, values: &Values) -> Result<BoxFuture<Returned>, ValueError> {
    let called = F::call(context.clone(), F::take(values)?);
    Ok(Box::pin(async move {
        let output = context.scope(called).await?;
        Ok(Box::new(output) as Box<dyn Any + Send>)
    }))
}
