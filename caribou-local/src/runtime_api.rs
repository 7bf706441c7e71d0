//! The Lambda Runtime API, one host for each instance: `/instances/ID/2018-06-01/runtime/...`.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use caribou_runtime::lambda::FAILED;
use http::StatusCode;
use serde::Deserialize;

use crate::event::{event, function_arn};
use crate::message::Failure;
use crate::platform::Platform;
use crate::refusal::Refusal;
use crate::scheduler::InstanceId;

const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");

pub(crate) fn routes() -> Router<Arc<Platform>> {
    let runtime = "/instances/{instance}/2018-06-01/runtime";
    Router::new()
        .route(&format!("{runtime}/invocation/next"), get(next))
        .route(&format!("{runtime}/invocation/{{request}}/response"), post(response))
        .route(&format!("{runtime}/invocation/{{request}}/error"), post(error))
        .route(&format!("{runtime}/init/error"), post(init_error))
}

async fn next(
    State(platform): State<Arc<Platform>>,
    Path(instance): Path<InstanceId>,
) -> Result<Response, Refusal> {
    let Some(invocation) = platform.next(instance).await? else {
        return Err(Refusal::new(StatusCode::GONE, "there is no further event for this instance", "end it"));
    };
    let body = event(&invocation.message, &invocation.body);
    let headers = [
        (REQUEST_ID, invocation.message.request_id),
        (DEADLINE_MS, invocation.deadline.as_millis().to_string()),
        (FUNCTION_ARN, function_arn(&invocation.message.to)),
        (TRACE_ID, trace_id(&invocation.message.id, invocation.message.published.as_millis())),
        (http::header::CONTENT_TYPE, "application/json".to_owned()),
    ];
    Ok((headers.map(|(name, value)| (name, value)), body).into_response())
}

/// A trace id in X-Ray's form: its time and 96 bits of the message's id.
fn trace_id(message_id: &str, published_ms: u64) -> String {
    let hex: String = message_id.chars().filter(char::is_ascii_hexdigit).take(24).collect();
    format!("Root=1-{:08x}-{hex};Sampled=0", published_ms / 1000)
}

async fn response(
    State(platform): State<Arc<Platform>>,
    Path((instance, request)): Path<(InstanceId, String)>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    finished(&platform, instance, &request, Ok(body))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Diagnostic {
    error_type: String,
    error_message: String,
}

async fn error(
    State(platform): State<Arc<Platform>>,
    Path((instance, request)): Path<(InstanceId, String)>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let failure = match serde_json::from_slice::<Diagnostic>(&body) {
        Ok(error) => Failure { kind: error.error_type, reason: error.error_message },
        Err(_) => Failure { kind: FAILED.to_owned(), reason: String::from_utf8_lossy(&body).into_owned() },
    };
    finished(&platform, instance, &request, Err(failure))
}

fn finished(
    platform: &Arc<Platform>,
    instance: InstanceId,
    request: &str,
    outcome: Result<Bytes, Failure>,
) -> Result<StatusCode, Refusal> {
    if platform.finished(instance, request, outcome) {
        return Ok(StatusCode::ACCEPTED);
    }
    let error = format!("instance {instance} is not handling request {request}");
    Err(Refusal::new(StatusCode::GONE, error, "ask for the next event"))
}

async fn init_error(
    State(platform): State<Arc<Platform>>,
    Path(instance): Path<InstanceId>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let kind = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let text = match serde_json::from_slice::<Diagnostic>(&body) {
        Ok(error) => error.error_message,
        Err(_) => String::from_utf8_lossy(&body).into_owned(),
    };
    platform.did_not_start(instance, format!("{}: {text}", kind.unwrap_or("Runtime.InitError")));
    StatusCode::ACCEPTED
}
