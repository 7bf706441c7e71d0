//! Runs that are started over HTTP: by a function URL, or by an HTTP API of API Gateway (payload format 2.0).
//!
//! | answer | when |
//! |---|---|
//! | 202 `{"run":..}` | the request was handed to the function's topic |
//! | 400 | the body is no JSON, or a request that cannot be handled |
//! | 404 | this function receives no requests |
//! | 405 | it is no POST |
//! | 413 | the input is larger than 6 MB |
//! | 415 | the body is said to be something else than JSON |
//! | 501 | it came by a REST API or a load balancer |
//! | 503 | the platform did not take the request; the same again, with the same key, is the same run |
//!
//! Whatever is refused says so in JSON: `{"error":..,"remedy":..}`.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use caribou_model::{RunId, Timestamp};
use serde_json::{Value as Json, json};

use crate::client::{INPUT_KEPT, LARGEST_INLINE};
use crate::local::SystemClock;
use crate::port::Clock as _;
use crate::request::{Request, is_traceparent};
use crate::shim::{Refusal, Shim, run_of};
use crate::{BlobReference, key};

/// The largest body, in bytes: that of Lambda.
const LARGEST: usize = 6 * 1024 * 1024;
/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;
/// How long the caller waits at most for a topic that does not take the request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The method.
    pub method: String,
    /// Headers, their names in small letters.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
    /// Whether the body is in base64.
    pub is_base64: bool,
    /// When AWS received it.
    pub received: Option<Timestamp>,
}

/// An answer that starts nothing.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    status: u16,
    error: String,
    remedy: &'static str,
}

fn refused<T>(status: u16, error: impl Into<String>, remedy: &'static str) -> Result<T, Refused> {
    Err(Refused { status, error: error.into(), remedy })
}

/// What is answered to an HTTP event of another kind.
pub(super) fn of_another_kind() -> Json {
    let remedy = "use a function URL, or an HTTP API of API Gateway with payload format version 2.0";
    let error = "requests by a REST API or a load balancer are not understood".to_owned();
    answer_of(Err(Refused { status: 501, error, remedy }))
}

impl Post {
    /// Hands the request to the function's topic, and answers. `request_id` is that of the invocation.
    pub(super) async fn answer(self, shim: &Shim, request_id: &str) -> Json {
        answer_of(self.accept(shim, request_id).await)
    }

    async fn accept(self, shim: &Shim, request_id: &str) -> Result<RunId, Refused> {
        let mut request = self.read(shim, request_id)?;
        let run = request.run.clone().unwrap_or_else(|| run_of(request_id));
        request.run = Some(run.clone());
        shim.check_request(&request).or_else(|refusal| {
            let (status, remedy) = match refusal {
                Refusal::NotTheEntry { .. } => (404, "ask the function URL of the function that is named"),
                _ => (400, "ask for what is deployed here, or deploy what is asked for"),
            };
            refused(status, refusal.to_string(), remedy)
        })?;
        let sent = shim.hand_in(request, SystemClock.now().plus(PATIENCE)).await;
        match sent {
            Ok(()) => Ok(run),
            Err(error) => {
                tracing::error!(%run, %error, "a request was not handed in");
                let remedy = "send it again, with `idempotency-key` set to this run: that is safe";
                refused(503, format!("run `{run}` was not started for certain: {error}"), remedy)
            }
        }
    }

