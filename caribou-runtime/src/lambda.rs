//! The Lambda entry: events of AWS Lambda in, the [`Shim`] behind it.
//!
//! | event | what it is |
//! |---|---|
//! | `{"Records":[{"Sns":{"Message":..}}]}` | a message from the function's topic |
//! | `{"requestContext":..,"requestPayload":..}` | what Lambda sends to a failure destination: a message was given up |
//! | `{"Records":[{"eventSource":"aws:sqs","body":..}]}` | the same, or a topic's undeliverable message, from a queue |
//! | any other JSON | a direct request |

use std::sync::atomic::{AtomicBool, Ordering};

use caribou_model::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::local::SystemClock;
use crate::port::Clock;
use crate::shim::{Event, HandleError, Handled, Shim, excerpt};

/// The error type of an event that can never be handled: not to be retried, but to be kept.
pub const REFUSED: &str = "caribou.Refused";
/// The error type of a failed attempt: to be retried.
pub const FAILED: &str = "caribou.Failed";

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To handle a message or a request.
    Handle {
        /// Its text.
        body: String,
        /// Its id, if it came from a topic.
        message_id: Option<String>,
    },
    /// To note that a message was given up.
    GivenUp(GivenUp),
    /// The same, from a queue, each on its own.
    Queue(Vec<Queued>),
}

/// A message of the queue of dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id in the queue, by which it is told that it is to stay there.
    pub id: String,
    /// What was given up.
    pub letter: Result<GivenUp, UnreadableEvent>,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Its text.
    pub body: String,
    /// Its id, if it came from a topic.
    pub message_id: Option<String>,
    /// The request id of the attempts at it, if there were any.
    pub request_id: Option<String>,
    /// Why it was given up.
    pub reason: String,
}

/// An event that is none of those above.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event cannot be read: {0}")]
pub struct UnreadableEvent(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    request_context: Option<RequestContext>,
    request_payload: Option<Box<RawValue>>,
    response_payload: Option<ResponsePayload>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "messageId", default)]
    id: String,
    #[serde(rename = "Sns")]
    sns: Option<Sns>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Sns {
    #[serde(rename = "Message")]
    message: String,
    #[serde(rename = "MessageId")]
    message_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: String,
    condition: String,
    #[serde(default)]
    approximate_invoke_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePayload {
    error_message: Option<String>,
}

impl Delivery {
    /// Finds out what an event asks for.
    ///
    /// # Errors
    ///
    /// [`UnreadableEvent`] if it looks like one of AWS's own events, but lacks what they have.
    pub fn read(event: &str) -> Result<Self, UnreadableEvent> {
        let envelope = match serde_json::from_str::<Envelope>(event) {
            Ok(envelope) if envelope.records.is_some() || envelope.request_payload.is_some() => envelope,
            Ok(_) => return Ok(Self::Handle { body: event.to_owned(), message_id: None }),
            Err(_) if !event.trim_start().starts_with('{') => {
                return Ok(Self::Handle { body: event.to_owned(), message_id: None });
            }
            Err(error) => return Err(UnreadableEvent(error.to_string())),
        };
        if let Some(payload) = envelope.request_payload {
            let given_up = given_up(&payload, envelope.request_context, envelope.response_payload)?;
            return Ok(Self::GivenUp(given_up));
        }
        let mut records = envelope.records.unwrap_or_default();
        if records.iter().all(|record| record.body.is_some()) && !records.is_empty() {
            let queued = records.into_iter().filter_map(|record| {
                let letter = from_queue(&record.body?);
                Some(Queued { id: record.id, letter })
            });
            return Ok(Self::Queue(queued.collect()));
        }
        match (records.pop().and_then(|record| record.sns), records.is_empty()) {
            (Some(sns), true) => Ok(Self::Handle { body: sns.message, message_id: sns.message_id }),
            _ => Err(UnreadableEvent("it must have exactly one record, from SNS".to_owned())),
        }
    }
}

fn given_up(
    payload: &RawValue,
    context: Option<RequestContext>,
    response: Option<ResponsePayload>,
) -> Result<GivenUp, UnreadableEvent> {
    let Delivery::Handle { body, message_id } = Delivery::read(payload.get())? else {
        return Err(UnreadableEvent("what was given up is no message itself".to_owned()));
    };
    let said = response.and_then(|response| response.error_message);
    let (request_id, condition) = match context {
        Some(context) => {
            let attempts = context.approximate_invoke_count;
            (Some(context.request_id), format!("{} after {attempts} attempts", context.condition))
        }
        None => (None, "given up".to_owned()),
    };
    let reason = said.map_or(condition.clone(), |said| format!("{condition}: {said}"));
    Ok(GivenUp { body, message_id, request_id, reason })
}

/// A message in the queue of dead letters: from Lambda's failure destination, or from an SNS subscription.
fn from_queue(body: &str) -> Result<GivenUp, UnreadableEvent> {
    if let Ok(Sns { message, message_id }) = serde_json::from_str(body) {
        let reason = "the topic could not deliver it to the function".to_owned();
        return Ok(GivenUp { body: message, message_id, request_id: None, reason });
    }
    match Delivery::read(body)? {
        Delivery::GivenUp(letter) => Ok(letter),
        _ => Err(UnreadableEvent("the queue's message is no notice of a failure".to_owned())),
    }
}

/// Serves events until the platform ends this process. Returns only when the Lambda Runtime API cannot be reached any
/// more: the process is to end then.
///
/// # Errors
///
/// What `lambda_runtime` says about the Runtime API.
///
/// # Panics
///
/// If the variables that Lambda sets are missing: `AWS_LAMBDA_RUNTIME_API`, `AWS_LAMBDA_FUNCTION_NAME`,
/// `AWS_LAMBDA_FUNCTION_VERSION`, `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`.
pub async fn serve(shim: Shim) -> Result<(), lambda_runtime::Error> {
    let cold = AtomicBool::new(true);
    let (shim, cold) = (&shim, &cold);
    let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let cold = cold.swap(false, Ordering::Relaxed);
        handle(shim, event, cold).await
    });
    lambda_runtime::Runtime::new(handler).run().await
}

