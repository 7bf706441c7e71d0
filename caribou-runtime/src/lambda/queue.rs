//! The messages of a function's queue: letters and what is parked.

use std::time::Duration;

use caribou_model::{Region, Timestamp};
use futures_util::future::join_all;

use super::delivery::{GivenUp, UnreadableEvent};
use crate::local::SystemClock;
use crate::message::Message;
use crate::port::{Clock as _, SendError};
use crate::request::Request;
use crate::shim::{HandleError, Shim, excerpt};

/// A message of the function's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id in the queue, by which it is told that it is to stay there.
    pub id: String,
    /// What it is.
    pub content: Result<Content, UnreadableEvent>,
}

/// What a message of the function's queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A message that was given up.
    GivenUp(GivenUp),
    /// A message that was not to be delivered before a certain time. It may come too early: SQS delays 15 minutes at most.
    Parked {
        /// Its text.
        body: String,
        /// When it is to be delivered.
        not_before: Timestamp,
    },
}

/// What is left of the invocation's time for the answer.
const RESERVE: Duration = Duration::from_millis(300);
/// For how long a message is parked whose topic does not take it.
const PARKED_AGAIN: Duration = Duration::from_mins(1);

impl Shim {
    /// Hands a parked message to the topic. What that does not take is parked anew until its run is overdue: SQS gives a message
    /// up after a few receives, and a topic may be out of reach for longer.
    pub(super) async fn deliver_parked(
        &self,
        body: &str,
        not_before: Timestamp,
        deadline: Timestamp,
    ) -> Result<(), SendError> {
        let region = &self.deployment().region;
        let begun = SystemClock.now();
        let patience = begun.plus(deadline.since(begun) / 2);
        // a single call may take longer than that
        let sent = self.hand_on(region, body, Some(not_before), patience);
        let sent = tokio::time::timeout(patience.since(begun), sent).await;
        let error = match sent.unwrap_or_else(|_| Err(no_answer(region))) {
            Err(error) if !matches!(error, SendError::Unsendable { .. }) => error,
            sent => return sent,
        };
        let now = SystemClock.now();
        if not_before > now || self.is_overdue(body, now) {
            return Err(error);
        }
        tracing::warn!(%error, "a parked message is parked again");
        self.hand_on(region, body, Some(now.plus(PARKED_AGAIN)), deadline).await
    }

    /// Whether the run of a message or a request is over. Of a request that does not say when it was sent nobody knows.
    fn is_overdue(&self, body: &str, now: Timestamp) -> bool {
        let deadline = Message::decode(body).map(|message| message.pin.deadline).ok().or_else(|| {
            let sent = Request::decode(body).ok()?.sent?;
            Some(sent.plus(self.deployment().run_deadline))
        });
        deadline.is_none_or(|deadline| deadline <= now)
    }
}

fn no_answer(region: &Region) -> SendError {
    SendError::Ambiguous { region: region.clone(), cause: "no answer in time".to_owned() }
}

