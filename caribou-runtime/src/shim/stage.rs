//! A message is received: claim, inputs, the author's function, outcome.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use caribou_model::{AttemptOutcome, NodeId, NodeKind, Timestamp};
use futures_util::FutureExt as _;

use super::Inner;
use super::attempt::Attempt;
use super::claim::{Claim, Outcome, Progress};
use super::entry::run_of_request;
use super::error::{HandleError, Refusal};
use super::event::{Event, Handled};
use super::excerpt::excerpt;
use super::hold::{Claimed, Hold};
use super::spill::{Spill, fetch};
use super::sync::Arrived;
use crate::message::Message;
use crate::pin::hash;
use crate::port::BlobError;
use crate::request::{Received, Request};
use crate::run::{End, Failure};
use crate::{BoxFuture, Context, Delivery, Error, Outbox, Pin, Returned, RouteError, Step, Value, Values};

/// Why the work at a node came to no outcome.
pub(crate) enum Stopped {
    /// It will never succeed.
    ForGood { error: String, input: Vec<Value> },
    /// The author's function failed, and another attempt may help.
    ForNow(Error),
    /// The surroundings failed.
    Event(HandleError),
}

impl From<HandleError> for Stopped {
    fn from(error: HandleError) -> Self {
        Self::Event(error)
    }
}

impl Inner {
    pub(crate) async fn handle_message(&self, event: &Event) -> Result<Handled, HandleError> {
        let message = Message::decode(&event.body).map_err(Refusal::from)?;
        self.check(&message)?;
        let Message { pin, to: node, item, again, returns, displaced, hops, sent, values, .. } = message;
        let input = || values.iter().cloned().map(Value::from).collect();
        let mut attempt = Attempt::new(self, event, &pin, node);
        attempt.item = item;
        attempt.returned = returns > 0;
        attempt.displaced = displaced;
        attempt.hops = hops;
        attempt.sent = Some(sent);
        let now = self.ports.clock.now();
        if now >= pin.deadline {
            let error = format!("the run passed its deadline before stage `{}`", attempt.stage());
            attempt.abandon(error, input()).await?;
            return Ok(Handled::Done);
        }
        if hops > self.most_hops() {
            attempt.abandon(format!("a message made {hops} hops; it is in a loop"), input()).await?;
            return Ok(Handled::Done);
        }
        let claim = Claim::first(event, pin.resumed);
        let hold = Hold::of_node(&pin, attempt.place(), attempt.seat(), pin.kept_until(), claim);
        let claimed = if self.is_unclaimed(node, &pin) {
            Claimed::Mine(hold.unclaimed())
        } else {
            hold.claim(&attempt.ledger, again, now, self.function.attempts()).await?
        };
        match claimed {
            Claimed::Mine(mut hold) => {
                attempt.hold_on(&hold);
                let mut worked = attempt.work(input(), None).await;
                if let Err(Stopped::ForNow(error)) = &worked
                    && self.is_unclaimed(node, &pin)
                {
                    // Nothing counts attempts that claim nothing but their failures.
                    let error = error.clone();
                    let Some(failed) = hold.count(&attempt.ledger).await? else {
                        attempt.superseded(&mut hold).await?;
                        return Ok(Handled::Done);
                    };
                    attempt.number = failed;
                    if failed >= self.function.attempts() {
                        worked = attempt.work(input(), Some(error)).await;
                    }
                }
                attempt.conclude(&mut hold, worked).await?;
                Ok(Handled::Done)
            }
            Claimed::Repeat(mut hold) => {
                attempt.repeat(&mut hold).await?;
                Ok(Handled::Done)
            }
            Claimed::Drop => Ok(Handled::Duplicate),
            Claimed::Wait { until } => self.park(event, node, until).await,
            Claimed::Exhausted(mut hold) => {
                attempt.give_up(&mut hold, self.exhausted(), input()).await?;
                Ok(Handled::Done)
            }
        }
    }

