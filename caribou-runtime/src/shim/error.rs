//! Why an event was not handled.

use caribou_model::{GraphError, NodeId, RunId};

use crate::Error;
use crate::codec::CodecError;
use crate::message::MessageError;
use crate::port::{BlobError, SendError, StoreError};
use crate::request::RequestError;

/// Why a shim cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// The function is not one of the workflow's.
    #[error("workflow `{workflow}` has no function `{function}`; it has {known}")]
    UnknownFunction {
        /// The workflow's name.
        workflow: String,
        /// What was asked for.
        function: String,
        /// What there is.
        known: String,
    },
    /// The workflow's graph is not sound.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// The event can never be handled here.
    #[error("the event is refused: {0}")]
    Refused(#[from] Refusal),
    /// The author's function failed, and may be tried again.
    #[error("attempt {attempt} of {attempts} at stage `{stage}` failed: {error}")]
    Attempt {
        /// The stage's name.
        stage: String,
        /// Which attempt it was.
        attempt: u32,
        /// How many there may be.
        attempts: u32,
        /// What the function said.
        error: Error,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A large value could not be stored or fetched.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A message could not be handed over in time.
    #[error(transparent)]
    Send(#[from] SendError),
    /// An item of the store is not what belongs there.
    #[error("the item `{key}` cannot be read: {cause}")]
    Item {
        /// Its key.
        key: String,
        /// What the decoder found.
        cause: CodecError,
    },
    /// An item of the store is gone.
    #[error("the item `{key}` is not there; it may have expired")]
    Gone {
        /// Its key.
        key: String,
    },
    /// An item of the store changes faster than it can be written.
    #[error("the item `{key}` is written by too many at once")]
    Contended {
        /// Its key.
        key: String,
    },
    /// Another attempt has taken over, and came to no outcome yet.
    #[error("another attempt at stage `{stage}` has taken over; the event is looked at again")]
    Overtaken {
        /// The stage's name.
        stage: String,
    },
    /// The invocation's time was over before it could claim its work.
    #[error("the invocation's time was over before its work was claimed")]
    Late,
    /// A message could not be written.
    #[error("a message to `{stage}` cannot be written: {cause}")]
    Unwritable {
        /// The receiving stage.
        stage: String,
        /// What the encoder found.
        cause: MessageError,
    },
}

impl HandleError {
    /// Whether the event can never be handled: it is to be kept as a dead letter and not to be retried. Otherwise
    /// the platform shall deliver it again, with the same request id.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// Why an event can never be handled.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read as a message.
    #[error("{0}")]
    Message(#[from] MessageError),
    /// It cannot be read as a request.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// It is for another workflow.
    #[error("it is for workflow `{asked}`; this bootstrap serves `{served}`")]
    Workflow {
        /// What it is for.
        asked: String,
        /// What is served here.
        served: String,
    },
    /// It is for another version of the workflow.
    #[error("it is for version {asked} of workflow `{workflow}`; this bootstrap serves {served}")]
    Version {
        /// The workflow.
        workflow: String,
        /// What it is for.
        asked: String,
        /// What is served here.
        served: String,
    },
    /// It is for another body of the workflow, under the same version.
    #[error(
        "it is for another body of workflow `{workflow}` than the one that is deployed now under the same version \
         {version}; give the workflow a new version whenever its body changes"
    )]
    Graph {
        /// The workflow.
        workflow: String,
        /// The version of both.
        version: String,
    },
    /// It is for a node that runs in another function.
    #[error("it is for node {node} of workflow `{workflow}`, which function `{served}` does not serve")]
    Function {
        /// The workflow.
        workflow: String,
        /// The node.
        node: NodeId,
        /// The function served here.
        served: String,
    },
    /// A request at a function that receives none.
    #[error("requests are received by function `{entry}`; this is `{served}`")]
    NotTheEntry {
        /// The function that receives requests.
        entry: String,
        /// The function served here.
        served: String,
    },
    /// The run's placement does not fit the workflow.
    #[error("its placement has {placed} stages, the workflow has {stages}")]
    Placement {
        /// Stages in the message.
        placed: usize,
        /// Stages in the graph.
        stages: usize,
    },
    /// A message that a sync node does not take, or one that only a sync node takes.
    #[error("node {node} has {slots} slots, and the message is not of the kind that such a node takes")]
    Kind {
        /// The node.
        node: NodeId,
        /// Its slots.
        slots: u8,
    },
    /// A message to a map that is for no item, or one for an item of what is no map.
    #[error("node {node} is sent for an item, and is no map, or the other way round")]
    Item {
        /// The node.
        node: NodeId,
    },
    /// The run id was used for another version.
    #[error("run `{run}` is of version {pinned}; choose another run id for version {served}")]
    RunOfAnotherVersion {
        /// The run.
        run: RunId,
        /// Its version.
        pinned: String,
        /// What is served here.
        served: String,
    },
}