async fn handle(
    shim: &Shim,
    event: LambdaEvent<Box<RawValue>>,
    cold: bool,
) -> Result<serde_json::Value, Diagnostic> {
    let received = SystemClock.now();
    let deadline = Timestamp::from_millis(event.context.deadline);
    let event_of =
        |body, message_id, request_id| Event { body, request_id, message_id, deadline, received, cold };
    let note = |GivenUp { body, message_id, request_id, reason }: GivenUp| {
        let request_id = request_id.unwrap_or_else(|| event.context.request_id.clone());
        let event = event_of(body, message_id, request_id);
        async move { shim.handle_failure(event, &reason).await }
    };
    let refused = |error: UnreadableEvent| diagnostic(REFUSED, error.to_string());
    match Delivery::read(event.payload.get()).map_err(refused)? {
        Delivery::Handle { body, message_id } => {
            let handled = shim.handle(event_of(body, message_id, event.context.request_id.clone())).await;
            handled.map(|handled| summary(&handled)).map_err(|error| failure(&error))
        }
        Delivery::GivenUp(letter) => {
            note(letter).await.map_err(|error| failure(&error))?;
            Ok(serde_json::json!({ "handled": "given_up" }))
        }
        Delivery::Queue(queued) => Ok(note_all(queued, note).await),
    }
}