    /// What is asked for.
    fn read(self, shim: &Shim, request_id: &str) -> Result<Request, Refused> {
        if self.method != "POST" {
            let error = format!("{} starts no run", self.method.escape_debug());
            return refused(405, error, "send a POST with the workflow's input as JSON");
        }
        let header = |name: &str| self.headers.get(name).map(|value| value.trim());
        let media = header("content-type").map(|value| value.split(';').next().unwrap_or_default().trim());
        let is_json = |media: &str| {
            let media = media.to_ascii_lowercase();
            media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
        };
        if let Some(media) = media.filter(|media| !media.is_empty() && !is_json(media)) {
            let error = format!("the body is said to be `{}`", media.escape_debug());
            return refused(415, error, "send JSON, with the header `content-type: application/json`");
        }
        let key = header("idempotency-key").map(|key| key.trim_matches('"').to_owned());
        if let Some(key) = key.as_ref().filter(|key| key.is_empty() || key.len() > LONGEST_KEY) {
            let error = format!("the header `idempotency-key` has {} bytes", key.len());
            return refused(400, error, "choose a key of 1 to 255 bytes, such as a UUID");
        }
        let traceparent = header("traceparent").filter(|text| is_traceparent(text)).map(str::to_owned);
        let text = if self.is_base64 {
            let decoded = STANDARD.decode(&self.body).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            match decoded {
                Some(text) => text,
                None => return refused(400, "the body is no text in UTF-8", "send JSON in UTF-8"),
            }
        } else {
            self.body
        };
        if text.len() > LARGEST {
            let error = format!("the body has {} bytes, and may have {LARGEST}", text.len());
            return refused(413, error, "put the input where the workflow can fetch it, and send its name");
        }
        let input = match text.trim() {
            "" => Json::Null,
            text => match serde_json::from_str::<Json>(text) {
                Ok(input) => input,
                Err(error) => {
                    return refused(
                        400,
                        format!("the body is no JSON: {error}"),
                        "send the workflow's input as JSON",
                    );
                }
            },
        };
        let is_request = input.get("caribou").is_some() && input.get("request").is_some();
        let mut request = if is_request {
            match Request::decode(&text) {
                Ok(request) => request,
                Err(error) => {
                    return refused(
                        400,
                        error.to_string(),
                        "mend the request, or send the workflow's input alone",
                    );
                }
            }
        } else {
            Request { input, ..shim.request() }
        };
        let asked = key.as_deref().map(run_of);
        if let (Some(run), Some(asked)) = (&request.run, &asked)
            && run != asked
        {
            let error =
                format!("the request is for run `{run}`, and the header `idempotency-key` for `{asked}`");
            return refused(400, error, "leave one of them out");
        }
        request.run = Some(request.run.or(asked).unwrap_or_else(|| run_of(request_id)));
        request.sent = request.sent.or(self.received);
        request.traceparent = request.traceparent.or(traceparent);
        Ok(request)
    }
}

impl Shim {
    /// Hands a request to the topic of this function, where its input is too large by way of a blob; home if the region does
    /// not take it.
    async fn hand_in(&self, mut request: Request, deadline: Timestamp) -> Result<(), String> {
        let (region, home) = (&self.deployment().region, &self.deployment().home);
        let text = request.input.to_string();
        if request.input_blob.is_none() && text.len() > LARGEST_INLINE {
            let run = request.run.clone().ok_or("the request has no run")?;
            let key = key::input(&request.workflow, &run);
            let (bytes, kept) = (text.len() as u64, SystemClock.now().plus(INPUT_KEPT));
            let put = self.ports().blobs.put(region, &key, Bytes::from(text), kept).await;
            put.map_err(|error| error.to_string())?;
            request.input = Json::Null;
            request.input_blob = Some(BlobReference { region: region.clone(), key, bytes });
        }
        let body = request.encode().map_err(|error| error.to_string())?;
        match self.hand_on(region, &body, None, deadline).await {
            Err(error) if region != home => {
                tracing::warn!(%error, "the request goes home");
                self.hand_on(home, &body, None, deadline).await.map_err(|error| error.to_string())
            }
            sent => sent.map_err(|error| error.to_string()),
        }
    }
}

fn answer_of(accepted: Result<RunId, Refused>) -> Json {
    let mut headers = json!({ "content-type": "application/json" });
    let (status, body) = match accepted {
        Ok(run) => (202, json!({ "run": run })),
        Err(Refused { status, error, remedy }) => (status, json!({ "error": error, "remedy": remedy })),
    };
    match status {
        405 => headers["allow"] = "POST".into(),
        503 => headers["retry-after"] = "1".into(),
        _ => {}
    }
    json!({ "statusCode": status, "headers": headers, "body": body.to_string() })
}
