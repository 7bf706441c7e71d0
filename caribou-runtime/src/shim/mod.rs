//! The protocol inside every function instance: from an event to the messages that follow from it.
//!
//! The shim is pure logic over the [ports](crate::port). It keeps no state between events but the plan it read last.
//!
//! | module | what it holds |
//! |---|---|
//! | [`event`], [`error`] | what the platform hands in, and what it gets back |
//! | `entry` | a request is received: the run is pinned, the first glue evaluated |
//! | `stage` | a message is received: claim, inputs, the author's function, outcome |
//! | `claim`, `hold` | who works on a node; the item that says so |
//! | `fingerprint` | the graph in short, so that one version has one graph |
//! | `deliver`, `sync`, `spill` | what is sent, what has arrived, what is too large for a message |
//! | `dispatch`, `collect`, `crowd` | the items of a map, on their way there and back; many requests at a time |
//! | `end`, `excerpt` | how a run ends; what is kept of a long error |
//! | `resume` | how a run that has failed is taken up again |
//! | `letter` | dead letters |
//! | `attempt`, `ledger`, `plans` | what one event keeps count of; the plan in force |
//!
//! # The life of a stage
//!
//! 1. *Claim.* The item `claim/{run}/{node}` in the function's own region is put if absent, with a lease that ends 5 s
//!    after the invocation. A retry of the same delivery takes over at once; another delivery is parked until the lease
//!    has ended, and takes over if there is still no outcome.
//!
//!    The delivery that a claim names answers for it: it is acknowledged when what it recorded is sent, and not before. An
//!    instance that was frozen may claim for a delivery that was parked meanwhile; so one that was parked sends what it finds
//!    recorded again, as a dead letter does.
//! 2. *Work.* Blobs that are read here are fetched, the author's function is called, and the body's slice decides what
//!    is sent.
//! 3. *Outcome.* The claim's item is written again, on condition that nobody has written since. An attempt that comes
//!    second sends what the first recorded.
//! 4. *Sends.* Whoever finds an outcome that its own delivery recorded sends it again: receivers drop duplicates.
//! 5. *Failover.* What a region certainly has not accepted goes home, once that is recorded. Only the attempt that recorded
//!    the outcome can be certain, and only until anybody else sends it: who does records that first, and from then on
//!    nothing moves.
//!
//! An idempotent function's stage has no claim: its item is written with its outcome, and before that only to count the
//! attempts that failed.
//!
//! The entry does the same with the run record in the home region as its item: pin and claim are one write, and the
//! glue over the input is evaluated once.
//!
//! A stage whose failure is a value goes the same way when its function has failed for good or its attempts are used up:
//! the slice behind it gets the failure, and the outcome says so. What is not the function's own (a value that cannot be
//! decoded, a blob that is gone, the slice itself) fails the run there too.
//!
//! What does not answer is asked again until the invocation ends. What the platform gives up is a dead letter: it is sent
//! back to its function while attempts are left or a region does not answer, each time later, until the run's deadline; then,
//! or where nothing is left to try, the run is told the reason and keeps the input.
//!
//! # The life of a map
//!
//! 1. *Dispatch.* The outcome of the dispatcher holds what the items share once, and all that they do not share as one
//!    value. Each item gets a message of its own, with its number and the total; after every 256 it is noted how far the
//!    dispatch is. A map without items is complete at once.
//! 2. *Items.* Each has its own claim, attempts, outcome and blobs, under `{node}.{item}`.
//! 3. *Collect.* What an item gave is one item of the store in the collecting node's region. The numbers of those that are
//!    there are kept in sets of 256, the complete sets in one set of theirs; its completion fills slot 1, as any arrival
//!    does.

pub mod error;
pub mod event;

pub(crate) mod claim;
pub(crate) mod sync;

mod attempt;
mod collect;
mod crowd;
mod deliver;
mod dispatch;
mod end;
mod entry;
mod excerpt;
mod fingerprint;
mod hold;
mod ledger;
mod letter;
mod plans;
pub(crate) mod resume;
mod spill;
mod stage;

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "lambda")]
use caribou_model::Timestamp;
use caribou_model::{FunctionSpec, Graph, NodeId, Region};

pub(crate) use self::entry::run_of;
pub use self::error::{HandleError, Refusal, ShimError};
pub use self::event::{Event, Handled};
pub(crate) use self::excerpt::excerpt;
use self::fingerprint::fingerprint;
use self::plans::Plans;
use crate::Workflow;
use crate::message::Message;
use crate::port::{Ports, StageAddress};
#[cfg(feature = "lambda")]
use crate::{port::SendError, request::Request};

/// What an instance serves, and where.
#[derive(Clone)]
pub struct Deployment {
    /// The workflow.
    pub workflow: &'static Workflow,
    /// The name of the function that this instance serves.
    pub function: String,
    /// Where the instance runs.
    pub region: Region,
    /// The workflow's home region.
    pub home: Region,
    /// Share of the runs that go wholly to the home region, 0 to 1.
    pub probe_share: f64,
    /// The longest time of a run.
    pub run_deadline: Duration,
    /// How long a plan is used before it is read again; 60 s by default.
    pub plan_cache: Duration,
}

/// Handles events for one function in one region. Cloning it is cheap.
#[derive(Clone)]
pub struct Shim {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) deployment: Deployment,
    pub(crate) ports: Ports,
    pub(crate) graph: Arc<Graph>,
    /// The graph in short.
    pub(crate) fingerprint: u32,
    /// The function that is served.
    pub(crate) function: FunctionSpec,
    pub(crate) plans: Plans,
}

