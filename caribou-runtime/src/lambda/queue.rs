//! The messages of a function's queue: letters and what is parked.

use std::time::Duration;

use caribou_model::Timestamp;
use futures_util::future::join_all;

use super::delivery::{GivenUp, UnreadableEvent};
use crate::local::SystemClock;
use crate::port::Clock as _;
use crate::shim::{HandleError, excerpt};

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
    use super::super::delivery::tests::destination;
    use super::super::{Delivery, NOT_BEFORE};
    use super::*;

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
