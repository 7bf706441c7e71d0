//! One delivery of an event to a function, as the answers that its port calls got so far.

use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use caribou_runtime::model::{NodeId, Region, Timestamp};
use caribou_runtime::port::StageAddress;
use caribou_runtime::{Deployment, Event, HandleError, Shim, Workflow};

use crate::call::{Answer, Question};
use crate::ports::{Desk, Started};
use crate::variant::Variant;
use crate::workflows::within;

/// Which delivery it is, and which of the platform's tries to have it handled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The delivery's request id.
    pub request: Arc<str>,
    /// From 1.
    pub try_number: u8,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.request, self.try_number)
    }
}

/// What is delivered.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Which one it is.
    pub id: Id,
    /// To which function.
    pub to: Arc<StageAddress>,
    /// The node that it is for.
    pub node: NodeId,
    /// The event's text.
    pub body: Arc<str>,
    /// When it may begin; it has begun once that is past.
    pub due: Timestamp,
    /// When it was received.
    pub received: Timestamp,
    /// The transport's doing: the platform owes nobody that it comes.
    pub duplicate: bool,
    /// The platform has given it up. It may go on.
    pub forgotten: bool,
    /// What was answered, in order.
    pub answers: Arc<Vec<Answered>>,
    /// What it asks now.
    pub open: Vec<Open>,
    /// Tells invocations with other answers apart.
    pub(crate) digest: u64,
}

/// A port call that waits for its answer.
#[derive(Clone, Debug)]
pub struct Open {
    /// Which of the invocation's calls it is.
    pub call: usize,
    /// What is asked.
    pub question: Question,
    /// Of a message: the node that it is for.
    pub target: Option<NodeId>,
}

/// An answer that an invocation got.
#[derive(Clone, Debug)]
pub struct Answered {
    /// To which of its calls.
    pub call: usize,
    /// Tells questions apart.
    pub question: u64,
    /// What it was.
    pub answer: Answer,
    /// When it came.
    pub at: Timestamp,
}

/// Where everything happens.
#[derive(Clone, Copy)]
pub struct Setting {
    /// What is run.
    pub workflow: &'static Workflow,
    /// How the protocol is broken, if it is.
    pub variant: Variant,
}

/// What became of a step.
pub enum Stepped {
    /// It asks more.
    Goes(Invocation),
    /// It has come to its end.
    Ended(Result<(), HandleError>),
}

type Work = Pin<Box<dyn Future<Output = Result<(), HandleError>> + Send>>;

/// The region in which runs are recorded.
pub const HOME: Region = Region::aws("us-east-1");

impl Invocation {
    /// A delivery that has not begun.
    pub fn new(id: Id, to: Arc<StageAddress>, body: Arc<str>, due: Timestamp, setting: Setting) -> Self {
        let mut new = Self {
            id,
            to,
            node: NodeId::ENTRY,
            body,
            due,
            received: due,
            duplicate: false,
            forgotten: false,
            answers: Arc::new(Vec::new()),
            open: Vec::new(),
            digest: 0,
        };
        let mut live = new.live(setting);
        live.poll(&new, due);
        let asked = live.desk.open().into_iter().next();
        new.node = asked.and_then(|(_, question)| question.claimed()).unwrap_or(NodeId::ENTRY);
        new.digest = new.named();
        new
    }

    /// Whether any of its calls was answered.
    pub fn has_begun(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Whether nobody waits for it: it is parked, given up, or a duplicate that may as well never come.
    pub fn is_idle(&self) -> bool {
        self.forgotten || self.open.is_empty() || (self.duplicate && !self.has_begun())
    }

    /// Begins it, if it is due.
    pub fn begin(&mut self, now: Timestamp, setting: Setting) {
        if self.due <= now && !self.has_begun() {
            self.received = now;
            self.digest = self.named();
            let mut live = self.live(setting);
            self.open = live.poll(self, now).map_or_else(|| live.open(setting), |_| Vec::new());
        }
    }

    /// The same delivery, tried again.
    #[must_use]
    pub fn again(&self, now: Timestamp, setting: Setting) -> Self {
        let id = Id { request: self.id.request.clone(), try_number: self.id.try_number + 1 };
        Self::new(id, self.to.clone(), self.body.clone(), now, setting)
    }

    /// Answers one of its calls. Tells what becomes of it, and which functions of the author were called.
    pub fn answered(
        &self,
        call: usize,
        answer: Answer,
        now: Timestamp,
        setting: Setting,
    ) -> (Stepped, Vec<Started>) {
        let mut live = self.live(setting);
        let mut ended = live.poll(self, self.received);
        for Answered { call, answer, at, .. } in self.answers.iter() {
            live.desk.answer(*call, answer.clone());
            ended = ended.or(live.poll(self, *at));
        }
        live.desk.take_started();
        live.desk.answer(call, answer.clone());
        let ended = ended.or(live.poll(self, now));
        let started = live.desk.take_started();
        if let Some(result) = ended {
            return (Stepped::Ended(result), started);
        }
        let mut next = self.clone();
        let question =
            self.open.iter().find(|open| open.call == call).map_or(0, |open| open.question.digest());
        // The shim waits for all calls of a group at a time: in which order they were answered makes no difference to it.
        next.digest = next.digest.wrapping_add(hashed(&(question, format!("{answer:?}"), now)));
        Arc::make_mut(&mut next.answers).push(Answered { call, question, answer, at: now });
        next.open = live.open(setting);
        (Stepped::Goes(next), started)
    }

    fn named(&self) -> u64 {
        hashed(&(&self.id, &*self.to, &self.body, self.received))
    }

    fn live(&self, setting: Setting) -> Live {
        let desk = Desk::default();
        let deployment = Deployment {
            workflow: setting.workflow,
            function: self.to.function.clone(),
            region: self.to.region.clone(),
            home: HOME,
            probe_share: 0.0,
            run_deadline: Duration::from_hours(1),
            plan_cache: Duration::from_mins(1),
        };
        let work: Work = match Shim::new(deployment, setting.variant.break_ports(desk.ports())) {
            Ok(shim) => {
                let event = Event {
                    body: self.body.to_string(),
                    request_id: self.id.request.to_string(),
                    message_id: None,
                    deadline: self.received.plus(TIMEOUT),
                    received: self.received,
                    cold: true,
                };
                Box::pin(async move { shim.handle(event).await.map(|_| ()) })
            }
            // No message goes where no such function is.
            Err(error) => panic!("{error}"),
        };
        Live { desk, work }
    }
}

fn hashed(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Hash for Invocation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.digest, self.due, self.duplicate && !self.has_begun(), self.forgotten).hash(state);
    }
}

/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(30);

struct Live {
    desk: Desk,
    work: Work,
}

impl Live {
    fn open(&self, setting: Setting) -> Vec<Open> {
        let open = self.desk.open().into_iter().map(|(call, question)| {
            let target = match &question {
                Question::Send { to, body, .. } => {
                    let id = Id { request: "".into(), try_number: 1 };
                    let (to, body) = (Arc::new(to.clone()), body.as_str().into());
                    Some(Invocation::new(id, to, body, Timestamp::default(), setting).node)
                }
                _ => None,
            };
            Open { call, question, target }
        });
        open.collect()
    }

    fn poll(&mut self, invocation: &Invocation, now: Timestamp) -> Option<Result<(), HandleError>> {
        self.desk.set_now(now);
        let mut context = Context::from_waker(Waker::noop());
        let polled = within(&invocation.id.to_string(), || self.work.as_mut().poll(&mut context));
        match polled {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }
}