/// Works on all messages at the same time, so that none keeps another back; answers which are to stay in the queue, as SQS
/// wants it (`ReportBatchItemFailures`). What is not done when the invocation's time is nearly over stays.
pub(super) async fn work_through<F>(
    queued: Vec<Queued>,
    deadline: Timestamp,
    work: impl Fn(Content) -> F,
) -> serde_json::Value
where
    F: Future<Output = Result<(), HandleError>>,
{
    let within = deadline.since(SystemClock.now()).saturating_sub(RESERVE);
    let each = queued.into_iter().map(|Queued { id, content }| {
        let work = content.map(&work);
        async move {
            let error = match work {
                Ok(work) => match tokio::time::timeout(within, work).await {
                    Ok(Ok(())) => return None,
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "the invocation's time was over before it was done".to_owned(),
                },
                Err(error) => error.to_string(),
            };
            tracing::error!(id, error = excerpt(error), "a message stays in the function's queue");
            Some(serde_json::json!({ "itemIdentifier": id }))
        }
    });
    let stay: Vec<_> = join_all(each).await.into_iter().flatten().collect();
    serde_json::json!({ "batchItemFailures": stay })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::delivery::tests::destination;
    use super::super::http::tests::Bench;
    use super::super::{Delivery, NOT_BEFORE};
    use super::*;
    use crate::message::tests::message;
    use crate::port::{Ports, StageAddress, Transport};

    /// Parks what is not due, and publishes nothing: it refuses, or it does not answer.
    #[derive(Default)]
    struct OutOfReach {
        parked: Mutex<Vec<(String, Timestamp)>>,
        is_silent: bool,
    }

    #[async_trait::async_trait]
    impl Transport for OutOfReach {
        async fn send(
            &self,
            to: &StageAddress,
            body: &str,
            not_before: Option<Timestamp>,
        ) -> Result<(), SendError> {
            match not_before.filter(|instant| *instant > SystemClock.now()) {
                Some(instant) => self.parked.lock().unwrap().push((body.to_owned(), instant)),
                None if self.is_silent => std::future::pending().await,
                None => {
                    return Err(SendError::Refused { region: to.region.clone(), cause: "not now".into() });
                }
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_parked_message_whose_topic_does_not_take_it_is_parked_anew_until_its_run_is_overdue() {
        let now = SystemClock.now();
        let (due, deadline) = (now.plus(Duration::from_mins(50)), now.plus(Duration::from_secs(2)));
        let message_until = |deadline| {
            let mut message = message(&["us-east-1"]);
            message.pin.deadline = deadline;
            message.encode().unwrap()
        };
        // the workflow's runs take an hour at the most
        let request_until = |deadline: Timestamp| {
            let sent_ms = deadline.as_millis() - 3_600_000;
            format!(r#"{{"caribou":1,"request":{{"workflow":"press","sent":{sent_ms}}}}}"#)
        };
        for is_silent in [false, true] {
            let topic = Arc::new(OutOfReach { is_silent, ..OutOfReach::default() });
            let transport = topic.clone();
            let bench = Bench::new("resize", |ports| Ports { transport, ..ports });
            for body in [message_until(due), request_until(due)] {
                bench.shim.deliver_parked(&body, now, deadline).await.unwrap();
                let parked = std::mem::take(&mut *topic.parked.lock().unwrap());
                let [(again, instant)] = <[_; 1]>::try_from(parked).unwrap();
                assert_eq!(again, body);
                assert!(instant >= now.plus(PARKED_AGAIN) && instant <= deadline.plus(PARKED_AGAIN));
            }
            for body in [message_until(now), request_until(now)] {
                bench.shim.deliver_parked(&body, now, deadline).await.unwrap_err();
                assert!(topic.parked.lock().unwrap().is_empty());
            }
        }
    }

    fn batch(records: &[(&str, &str, Option<&str>)]) -> Vec<Queued> {
        let record = |(id, body, until): &(&str, &str, Option<&str>)| {
            let attributes = until.map(|until| serde_json::json!({ NOT_BEFORE: { "stringValue": until } }));
            serde_json::json!({ "eventSource": "aws:sqs", "messageId": id, "body": body, "messageAttributes": attributes })
        };
        let event = serde_json::json!({ "Records": records.iter().map(record).collect::<Vec<_>>() });
        let Delivery::Queue(queued) = Delivery::read(&event.to_string()).unwrap() else { panic!("a batch") };
        queued
    }

    #[tokio::test]
    async fn what_cannot_be_done_stays_in_its_queue_and_keeps_no_other_from_being_done() {
        let refused = destination().replace("hello", "no message");
        let never = destination().replace("hello", "never");
        let queued = batch(&[
            ("unreadable", "unreadable", None),
            ("no time", "later", Some("soon")),
            ("never", &never, None),
            ("refused", &refused, None),
            ("good", &destination(), None),
            ("parked", "later", Some("17")),
        ]);
        let done = std::sync::Mutex::new(Vec::new());
        let deadline = SystemClock.now().plus(RESERVE + Duration::from_millis(50));
        let answer = work_through(queued, deadline, |content| {
            let (Content::GivenUp(GivenUp { body, .. }) | Content::Parked { body, .. }) = content;
            let done = &done;
            async move {
                match body.as_str() {
                    "never" => std::future::pending().await,
                    "no message" => Err(HandleError::Gone { key: body }),
                    _ => {
                        done.lock().unwrap().push(body);
                        Ok(())
                    }
                }
            }
        });
        let stay = ["unreadable", "no time", "never", "refused"];
        let stay = stay.map(|id| serde_json::json!({ "itemIdentifier": id }));
        assert_eq!(answer.await, serde_json::json!({ "batchItemFailures": stay }));
        assert_eq!(done.into_inner().unwrap(), ["hello", "later"]);
    }
}
