//! A state of the world, and the steps that lead on from it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use caribou_runtime::model::{NodeId, Timestamp};
use caribou_runtime::port::{BlobError, Condition, Item, Put};

use crate::call::{Answer, Place, Question};
use crate::invocation::{Id, Invocation, Open, Setting, Stepped};
use crate::law;
use crate::ports::Started;

/// When every exploration begins.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// As often as the platform tries a delivery.
const TRIES: u8 = 3;

/// Everything that there is at one moment.
#[derive(Clone)]
pub struct State {
    /// The time.
    pub now: Timestamp,
    /// The store's items, and what tells one from another at the same place.
    pub items: BTreeMap<Arc<Place>, (Item, u64)>,
    /// The store's sets.
    pub sets: BTreeMap<Arc<Place>, BTreeSet<u32>>,
    /// Deliveries that have not come to their end.
    pub invocations: BTreeMap<Id, Arc<Invocation>>,
    /// How many messages to a node may still be delivered twice.
    pub duplicates: Mishaps,
    /// How many faults may still hit an invocation for a node.
    pub faults: Mishaps,
    /// How often each stage's function was called, but by invocations that the platform had given up.
    pub calls: BTreeMap<Started, u8>,
    /// How many of these calls a fault made necessary.
    pub repeats: BTreeMap<Started, u8>,
    /// The stage that each delivery called last.
    pub called: BTreeMap<Arc<str>, Started>,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A call is answered.
    Answer {
        /// Whose.
        of: Id,
        /// Which of its calls.
        call: usize,
        /// It had its effect, but the answer is lost.
        lost: bool,
        /// It is a message that is delivered twice.
        twice: bool,
    },
    /// The platform gives an invocation up, and delivers its event again.
    Forget(Id),
    /// What the platform had given up does not go on.
    Die(Id),
    /// Time passes until the next parked message is due.
    Wait,
}

/// How much may go wrong at which node.
pub type Mishaps = BTreeMap<NodeId, u8>;

/// What a step did wrong.
pub type Breach = String;

impl State {
    /// A state in which one event is delivered.
    pub fn new(event: Invocation, duplicates: Mishaps, faults: Mishaps, setting: Setting) -> Self {
        let mut state = Self {
            now: BEGINNING,
            items: BTreeMap::new(),
            sets: BTreeMap::new(),
            invocations: BTreeMap::new(),
            duplicates,
            faults,
            calls: BTreeMap::new(),
            repeats: BTreeMap::new(),
            called: BTreeMap::new(),
        };
        state.deliver(event, setting);
        state
    }