/// Notes every letter of a queue; answers which are to stay there, as SQS wants it (`ReportBatchItemFailures`).
async fn note_all<F>(queued: Vec<Queued>, note: impl Fn(GivenUp) -> F) -> serde_json::Value
where
    F: Future<Output = Result<(), HandleError>>,
{
    let mut stay = Vec::new();
    for Queued { id, letter } in queued {
        let error = match letter {
            Ok(letter) => note(letter).await.err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error {
            tracing::error!(id, error = excerpt(error), "a dead letter stays in its queue");
            stay.push(serde_json::json!({ "itemIdentifier": id }));
        }
    }
    serde_json::json!({ "batchItemFailures": stay })
}

fn summary(handled: &Handled) -> serde_json::Value {
    match handled {
        Handled::Done => serde_json::json!({ "handled": "done" }),
        Handled::Duplicate => serde_json::json!({ "handled": "duplicate" }),
        Handled::Parked { until } => serde_json::json!({ "handled": "parked", "until": until }),
        Handled::Accepted { run } => serde_json::json!({ "handled": "accepted", "run": run }),
    }
}

fn failure(error: &HandleError) -> Diagnostic {
    diagnostic(if error.is_refusal() { REFUSED } else { FAILED }, error.to_string())
}

fn diagnostic(error_type: &str, error_message: String) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: excerpt(error_message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM_SNS: &str = r#"{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0",
        "EventSubscriptionArn":"arn:aws:sns:us-east-1:123456789012:t:s","Sns":{"Type":"Notification",
        "MessageId":"95df01b4","TopicArn":"arn:aws:sns:us-east-1:123456789012:t","Subject":null,
        "Message":"hello","Timestamp":"2026-01-01T00:00:00.000Z","MessageAttributes":{}}}]}"#;

    fn destination() -> String {
        format!(
            r#"{{"version":"1.0","timestamp":"2026-01-01T00:00:00.000Z","requestContext":{{"requestId":"r-1",
            "functionArn":"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition":"RetriesExhausted","approximateInvokeCount":3}},"requestPayload":{FROM_SNS},
            "responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},
            "responsePayload":{{"errorType":"caribou.Failed","errorMessage":"no luck"}}}}"#
        )
    }

    fn letter() -> GivenUp {
        GivenUp {
            body: "hello".into(),
            message_id: Some("95df01b4".into()),
            request_id: Some("r-1".into()),
            reason: "RetriesExhausted after 3 attempts: no luck".into(),
        }
    }

    #[test]
    fn a_message_is_taken_out_of_its_notification() {
        assert_eq!(
            Delivery::read(FROM_SNS).unwrap(),
            Delivery::Handle { body: "hello".into(), message_id: Some("95df01b4".into()) }
        );
    }

    #[test]
    fn any_other_json_is_a_request_as_it_is() {
        for request in [r#"{"caribou":1,"n":1.0}"#, "[1]", "7", r#""text""#] {
            assert_eq!(
                Delivery::read(request).unwrap(),
                Delivery::Handle { body: request.into(), message_id: None }
            );
        }
    }

    #[test]
    fn a_failure_destination_tells_what_was_given_up_and_why() {
        assert_eq!(Delivery::read(&destination()).unwrap(), Delivery::GivenUp(letter()));
    }

    #[test]
    fn the_same_comes_from_a_queue_and_so_do_undeliverable_notifications() {
        let notification = r#"{"Type":"Notification","MessageId":"m","Message":"hello"}"#;
        let record =
            |body: &str| serde_json::json!({ "eventSource": "aws:sqs", "messageId": "q", "body": body });
        let event = serde_json::json!({ "Records": [record(&destination()), record(notification)] });
        let Delivery::Queue(queued) = Delivery::read(&event.to_string()).unwrap() else { panic!("message") };
        let letters: Vec<GivenUp> = queued.into_iter().map(|queued| queued.letter.unwrap()).collect();
        assert_eq!(letters[0], letter());
        assert_eq!((letters[1].body.as_str(), &letters[1].request_id), ("hello", &None));
        assert_eq!(letters[1].message_id.as_deref(), Some("m"));
    }

    #[test]
    fn an_event_without_its_message_is_refused() {
        for event in [r#"{"Records":[]}"#, r#"{"Records":[{"s3":{}}]}"#, r#"{"Records":7}"#] {
            assert!(Delivery::read(event).is_err(), "{event}");
        }
    }

    #[tokio::test]
    async fn a_letter_that_cannot_be_noted_stays_in_its_queue_and_keeps_no_other_from_being_noted() {
        let record = |id: &str, body: &str| serde_json::json!({ "eventSource": "aws:sqs", "messageId": id, "body": body });
        let refused = destination().replace("hello", "no message");
        let records = [record("a", "unreadable"), record("b", &refused), record("c", &destination())];
        let event = serde_json::json!({ "Records": records }).to_string();
        let Delivery::Queue(queued) = Delivery::read(&event).unwrap() else { panic!("message") };
        let noted = std::sync::Mutex::new(Vec::new());
        let answer = note_all(queued, |letter| {
            noted.lock().unwrap().push(letter.body.clone());
            async move {
                let key = letter.body;
                if key == "hello" { Ok(()) } else { Err(HandleError::Gone { key }) }
            }
        });
        let stay = serde_json::json!([{ "itemIdentifier": "a" }, { "itemIdentifier": "b" }]);
        assert_eq!(answer.await, serde_json::json!({ "batchItemFailures": stay }));
        assert_eq!(noted.into_inner().unwrap(), ["no message", "hello"]);
    }
}
