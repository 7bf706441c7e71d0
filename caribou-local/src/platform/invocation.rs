//! Instances as the Runtime API sees them, from question to answer.

use std::sync::Arc;

use bytes::Bytes;
use caribou_model::Timestamp;
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::Clock;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::calls::Call;
use super::{Platform, State};
use crate::Services;
use crate::disk::DiskError;
use crate::faults::Kill;
use crate::instance::{Deployed, End, Limit};
use crate::logs::Log;
use crate::message::{self, Failure, Message, Mode};
use crate::output::Output;
use crate::scheduler::InstanceId;

/// An instance as the Runtime API sees it.
pub(super) struct Instance {
    deployed: Arc<Deployed>,
    log: Arc<Log>,
    limit: watch::Sender<Limit>,
    output: Option<Arc<Output>>,
    /// The message for its next question.
    assigned: Option<u64>,
    /// Its question that waits for a message.
    waiting: Option<oneshot::Sender<u64>>,
    current: Option<Current>,
    /// Why it could not start, if it said so.
    start_error: Option<String>,
}

impl Instance {
    pub(super) fn new(
        deployed: Arc<Deployed>,
        log: Arc<Log>,
        limit: watch::Sender<Limit>,
        message: u64,
    ) -> Self {
        Self {
            deployed,
            log,
            limit,
            output: None,
            assigned: Some(message),
            waiting: None,
            current: None,
            start_error: None,
        }
    }

    /// Hands it a message.
    pub(super) fn deliver(&mut self, message: u64) {
        self.assigned = Some(message);
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send(message);
        }
    }

    /// Ends it: it is not needed any more.
    pub(super) fn end(&mut self) {
        self.waiting = None;
        self.limit.send_replace(Limit::Ended);
    }
}

/// The event that an instance is handling.
struct Current {
    message: u64,
    request_id: String,
    started: Instant,
    kill: Option<Kill>,
    calls: u32,
}

/// An event for an instance.
pub(crate) struct Invocation {
    pub(crate) message: Message,
    pub(crate) body: String,
    pub(crate) deadline: Timestamp,
}

enum Asked {
    Assigned(u64),
    Waiting(oneshot::Receiver<u64>),
    /// It gets no answer: it is about to be killed, and an error would only make it complain.
    Ending,
    /// It is no instance of this cloud.
    Unknown,
}

