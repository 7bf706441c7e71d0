//! The Lambda entry: events of AWS Lambda in, the [`Shim`] behind it.
//!
//! | event | what it is |
//! |---|---|
//! | `{"Records":[{"Sns":{"Message":..}}]}` | a message from the function's topic |
//! | `{"requestContext":..,"requestPayload":..}` | what Lambda sends to a failure destination: a message was given up |
//! | `{"Records":[{"eventSource":"aws:sqs","body":..}]}` | from the function's queue: the same, a topic's undeliverable message, or a parked message, which goes to the topic when its time has come |
//! | `{"requestContext":{"http":..},..}` | a POST to the function URL, or to an HTTP API: starts a run |
//! | any other event that AWS is known to send | refused |
//! | any other JSON | a direct request |
//!
//! | module | what it holds |
//! |---|---|
//! | `delivery` | what an event asks for |
//! | `queue` | letters and parked messages, a batch at a time |
//! | `http` | runs that are started over HTTP |

mod delivery;
mod http;
mod queue;

use std::sync::atomic::{AtomicBool, Ordering};

use caribou_model::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[cfg(any(test, feature = "aws"))]
pub(crate) use self::delivery::NOT_BEFORE;
pub use self::delivery::{Delivery, GivenUp, UnreadableEvent};
pub use self::http::Post;
pub use self::queue::{Content, Queued};
use crate::local::SystemClock;
use crate::port::Clock;
use crate::shim::{Event, HandleError, Handled, Shim, excerpt};

/// The error type of an event that can never be handled: not to be retried, but to be kept.
pub const REFUSED: &str = "caribou.Refused";
/// The error type of a failed attempt: to be retried.
pub const FAILED: &str = "caribou.Failed";

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
        Delivery::Queue(queued) => {
            let work = |content| {
                let note = &note;
                async move {
                    match content {
                        Content::GivenUp(letter) => note(letter).await,
                        Content::Parked { body, not_before } => {
                            Ok(shim.deliver_parked(&body, not_before, deadline).await?)
                        }
                    }
                }
            };
            Ok(queue::work_through(queued, deadline, work).await)
        }
        Delivery::Http(post) => Ok(post.answer(shim, &event.context.request_id, deadline).await),
        Delivery::HttpOfAnotherKind => Ok(http::of_another_kind()),
    }
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