    /// Refuses what is not for this function.
    pub(crate) fn check(&self, message: &Message) -> Result<(), Refusal> {
        let Message { pin, to, fires, .. } = message;
        self.check_version(&pin.workflow, &pin.version)?;
        if pin.graph != self.fingerprint {
            let (workflow, version) = (pin.workflow.clone(), pin.version.clone());
            return Err(Refusal::Graph { workflow, version });
        }
        let (slots, node) = (self.slots_of(*to), *to);
        let served = self.graph.function_of(node).is_some_and(|function| function.name == self.function.name);
        if !served || node == NodeId::ENTRY {
            let (workflow, served) = (pin.workflow.clone(), self.function.name.clone());
            return Err(Refusal::Function { workflow, node, served });
        }
        if *fires != self.graph.is_sync(node) || (node == self.graph.result() && !fires) {
            return Err(Refusal::Kind { node, slots: u8::try_from(slots).unwrap_or(u8::MAX) });
        }
        if message.item.is_some() != self.graph.node(node).is_some_and(|node| node.kind.is_map()) {
            return Err(Refusal::Item { node });
        }
        let (placed, stages) = (pin.placement.len(), self.graph.stages().count());
        if placed != stages {
            return Err(Refusal::Placement { placed, stages });
        }
        Ok(())
    }

    pub(crate) fn check_version(&self, workflow: &str, version: &str) -> Result<(), Refusal> {
        let graph = &self.graph;
        if workflow != graph.workflow {
            return Err(Refusal::Workflow { asked: workflow.to_owned(), served: graph.workflow.clone() });
        }
        if version != graph.version {
            let (asked, served) = (version.to_owned(), graph.version.clone());
            return Err(Refusal::Version { workflow: workflow.to_owned(), asked, served });
        }
        Ok(())
    }

    /// Whether the work at a node is done without a claim. In a run that was taken up again nothing is: what is done may
    /// not be done again.
    pub(crate) fn is_unclaimed(&self, node: NodeId, pin: &Pin) -> bool {
        let stage = self.graph.node(node).is_some_and(|node| node.kind.is_stage());
        self.function.idempotent && stage && pin.resumed == 0
    }

    pub(crate) fn exhausted(&self) -> String {
        let attempts = self.function.attempts();
        format!(
            "none of {attempts} attempts came to an outcome: they crashed, timed out or lost their connections"
        )
    }

    /// Sends the event again, to be looked at when a lease has ended. The event is acknowledged only after that, and what is
    /// sent says that it was: if the work is done by then, what it sent may be missing.
    pub(crate) async fn park(
        &self,
        event: &Event,
        node: NodeId,
        until: Timestamp,
    ) -> Result<Handled, HandleError> {
        let jitter = Duration::from_millis(hash(event.request_id.as_bytes()) % 1000);
        let to = self.address_of(node, &self.deployment.region);
        let not_before = Some(until.plus(jitter));
        let body = if Message::is_meant_by(&event.body) {
            let message = Message::decode(&event.body).map_err(Refusal::from)?;
            let unwritable = |cause| HandleError::Unwritable { stage: self.name_of(node).to_owned(), cause };
            Message { again: true, ..message }.encode().map_err(unwritable)?
        } else {
            let Received { request, returns, .. } = Request::read(&event.body).map_err(Refusal::from)?;
            let request = Request { run: Some(run_of_request(event, &request)), ..request };
            request.encode_again(returns).map_err(Refusal::from)?
        };
        self.hand_over(&to, &body, not_before, event.deadline, false).await?;
        Ok(Handled::Parked { until })
    }
}