impl Platform {
    /// An instance was started; this is what it prints.
    pub(crate) fn started(&self, id: InstanceId, output: &Arc<Output>) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            instance.output = Some(Arc::clone(output));
        }
    }

    /// An instance could not start; its event is told why when it ends.
    pub(crate) fn did_not_start(&self, id: InstanceId, reason: String) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            instance.log.append(id, &reason);
            instance.start_error = Some(reason);
        }
    }

    /// An instance asks for its next event, and waits for it. `None` if it is no instance of this cloud.
    pub(crate) async fn next(self: &Arc<Self>, id: InstanceId) -> Result<Option<Invocation>, DiskError> {
        let number = match self.ask(id) {
            Asked::Assigned(number) => number,
            Asked::Waiting(waiting) => match waiting.await {
                Ok(number) => number,
                Err(_) => std::future::pending().await,
            },
            Asked::Ending => std::future::pending().await,
            Asked::Unknown => return Ok(None),
        };
        let held = self.state().calls.get(&number).map(Call::event);
        let event = match held {
            Some(event) => Some(event),
            None => message::load(&self.disk.read()?, number)?,
        };
        let Some((message, body)) = event else { return Ok(None) };
        let mut state = self.state();
        let kill = match message.mode {
            Mode::Handle => state.dice.kill(),
            Mode::Failure { .. } => None,
        };
        let Some(instance) = state.instances.get_mut(&id) else { return Ok(None) };
        instance.assigned = None;
        let log = Arc::clone(&instance.log);
        let timeout = instance.deployed.timeout();
        let started = Instant::now();
        instance.current = Some(Current {
            message: number,
            request_id: message.request_id.clone(),
            started,
            kill,
            calls: 0,
        });
        let hosted = matches!(instance.deployed.deployment.services, Services::Aws(_));
        instance.limit.send_replace(match kill {
            Some(kill) if kill.after_calls == 0 => Limit::Killed,
            Some(kill) if hosted => Limit::Doomed(started + kill.after()),
            _ => Limit::Event(started + timeout),
        });
        drop(state);
        log.append(id, &format!("START RequestId: {} Version: $LATEST", message.request_id));
        let deadline = SystemClock.now().plus(timeout);
        Ok(Some(Invocation { message, body, deadline }))
    }

    fn ask(&self, id: InstanceId) -> Asked {
        let mut state = self.state();
        let State { scheduler, instances, .. } = &mut *state;
        let Some(instance) = instances.get_mut(&id) else { return Asked::Unknown };
        if let Some(number) = instance.assigned {
            return Asked::Assigned(number);
        }
        if instance.current.is_some() || !scheduler.idle(id, SystemClock.now()) {
            instance.limit.send_replace(Limit::Ended);
            return Asked::Ending;
        }
        instance.limit.send_replace(Limit::None);
        let (sender, receiver) = oneshot::channel();
        instance.waiting = Some(sender);
        drop(state);
        self.work.notify_one();
        Asked::Waiting(receiver)
    }

    /// An instance calls a region. It is killed here if a fault says so.
    pub(crate) fn called(&self, id: InstanceId) {
        if let Some(instance) = self.state().instances.get_mut(&id)
            && let Some(current) = &mut instance.current
        {
            current.calls += 1;
            if current.kill.is_some_and(|kill| kill.after_calls == current.calls) {
                instance.limit.send_replace(Limit::Killed);
            }
        }
    }

    /// An instance reports how its event ended. `false` if it has no such event.
    pub(crate) fn finished(
        self: &Arc<Self>,
        id: InstanceId,
        request_id: &str,
        outcome: Result<Bytes, Failure>,
    ) -> bool {
        let mut state = self.state();
        let State { scheduler, instances, .. } = &mut *state;
        let Some(instance) = instances.get_mut(&id) else { return false };
        let Some(current) = instance.current.take_if(|current| current.request_id == request_id) else {
            return false;
        };
        if current.kill.is_some() {
            instance.limit.send_replace(Limit::Killed);
            instance.current = Some(current);
            return false;
        }
        instance.limit.send_replace(Limit::None);
        scheduler.finished(id);
        let (output, deployed) = (instance.output.clone(), Arc::clone(&instance.deployed));
        let log = Arc::clone(&instance.log);
        drop(state);
        self.work.notify_one();
        if let Some(output) = output {
            output.drain();
        }
        let status = if outcome.is_ok() { "success" } else { "error" };
        if let Err(failure) = &outcome {
            log.append(id, &format!("ERROR RequestId: {}\t{}", current.request_id, failure.reason));
        }
        report(id, &log, &deployed, &current, status);
        let address = deployed.deployment.address.clone();
        match outcome {
            Ok(answer) => self.complete(current.message, address, answer),
            Err(failure) => self.fail(current.message, address, failure),
        }
        true
    }

    /// An instance is gone, and with it the event that it had not finished.
    pub(crate) fn ended(self: &Arc<Self>, id: InstanceId, end: &End) {
        let mut state = self.state();
        state.scheduler.gone(id);
        let gone = state.instances.remove(&id);
        drop(state);
        self.work.notify_one();
        let Some(instance) = gone else { return };
        let printed = || instance.output.as_ref().map(|output| output.last_words());
        let words = instance.start_error.clone().or_else(printed).unwrap_or_default();
        let reason = end.reason(instance.deployed.timeout(), &words);
        if !matches!(end, End::Ended) {
            instance.log.append(id, &reason);
        }
        if let Some(current) = &instance.current {
            let status = if *end == End::TimedOut { "timeout" } else { "failure" };
            report(id, &instance.log, &instance.deployed, current, status);
        }
        if let Some(message) = instance.current.map(|current| current.message).or(instance.assigned) {
            let address = instance.deployed.deployment.address.clone();
            self.fail(message, address, Failure { kind: end.kind().to_owned(), reason });
        }
    }
}

/// The line that Lambda writes about every attempt.
fn report(instance: InstanceId, log: &Log, deployed: &Deployed, current: &Current, status: &str) {
    let spent = current.started.elapsed();
    let line = format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tStatus: {status}",
        current.request_id,
        spent.as_secs_f64() * 1e3,
        spent.as_micros().div_ceil(1000),
        deployed.deployment.spec.memory_mb,
    );
    log.append(instance, &line);
}
