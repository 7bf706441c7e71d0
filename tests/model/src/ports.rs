//! The ports of one invocation: each call puts a question on its desk and waits for the answer.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes as Content;
use caribou_runtime::Context;
use caribou_runtime::model::{Region, StageRecord, Timestamp};
use caribou_runtime::port::{
    BlobError, Blobs, Clock, Condition, Item, Page, Ports, ProcessMeter, Put, SendError, StageAddress, Store,
    StoreError, Telemetry, Transport,
};

use crate::call::{Answer, Place, Question};

/// What one invocation asks, and is told.
#[derive(Clone, Default)]
pub struct Desk {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    now: Timestamp,
    calls: Vec<Call>,
    started: Vec<Started>,
}

enum Call {
    Open(Question, Option<Waker>),
    Answered(Answer),
    Taken,
}

/// A call of an author's function that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Started {
    /// The stage's name.
    pub stage: String,
    /// The item, if the stage is a map.
    pub item: Option<u32>,
}

impl Desk {
    /// The ports behind which the desk stands.
    pub fn ports(&self) -> Ports {
        let desk = Arc::new(self.clone());
        Ports {
            transport: desk.clone(),
            store: desk.clone(),
            blobs: desk.clone(),
            clock: desk.clone(),
            telemetry: desk.clone(),
            meter: desk,
        }
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.inner().now = now;
    }

    /// Answers a question.
    pub fn answer(&self, call: usize, answer: Answer) {
        let mut inner = self.inner();
        let Some(slot) = inner.calls.get_mut(call) else { return };
        if let Call::Open(_, Some(waiting)) = std::mem::replace(slot, Call::Answered(answer)) {
            waiting.wake();
        }
    }

    /// The questions without an answer, by the number of their call.
    pub fn open(&self) -> Vec<(usize, Question)> {
        let inner = self.inner();
        let open = inner.calls.iter().enumerate().filter_map(|(call, slot)| match slot {
            Call::Open(question, _) => Some((call, question.clone())),
            Call::Answered(_) | Call::Taken => None,
        });
        open.collect()
    }

    /// Takes the calls of authors' functions since the last time.
    pub fn take_started(&self) -> Vec<Started> {
        std::mem::take(&mut self.inner().started)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, question: Question) -> Answer {
        let call = {
            let mut inner = self.inner();
            inner.calls.push(Call::Open(question, None));
            inner.calls.len() - 1
        };
        poll_fn(|context| {
            let mut inner = self.inner();
            let Some(slot) = inner.calls.get_mut(call) else { return Poll::Pending };
            match std::mem::replace(slot, Call::Taken) {
                Call::Answered(answer) => Poll::Ready(answer),
                Call::Taken => Poll::Pending,
                Call::Open(question, _) => {
                    *slot = Call::Open(question, Some(context.waker().clone()));
                    Poll::Pending
                }
            }
        })
        .await
    }
}

fn place(region: &Region, key: &str) -> Place {
    Place { region: region.clone(), key: key.to_owned() }
}

fn strange(region: &Region, operation: &'static str) -> StoreError {
    StoreError { region: region.clone(), operation, cause: "the answer is to another question".into(), refused: false }
}

#[async_trait]
impl Transport for Desk {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let question = Question::Send { to: to.clone(), body: body.to_owned(), not_before };
        match self.ask(question).await {
            Answer::Sent(sent) => sent,
            _ => Err(SendError::Ambiguous { region: to.region.clone(), cause: "a strange answer".into() }),
        }
    }
}

#[async_trait]
impl Store for Desk {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        match self.ask(Question::Get(place(region, key))).await {
            Answer::Item(item) => item,
            _ => Err(strange(region, "get")),
        }
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Content,
        condition: Condition,
        _expires: Timestamp,
    ) -> Result<Put, StoreError> {
        match self.ask(Question::Put(place(region, key), value, condition)).await {
            Answer::Put(put) => put,
            _ => Err(strange(region, "put")),
        }
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        _expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        match self.ask(Question::Add(place(region, key), member)).await {
            Answer::Set(set) => set,
            _ => Err(strange(region, "add")),
        }
    }

    async fn list(&self, region: &Region, _: &str, _: Option<&str>, _: u16) -> Result<Page, StoreError> {
        Err(strange(region, "list; handlers make no such call"))
    }
}

#[async_trait]
impl Blobs for Desk {
    async fn put(
        &self,
        region: &Region,
        key: &str,
        _content: Content,
        _expires: Timestamp,
    ) -> Result<(), BlobError> {
        let cause = "no value here is large".into();
        Err(BlobError::Unreachable { region: region.clone(), key: key.to_owned(), cause })
    }

    async fn get(&self, region: &Region, key: &str) -> Result<Content, BlobError> {
        match self.ask(Question::Blob(place(region, key))).await {
            Answer::Blob(error) => Err(error),
            _ => Err(BlobError::Missing { region: region.clone(), key: key.to_owned() }),
        }
    }
}

#[async_trait]
impl Clock for Desk {
    fn now(&self) -> Timestamp {
        self.inner().now
    }

    async fn sleep(&self, _: Duration) {
        self.ask(Question::Sleep).await;
    }
}

impl Telemetry for Desk {
    fn record(&self, _: &StageRecord) {}

    fn started(&self, attempt: &Context) {
        let Context { stage, item, .. } = attempt.clone();
        self.inner().started.push(Started { stage, item });
    }
}

impl ProcessMeter for Desk {
    fn cpu_time(&self) -> Option<Duration> {
        None
    }

    fn cpu_model(&self) -> Option<String> {
        None
    }

    fn peak_memory_mb(&self) -> Option<f64> {
        None
    }
}