    /// Tells states apart.
    pub fn fingerprint(&self) -> u128 {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, self.now, &self.sets, &self.duplicates, &self.faults).hash(&mut hasher);
            (&self.calls, &self.repeats, &self.called, &self.invocations).hash(&mut hasher);
            for (place, (_, digest)) in &self.items {
                (place, digest).hash(&mut hasher);
            }
            hasher.finish()
        };
        u128::from(half(0)) << 64 | u128::from(half(1))
    }

    /// Whether nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.invocations.is_empty()
    }

    /// Everything that may happen next.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = self.invocations.values().flat_map(|one| self.steps_of(one)).collect();
        let waits = self.invocations.values().any(|one| one.due > self.now);
        if waits && self.invocations.values().all(|one| one.is_idle()) {
            steps.push(Step::Wait);
        }
        steps
    }

    /// What may happen next with one invocation.
    pub fn steps_of(&self, one: &Invocation) -> Vec<Step> {
        let mut steps = Vec::new();
        let faulty = !one.forgotten && left(&self.faults, one.node) > 0;
        for Open { call, question, target } in &one.open {
            let answer = |lost, twice| Step::Answer { of: one.id.clone(), call: *call, lost, twice };
            steps.push(answer(false, false));
            if target.is_some_and(|node| left(&self.duplicates, node) > 0) {
                steps.push(answer(false, true));
            }
            if faulty && question.lost().is_some() {
                steps.push(answer(true, false));
            }
        }
        if faulty && one.has_begun() {
            steps.push(Step::Forget(one.id.clone()));
        }
        if one.forgotten {
            steps.push(Step::Die(one.id.clone()));
        }
        steps
    }

    /// The state after a step.
    ///
    /// # Errors
    ///
    /// What the step did that no step may do.
    pub fn after(&self, step: &Step, setting: Setting) -> Result<Self, Breach> {
        let mut next = self.clone();
        match step {
            Step::Wait => next.wait(setting),
            Step::Forget(id) => {
                let Some(one) = self.invocations.get(id) else { return Ok(next) };
                next.excuse(one);
                let given_up = Invocation { forgotten: true, ..(**one).clone() };
                next.invocations.insert(id.clone(), Arc::new(given_up));
                next.deliver(one.again(self.now, setting), setting);
            }
            Step::Die(id) => {
                next.invocations.remove(id);
                next.forget_calls_of(id);
            }
            Step::Answer { of, call, lost, twice } => {
                let Some(one) = self.invocations.get(of) else { return Ok(next) };
                let Some(open) = one.open.iter().find(|open| open.call == *call) else { return Ok(next) };
                let mut answer = next.answer(one, open, *twice, setting)?;
                if *lost {
                    next.excuse(one);
                    answer = open.question.lost().unwrap_or(answer);
                }
                next.step(one, *call, answer, setting)?;
            }
        }
        Ok(next)
    }

    fn step(
        &mut self,
        one: &Invocation,
        call: usize,
        answer: Answer,
        setting: Setting,
    ) -> Result<(), Breach> {
        let (stepped, started) = one.answered(call, answer, self.now, setting);
        for started in started {
            self.called.insert(one.id.request.clone(), started.clone());
            if !one.forgotten {
                *self.calls.entry(started).or_default() += 1;
            }
        }
        match stepped {
            Stepped::Goes(one) => {
                self.invocations.insert(one.id.clone(), Arc::new(one));
            }
            Stepped::Ended(ended) => {
                self.invocations.remove(&one.id);
                self.forget_calls_of(&one.id);
                match ended {
                    Err(error) if !one.forgotten && (error.is_refusal() || one.id.try_number >= TRIES) => {
                        return Err(format!("{} is given up: {error}", one.id));
                    }
                    Err(_) if !one.forgotten => self.deliver(one.again(self.now, setting), setting),
                    Ok(()) | Err(_) => {}
                }
            }
        }
        law::functions_are_called_once(self)
    }

    fn forget_calls_of(&mut self, id: &Id) {
        if self.invocations.keys().all(|other| other.request != id.request) {
            self.called.remove(&id.request);
        }
    }

    /// A fault hits an invocation: what it has called may have to be called again.
    fn excuse(&mut self, one: &Invocation) {
        take(&mut self.faults, one.node);
        if let Some(started) = self.called.get(&one.id.request) {
            *self.repeats.entry(started.clone()).or_default() += 1;
        }
    }

    fn deliver(&mut self, mut event: Invocation, setting: Setting) {
        event.begin(self.now, setting);
        self.invocations.insert(event.id.clone(), Arc::new(event));
    }

    fn wait(&mut self, setting: Setting) {
        let due = self.invocations.values().map(|one| one.due).filter(|due| *due > self.now);
        let Some(next) = due.min() else { return };
        self.now = next;
        let waiting: Vec<_> = self.invocations.values().filter(|one| !one.has_begun()).cloned().collect();
        for one in waiting {
            self.deliver((*one).clone(), setting);
        }
    }

    /// Does what is asked.
    fn answer(
        &mut self,
        by: &Invocation,
        Open { question, target, .. }: &Open,
        twice: bool,
        setting: Setting,
    ) -> Result<Answer, Breach> {
        Ok(match question {
            Question::Get(at) => Answer::Item(Ok(self.items.get(at).map(|(item, _)| item.clone()))),
            Question::Put(at, value, condition) => {
                let there = self.items.get(at).map(|(item, _)| item);
                let holds = match (condition, there) {
                    (Condition::Any, _) | (Condition::Absent, None) => true,
                    (Condition::Revision(wanted), Some(item)) => item.revision == *wanted,
                    _ => false,
                };
                if !holds {
                    return Ok(Answer::Put(Ok(Put::Refused(there.cloned()))));
                }
                let item = Item { value: value.clone(), revision: there.map_or(1, |item| item.revision + 1) };
                law::what_is_recorded_stays(at, there, &item)?;
                let revision = item.revision;
                let mut hasher = DefaultHasher::new();
                (&item.value, revision).hash(&mut hasher);
                self.items.insert(Arc::new(at.clone()), (item, hasher.finish()));
                Answer::Put(Ok(Put::Written(revision)))
            }
            Question::Add(at, member) => {
                let set = self.sets.entry(Arc::new(at.clone())).or_default();
                set.insert(*member);
                Answer::Set(Ok(set.clone()))
            }
            Question::Blob(at) => {
                Answer::Blob(BlobError::Missing { region: at.region.clone(), key: at.key.clone() })
            }
            Question::Send { to, body, not_before } => {
                let due = not_before.unwrap_or_default().max(self.now);
                let mut copies = vec![false];
                if let (true, Some(node)) = (twice, target) {
                    take(&mut self.duplicates, *node);
                    copies.push(true);
                }
                for duplicate in copies {
                    let id = Id { request: self.name_of(by, question, duplicate), try_number: 1 };
                    let (to, body) = (Arc::new(to.clone()), body.as_str().into());
                    let message = Invocation { duplicate, ..Invocation::new(id, to, body, due, setting) };
                    self.deliver(message, setting);
                }
                Answer::Sent(Ok(()))
            }
            Question::Sleep => Answer::Slept,
        })
    }

    /// A step in words.
    pub fn told(&self, step: &Step) -> String {
        match step {
            Step::Wait => "time passes until the next parked message is due".into(),
            Step::Forget(id) => format!("{id} is given up, and delivered again"),
            Step::Die(id) => format!("{id} does not go on"),
            Step::Answer { of, call, lost, twice } => {
                let one = self.invocations.get(of);
                let function = one.map_or("?", |one| one.to.function.as_str());
                let open = one.and_then(|one| one.open.iter().find(|open| open.call == *call));
                let question = open.map_or(String::new(), |open| open.question.to_string());
                let twice = if *twice { " (delivered twice)" } else { "" };
                let lost = if *lost { "; the answer is lost" } else { "" };
                format!("{function} {of}: {question}{twice}{lost}")
            }
        }
    }

    /// A name for a new delivery that does not depend on what else happens.
    fn name_of(&self, by: &Invocation, question: &Question, duplicate: bool) -> Arc<str> {
        let question = question.digest();
        let before = by.answers.iter().filter(|answered| answered.question == question).count();
        let mut hasher = DefaultHasher::new();
        (&by.id, question, duplicate, before).hash(&mut hasher);
        format!("{:06x}", hasher.finish() & 0xff_ffff).into()
    }
}

/// How much may still go wrong at a node.
fn left(mishaps: &Mishaps, node: NodeId) -> u8 {
    mishaps.get(&node).copied().unwrap_or_default()
}

fn take(mishaps: &mut Mishaps, node: NodeId) {
    if let Some(left) = mishaps.get_mut(&node) {
        *left = left.saturating_sub(1);
    }
}
