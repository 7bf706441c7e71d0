//! The search through all states, and the way to a violation.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use caribou_runtime::model::NodeId;
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Request, Workflow};
use serde_json::Value as Json;

use crate::invocation::{HOME, Id, Invocation, Setting};
use crate::law;
use crate::reduction::Reduction;
use crate::state::{BEGINNING, Breach, Mishaps, State, Step};
use crate::variant::Variant;
use crate::workflows::within;

/// What is explored.
#[derive(Clone)]
pub struct Model {
    setting: Setting,
    input: Json,
    duplicates: Mishaps,
    faults: Mishaps,
    reduced: bool,
}

/// What was explored, to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// States, each of them once.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// States in which nothing is under way any more.
    pub ends: usize,
    /// Tells other such states from these.
    pub signature: u128,
}

impl Explored {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            states: self.states + other.states,
            steps: self.steps + other.steps,
            ends: self.ends + other.ends,
            signature: self.signature ^ other.signature,
        }
    }
}

/// A way to a state in which the law does not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What does not hold.
    pub what: Breach,
    /// The steps, line by line.
    pub schedule: Vec<String>,
}

/// The way to a state, its last step first.
struct Way {
    step: Step,
    before: Option<Arc<Way>>,
}

impl Model {
    /// One run of a workflow, in which nothing goes wrong.
    pub fn new(workflow: &'static Workflow, input: Json) -> Self {
        Self {
            setting: Setting { workflow, variant: Variant::Sound },
            input,
            duplicates: Mishaps::new(),
            faults: Mishaps::new(),
            reduced: true,
        }
    }

    /// One message to the node may be delivered twice; once more for each time that it is said.
    #[must_use]
    pub fn duplicate(mut self, node: NodeId) -> Self {
        *self.duplicates.entry(node).or_default() += 1;
        self
    }

    /// One fault may hit an invocation for the node, anywhere: a crash, a freeze, or a lost answer.
    #[must_use]
    pub fn fault(mut self, node: NodeId) -> Self {
        *self.faults.entry(node).or_default() += 1;
        self
    }

    /// Looks at all orders of steps, also where they make no difference.
    #[must_use]
    pub fn unreduced(mut self) -> Self {
        self.reduced = false;
        self
    }

    /// Breaks the protocol.
    #[must_use]
    pub fn variant(mut self, variant: Variant) -> Self {
        self.setting.variant = variant;
        self
    }

    /// Looks at every state once.
    ///
    /// # Errors
    ///
    /// The first [`Violation`] that is met.
    ///
    /// # Panics
    ///
    /// If the workflow's plain call does not return at once, or its graph is not sound.
    pub fn explore(&self) -> Result<Explored, Box<Violation>> {
        let plain = self.plain();
        let reduction = self.reduced.then(|| Reduction::of(self.setting.workflow));
        let first = self.beginning();
        let mut seen = HashSet::from([first.fingerprint()]);
        let mut found = Explored { states: 1, ..Explored::default() };
        let mut open: Vec<(State, Option<Arc<Way>>)> = vec![(first, None)];
        while let Some((state, way)) = open.pop() {
            if state.is_quiet() {
                found.ends += 1;
                found.signature ^= state.fingerprint();
            }
            let steps = reduction.as_ref().map_or_else(|| state.steps(), |reduction| reduction.steps(&state));
            if let (true, false, Some(way)) = (steps.is_empty(), state.is_quiet(), &way) {
                let what = "nothing can happen any more, and something is under way".into();
                return Err(Box::new(self.violation(what, way)));
            }
            for step in steps {
                found.steps += 1;
                let way = || Arc::new(Way { step: step.clone(), before: way.clone() });
                let next = match state.after(&step, self.setting) {
                    Ok(next) => next,
                    Err(what) => return Err(Box::new(self.violation(what, &way()))),
                };
                if seen.insert(next.fingerprint()) {
                    found.states += 1;
                    let told = next.is_quiet() || law::record(&next) != law::record(&state);
                    if told && let Err(what) = law::the_run_is_its_plain_call(&next, self.setting, &plain) {
                        return Err(Box::new(self.violation(what, &way())));
                    }
                    open.push((next, Some(way())));
                }
            }
        }
        Ok(found)
    }

    /// The request is on its way.
    fn beginning(&self) -> State {
        let workflow = self.setting.workflow;
        let graph = (workflow.graph)();
        let request = Request {
            workflow: graph.workflow.clone(),
            version: Some(graph.version.clone()),
            run: law::RUN.to_owned().try_into().ok(),
            input: self.input.clone(),
            input_blob: None,
            sent: None,
            traceparent: None,
            resume: None,
        };
        let function = graph.function_of(NodeId::ENTRY).map(|function| function.name.clone());
        let to = StageAddress {
            workflow: graph.workflow,
            version: graph.version,
            function: function.unwrap_or_default(),
            region: HOME,
        };
        let id = Id { request: "request".into(), try_number: 1 };
        let body = request.encode().unwrap_or_default();
        let event = Invocation::new(id, Arc::new(to), body.into(), BEGINNING, self.setting);
        State::new(event, self.duplicates.clone(), self.faults.clone(), self.setting)
    }

    fn plain(&self) -> String {
        let mut call = pin!((self.setting.workflow.plain)(self.input.clone()));
        let polled = within("plain", || call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        match polled {
            Poll::Ready(Ok(Json::String(marks))) => marks,
            other => panic!("the plain call gives {other:?}, and not a text of marks"),
        }
    }

    /// Goes the way again, and writes down what happens.
    fn violation(&self, what: Breach, way: &Arc<Way>) -> Violation {
        let mut steps = Vec::new();
        let mut at = Some(way);
        while let Some(way) = at {
            steps.push(&way.step);
            at = way.before.as_ref();
        }
        let mut state = self.beginning();
        let mut schedule = Vec::new();
        for step in steps.into_iter().rev() {
            schedule.push(state.told(step));
            match state.after(step, self.setting) {
                Ok(next) => state = next,
                Err(_) => break,
            }
        }
        Violation { what, schedule }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        self.schedule.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl std::error::Error for Violation {}