impl Shim {
    /// A shim for a deployment.
    ///
    /// # Errors
    ///
    /// [`ShimError`] if the workflow does not have the function, or its graph is not sound.
    pub fn new(deployment: Deployment, ports: Ports) -> Result<Self, ShimError> {
        let graph = (deployment.workflow.graph)();
        graph.validate()?;
        Self::of(deployment, Arc::new(graph), ports)
    }

    /// A shim for a deployment of a workflow whose graph is sound.
    pub(crate) fn of(deployment: Deployment, graph: Arc<Graph>, ports: Ports) -> Result<Self, ShimError> {
        let function = graph.functions.iter().find(|function| function.name == deployment.function);
        let Some(function) = function.cloned() else {
            let known: Vec<_> =
                graph.functions.iter().map(|function| format!("`{}`", function.name)).collect();
            return Err(ShimError::UnknownFunction {
                workflow: graph.workflow.clone(),
                function: deployment.function,
                known: known.join(", "),
            });
        };
        let fingerprint = fingerprint(&graph);
        let plans = Plans::new(&graph, &deployment.home, deployment.plan_cache);
        Ok(Self { inner: Arc::new(Inner { deployment, ports, graph, fingerprint, function, plans }) })
    }

    /// Another instance of the same, which has read nothing yet.
    #[cfg(feature = "memory")]
    pub(crate) fn fresh(&self) -> Self {
        let Inner { deployment, ports, graph, fingerprint, function, plans } = &*self.inner;
        let (deployment, ports, plans) = (deployment.clone(), ports.clone(), plans.fresh());
        let (graph, function) = (graph.clone(), function.clone());
        let fingerprint = *fingerprint;
        Self { inner: Arc::new(Inner { deployment, ports, graph, fingerprint, function, plans }) }
    }

    /// Handles one delivery of a message or a request.
    ///
    /// # Errors
    ///
    /// [`HandleError`]: the platform shall deliver the event again, with the same request id, unless it
    /// [is a refusal](HandleError::is_refusal). Nothing of a failed event is left in the instance.
    pub async fn handle(&self, event: Event) -> Result<Handled, HandleError> {
        if Message::is_meant_by(&event.body) {
            self.inner.handle_message(&event).await
        } else {
            self.inner.handle_request(&event).await
        }
    }

    /// Handles an event that the platform has given up (failure mode): what was decided is sent, what has attempts left is
    /// tried again, else the run is told why it failed.
    ///
    /// # Errors
    ///
    /// [`HandleError`] as for [`Self::handle`]; a dead letter that cannot be handled is to be kept.
    pub async fn handle_failure(&self, event: Event, reason: &str) -> Result<(), HandleError> {
        self.inner.handle_letter(&event, reason).await
    }

    /// Refuses a request that is not for this function.
    #[cfg(feature = "lambda")]
    pub(crate) fn check_request(&self, request: &Request) -> Result<(), Refusal> {
        self.inner.check_request(request)
    }

    /// A request for a run of what is served, without an input.
    #[cfg(feature = "lambda")]
    pub(crate) fn request(&self) -> Request {
        Request {
            workflow: self.inner.graph.workflow.clone(),
            version: Some(self.inner.graph.version.clone()),
            run: None,
            input: serde_json::Value::Null,
            input_blob: None,
            sent: None,
            traceparent: None,
            resume: None,
        }
    }

    /// Hands a body to the topic of the function that is served, in a region, with patience until the deadline.
    #[cfg(feature = "lambda")]
    pub(crate) async fn hand_on(
        &self,
        region: &Region,
        body: &str,
        not_before: Option<Timestamp>,
        deadline: Timestamp,
    ) -> Result<(), SendError> {
        let Inner { graph, function, .. } = &*self.inner;
        let to = StageAddress {
            workflow: graph.workflow.clone(),
            version: graph.version.clone(),
            function: function.name.clone(),
            region: region.clone(),
        };
        self.inner.hand_over(&to, body, not_before, deadline, false).await
    }

    #[cfg(feature = "lambda")]
    pub(crate) fn ports(&self) -> &Ports {
        &self.inner.ports
    }

    /// What is served.
    pub fn deployment(&self) -> &Deployment {
        &self.inner.deployment
    }

    /// The options of the function that is served.
    pub fn function(&self) -> &FunctionSpec {
        &self.inner.function
    }
}

impl Inner {
    pub(crate) fn name_of(&self, node: NodeId) -> &str {
        self.graph.node(node).map_or("?", |node| &node.name)
    }

    pub(crate) fn slots_of(&self, node: NodeId) -> usize {
        self.graph.node(node).map_or(1, |node| usize::from(node.slots))
    }

    /// The most hops a message may have made. Every hop leads to a larger node; the rest is a margin.
    pub(crate) fn most_hops(&self) -> u16 {
        u16::try_from(self.graph.nodes.len()).unwrap_or(u16::MAX).saturating_mul(2).saturating_add(32)
    }

    /// Where messages to a node go in a region.
    pub(crate) fn address_of(&self, node: NodeId, region: &Region) -> StageAddress {
        let function = self.graph.function_of(node).map_or(&self.function.name, |function| &function.name);
        StageAddress {
            workflow: self.graph.workflow.clone(),
            version: self.graph.version.clone(),
            function: function.clone(),
            region: region.clone(),
        }
    }
}
