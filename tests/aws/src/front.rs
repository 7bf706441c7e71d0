//! What everybody calls in moto's place: it hands requests on, counts them, and refuses those to regions that are down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use caribou_local::Called;
use caribou_model::Region;
use caribou_runtime::local::http::{Answer, Ask, Http, HttpError};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use tokio::sync::{mpsc, oneshot};

use crate::Wrong;
use crate::request::{Deployed, Request};

/// The largest request, in bytes: Lambda takes code of 250 MB.
const LARGEST: usize = 256 << 20;
/// How long moto may take for one.
const WITHIN: Duration = Duration::from_mins(2);
/// How often a request is made that moto did not accept: its queue of connections is short.
const TRIES: u32 = 5;

/// A running front. It ends when it is dropped.
#[derive(Debug)]
pub struct Front {
    endpoint: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

/// How a region is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It refuses every request, as regions do that an account has not enabled.
    Refuses,
    /// It accepts every request and never answers one: whether anything was done is not known.
    Silent,
}

/// What was asked how often.
pub type Counts = BTreeMap<Request, u64>;

/// Something that the bridge has to know. It says when it has seen to it; the answer waits for that.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) event: SeenEvent,
    pub(crate) done: oneshot::Sender<()>,
}

#[derive(Debug)]
pub(crate) enum SeenEvent {
    /// Something was deployed in a region.
    Deployed(Region, Deployed),
    /// A function is called: somebody waits for its answer; nothing, if it is not hosted.
    Called { region: Region, function: String, event: Bytes, answer: oneshot::Sender<Option<Called>> },
    /// A message was sent to a queue, to be seen after so many seconds.
    Sent { region: Region, queue: String, delay_s: u64 },
}

#[derive(Debug)]
struct Shared {
    moto: Http,
    counts: Mutex<Counts>,
    down: Mutex<BTreeMap<Region, Outage>>,
    watch: mpsc::UnboundedSender<Seen>,
}

impl Front {
    /// Starts one before the moto at `endpoint`.
    pub(crate) async fn start(endpoint: &str) -> Result<(Self, mpsc::UnboundedReceiver<Seen>), Wrong> {
        let (watch, seen) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            moto: Http::new(endpoint),
            counts: Mutex::default(),
            down: Mutex::default(),
            watch,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let routes = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // it never ends by itself
            let _ = axum::serve(listener, routes).await;
        });
        Ok((Self { endpoint, shared, server }, seen))
    }

    /// Where it listens: what `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was asked so far, refused requests left out.
    pub fn counts(&self) -> Counts {
        lock(&self.shared.counts).clone()
    }

    /// Takes these regions down, and all others up.
    pub fn set_down(&self, down: impl IntoIterator<Item = (Region, Outage)>) {
        *lock(&self.shared.down) = down.into_iter().collect();
    }

    /// The regions that are down.
    pub fn down(&self) -> BTreeSet<Region> {
        lock(&self.shared.down).keys().cloned().collect()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What of `after` was not there `before`.
pub fn since(before: &Counts, after: &Counts) -> Counts {
    let further = |(request, count): (&Request, &u64)| {
        let further = count - before.get(request).unwrap_or(&0);
        (further > 0).then(|| (request.clone(), further))
    };
    after.iter().filter_map(further).collect()
}

async fn handle(State(shared): State<Arc<Shared>>, asked: axum::extract::Request) -> Response {
    let (head, body) = asked.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large, or did not arrive whole")
            .into_response();
    };
    let request = Request::read(&head.method, head.uri.path(), &head.headers, &body);
    if let Some(request) = &request {
        let outage = lock(&shared.down).get(&request.region).copied();
        match outage {
            Some(Outage::Refuses) => return refusal(request),
            Some(Outage::Silent) => std::future::pending().await,
            None => {}
        }
        *lock(&shared.counts).entry(request.clone()).or_default() += 1;
    }
    if let Some((request, function)) = request.as_ref().and_then(|request| Some((request, request.calls()?)))
    {
        let (answer, called) = oneshot::channel();
        let (region, event) = (request.region.clone(), body.clone());
        shared.tell(SeenEvent::Called { region, function, event, answer }).await;
        if let Ok(Some(called)) = called.await {
            return answer_of(called);
        }
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let of_the_head = head.method == Method::HEAD;
    let mut ask = Ask::new(head.method, path).within(WITHIN).body(body.clone());
    ask.headers = passed_on(&head.headers);
    let answer = match forward(&shared.moto, ask).await {
        Ok(answer) => answer,
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let event =
        request.filter(|_| answer.status.is_success()).and_then(|request| of_interest(&request, &body));
    if let Some(event) = event {
        shared.tell(event).await;
    }
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    for (name, value) in &answer.headers {
        // the answer to HEAD has no body that would tell its length
        if !is_of_the_connection(name) || (of_the_head && *name == header::CONTENT_LENGTH) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

impl Shared {
    /// Tells the bridge, and waits until it has seen to it. Without a bridge nobody has to know.
    async fn tell(&self, event: SeenEvent) {
        let (done, seen_to) = oneshot::channel();
        if self.watch.send(Seen { event, done }).is_ok() {
            let _ = seen_to.await;
        }
    }
}

/// What Lambda answers to who called a function and waited.
fn answer_of(called: Called) -> Response {
    match called {
        Called::Answered(payload) => payload.into_response(),
        Called::Failed { kind, reason } => {
            let payload = serde_json::json!({ "errorType": kind, "errorMessage": reason }).to_string();
            ([("x-amz-function-error", "Unhandled")], payload).into_response()
        }
    }
}

async fn forward(moto: &Http, ask: Ask) -> Result<Answer, HttpError> {
    let mut tries = 1;
    loop {
        match moto.ask(ask.clone()).await {
            Err(HttpError::NotSent { .. }) if tries < TRIES => tries += 1,
            other => return other,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn of_interest(request: &Request, body: &[u8]) -> Option<SeenEvent> {
    if let Some(deployed) = request.deploys(body) {
        return Some(SeenEvent::Deployed(request.region.clone(), deployed));
    }
    if (request.service.as_str(), request.operation.as_str()) != ("sqs", "SendMessage") {
        return None;
    }
    let sent: serde_json::Value = serde_json::from_slice(body).ok()?;
    let queue = sent["QueueUrl"].as_str()?.rsplit('/').next()?.to_owned();
    let delay_s = sent["DelaySeconds"].as_u64().unwrap_or_default();
    Some(SeenEvent::Sent { region: request.region.clone(), queue, delay_s })
}

/// What a region says that is not enabled, in the words of the service's protocol.
fn refusal(request: &Request) -> Response {
    let (code, message) =
        ("UnrecognizedClientException", "The security token included in the request is invalid.");
    let body = match request.service.as_str() {
        "sns" | "iam" | "sts" => {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            )
        }
        "s3" => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        _ => format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
    };
    (StatusCode::FORBIDDEN, body).into_response()
}

fn passed_on(headers: &HeaderMap) -> Vec<(HeaderName, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let passed = headers.iter().filter(|(name, _)| !is_of_the_connection(name) && *name != header::EXPECT);
    passed.map(|(name, value)| (name.clone(), text(value))).collect()
}

fn is_of_the_connection(name: &HeaderName) -> bool {
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE].contains(name)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