impl Attempt<'_> {
    /// Does what the node does, up to the decision what is sent. A failure of its stage that is final already stands for
    /// the call of its function.
    async fn work(&mut self, values: Vec<Value>, failure: Option<Error>) -> Result<Vec<Delivery>, Stopped> {
        if !self.shim.graph.is_sync(self.node) {
            return self.work_at_stage(values, Vec::new(), failure).await;
        }
        let Arrived { mut values, items } = self.arrivals().await?;
        if let Some(items) = items {
            values.push(self.collected(items).await?);
        }
        let join = Step::Join(self.node);
        let values = self.fetched(values, join).await?;
        let (_, decided) = self.route(join, Values::new(values))?;
        let (mut deliveries, proceed) = decided.into_parts();
        match self.shim.graph.node(self.node).map(|node| &node.kind) {
            Some(NodeKind::Stage { .. }) => {
                self.work_at_stage(proceed.unwrap_or_default(), deliveries, failure).await
            }
            Some(NodeKind::Result) => {
                let (to, values) = (self.node, proceed.unwrap_or_default());
                deliveries.push(Delivery { to, slot: 0, values, items: None });
                Ok(deliveries)
            }
            _ => Ok(deliveries),
        }
    }

    /// Calls the author's function, and runs the slice of the body behind it.
    async fn work_at_stage(
        &mut self,
        values: Vec<Value>,
        mut deliveries: Vec<Delivery>,
        failure: Option<Error>,
    ) -> Result<Vec<Delivery>, Stopped> {
        let after = Step::After(self.node);
        let values = Values::new(self.fetched(values, after).await?);
        let returned = if let Some(failure) = failure {
            Err(failure)
        } else {
            let context = self.context();
            let call = self.call(&context, &values)?;
            self.returned(call, &context).await
        };
        let values = match returned {
            Ok(output) => values.with_output(output),
            Err(error) if !self.is_final(&error) => return Err(Stopped::ForNow(error)),
            Err(error) if self.catches() => {
                self.caught = true;
                values.with_failure(error)
            }
            Err(error) => return Err(for_good(&error, &values)),
        };
        let (_, decided) = self.route(after, values)?;
        deliveries.extend(decided.into_parts().0);
        Ok(deliveries)
    }

    /// What the author's function may know of this attempt.
    fn context(&self) -> Context {
        Context {
            run: self.pin.run.clone(),
            stage: self.stage().to_owned(),
            item: self.place().item,
            region: self.region().clone(),
            attempt: self.number,
            deadline: self.event.deadline,
            traceparent: self.pin.traceparent.clone(),
        }
    }

    /// Prepares the call of the author's function.
    fn call(&self, context: &Context, values: &Values) -> Result<BoxFuture<Returned>, Stopped> {
        let Some(call) = (self.shim.deployment.workflow.call)(self.node) else {
            return Err(for_good(&RouteError::NoSuchStep(Step::After(self.node)), values));
        };
        let telemetry = &self.shim.ports.telemetry;
        telemetry.started(context);
        telemetry.reads(context, values);
        match catch_unwind(AssertUnwindSafe(|| call(context.clone(), values))) {
            Ok(Ok(call)) => Ok(call),
            Ok(Err(error)) => Err(for_good(&error, values)),
            Err(panic) => Err(for_good(&panic_text(panic.as_ref()), values)),
        }
    }

    /// What the author's function returns. A panic is a failure of its own.
    async fn returned(&mut self, call: BoxFuture<Returned>, context: &Context) -> Returned {
        let clock = &self.shim.ports.clock;
        let started = clock.now();
        self.started = Some(started);
        let returned = AssertUnwindSafe(call).catch_unwind().await;
        clock.work(context).await;
        self.duration = clock.now().since(started);
        returned.unwrap_or_else(|panic| Err(Error::transient(panic_text(panic.as_ref()))))
    }

    /// Whether the function is not called again after this error.
    fn is_final(&self, error: &Error) -> bool {
        self.given_up || error.is_permanent() || self.number >= self.attempts()
    }

    /// Whether the failure of the node's stage is a value.
    pub(crate) fn catches(&self) -> bool {
        self.shim.graph.node(self.node).is_some_and(|node| node.kind.is_caught())
    }

    /// Ends the work at a node whose attempts came to no outcome, and never will.
    pub(crate) async fn give_up(
        &mut self,
        hold: &mut Hold,
        error: String,
        input: Vec<Value>,
    ) -> Result<(), HandleError> {
        self.hold_on(hold);
        if !self.catches() {
            let sync = self.shim.graph.is_sync(self.node);
            let input = if sync { self.arrivals().await?.values } else { input };
            return self.fail(hold, error, input).await;
        }
        // Whoever records the outcome sees to it that it is sent, even where the attempts were another's.
        hold.claim.owner.clone_from(&self.event.request_id);
        self.given_up = true;
        let worked = self.work(input, Some(Error::transient(error))).await;
        self.conclude(hold, worked).await
    }

    /// Fetches the blobs that a step reads.
    pub(crate) async fn fetched(
        &mut self,
        mut values: Vec<Value>,
        step: Step,
    ) -> Result<Vec<Value>, Stopped> {
        let positions = (self.shim.deployment.workflow.reads)(step);
        match fetch(&self.ledger, &mut values, positions).await {
            Ok(bytes) => self.bytes_in += bytes,
            Err(error @ BlobError::Missing { .. }) => {
                return Err(Stopped::ForGood { error: error.to_string(), input: values });
            }
            Err(error) => return Err(Stopped::Event(error.into())),
        }
        Ok(values)
    }

    /// Runs one slice of the body.
    pub(crate) fn route(&self, step: Step, mut values: Values) -> Result<(Values, Outbox), Stopped> {
        let mut outbox = Outbox::new();
        let route = self.shim.deployment.workflow.route;
        let routed = catch_unwind(AssertUnwindSafe(|| route(step, &mut values, &mut outbox)));
        let error = match routed {
            Ok(Ok(())) => return Ok((values, outbox)),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("the workflow's own code {}", panic_text(panic.as_ref())),
        };
        Err(Stopped::ForGood { error, input: values.items().to_vec() })
    }

    /// Records what came of the work, and sends it.
    pub(crate) async fn conclude(
        &mut self,
        hold: &mut Hold,
        worked: Result<Vec<Delivery>, Stopped>,
    ) -> Result<(), HandleError> {
        let deliveries = match worked {
            Ok(deliveries) => deliveries,
            Err(Stopped::ForGood { error, input }) => return self.fail(hold, error, input).await,
            Err(Stopped::ForNow(error)) => {
                self.record(AttemptOutcome::Retried, self.successors(&Outcome::default(), &[]));
                let (stage, attempts) = (self.stage().to_owned(), self.attempts());
                return Err(HandleError::Attempt { stage, attempt: self.number, attempts, error });
            }
            Err(Stopped::Event(error)) => return Err(error),
        };
        // Without a claim of their own attempts are not numbered: their blobs are told apart by the delivery.
        let attempt = if self.given_up || self.shim.is_unclaimed(self.node, self.pin) {
            format!("{:x}-{}", hash(self.event.request_id.as_bytes()), self.event.received.as_millis())
        } else {
            self.number.to_string()
        };
        let spill = Spill {
            ledger: &self.ledger,
            region: self.region(),
            pin: self.pin,
            place: self.place(),
            attempt,
            expires: self.pin.kept_until(),
        };
        let (deliveries, values) = spill.deliveries(deliveries).await?;
        let started = self.started.unwrap_or_else(|| self.shim.ports.clock.now());
        let duration_ms = self.duration.as_secs_f64() * 1e3;
        let outcome =
            Outcome { started, duration_ms, deliveries, values, caught: self.caught, settled: false };
        let kind = outcome.kind();
        if hold.advance(&self.ledger, Progress::Done(outcome)).await? {
            self.deliver(hold, kind).await
        } else {
            self.superseded(hold).await
        }
    }

    /// Does again what an earlier attempt of the same delivery recorded: its sends may be missing, and its line of
    /// telemetry as well.
    pub(crate) async fn repeat(&mut self, hold: &mut Hold) -> Result<(), HandleError> {
        self.hold_on(hold);
        match &hold.claim.progress {
            Progress::Done(outcome) => {
                self.started = Some(outcome.started);
                self.duration = Duration::from_secs_f64((outcome.duration_ms / 1e3).clamp(0.0, 1e6));
                // Another delivery's line of telemetry is its own, unless the platform has given that one up.
                let own = hold.claim.owner == self.event.request_id || self.returned;
                let kind = if own { outcome.kind() } else { AttemptOutcome::Superseded };
                self.deliver_again(hold, kind).await
            }
            Progress::Failed(_) => self.report(hold).await,
            Progress::Working => Ok(()),
        }
    }

    /// Fails the run without an attempt at the node.
    pub(crate) async fn abandon(&mut self, error: String, input: Vec<Value>) -> Result<(), HandleError> {
        let sync = self.shim.graph.is_sync(self.node);
        let arrived = if sync { self.arrivals().await.ok() } else { None };
        let input = arrived.map_or(input, |arrived| arrived.values);
        let failure = Failure {
            stage: self.stage().to_owned(),
            item: self.place().item,
            region: self.region().clone(),
            attempt: 0,
            error: excerpt(error),
            input: self.kept(input).await,
        };
        self.end_run(End::Failed { at: self.shim.ports.clock.now(), failure }).await
    }
}

fn for_good(error: &impl ToString, values: &Values) -> Stopped {
    Stopped::ForGood { error: error.to_string(), input: values.items().to_vec() }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "(no text)".into()))
}
