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
use std::fmt;
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
#[derive(Clone, PartialEq, Eq)]
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

/// Without what headers and body say: that may be a secret.
impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("method", &self.method)
            .field("headers", &self.headers.keys())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
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
    pub(super) async fn answer(self, shim: &Shim, request_id: &str, deadline: Timestamp) -> Json {
        answer_of(self.accept(shim, request_id, deadline).await)
    }

    async fn accept(self, shim: &Shim, request_id: &str, deadline: Timestamp) -> Result<RunId, Refused> {
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
        let now = SystemClock.now();
        let patience = PATIENCE.min(deadline.since(now) / 2);
        let sent = shim.hand_in(request, now.plus(patience)).await;
        match sent {
            Ok(()) => Ok(run),
            Err(error) => {
                tracing::error!(%run, %error, "a request was not handed in");
                let remedy = "send it again, with `idempotency-key` set to this run: that is safe";
                // What AWS said names accounts and roles, and is not for everybody.
                refused(
                    503,
                    format!("it is not certain that run `{run}` was started; request {request_id}"),
                    remedy,
                )
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
        // These would let anybody read another run's values, or start it anew.
        if request.input_blob.is_some() || request.resume.is_some() {
            let error = "over HTTP a request names no blob, and takes no run up again".to_owned();
            return refused(400, error, "send the input itself; `caribou runs retry` takes a run up again");
        }
        request.sent = self.received;
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
            let key = key::input(&request.workflow, &run, text.as_bytes());
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

#[cfg(test)]
pub(super) mod tests {
    use caribou_model::{FunctionSpec, Graph, Node, NodeId, NodeKind, Region};

    use super::super::Delivery;
    use super::*;
    use crate::memory::World;
    use crate::port::{Blobs, Ports, SendError, StageAddress, Transport};
    use crate::shim::Deployment;
    use crate::{RouteError, Workflow};

    static PRESS: Workflow = Workflow {
        name: "press",
        version: "0.1.0",
        parameters: &["photo"],
        graph: || {
            let node = |name: &str, kind, slots| Node { name: name.into(), kind, slots, output: "_".into() };
            let edge = |from, to| caribou_model::Edge {
                from: NodeId(from),
                to: NodeId(to),
                slot: 0,
                when: None,
                carries: Vec::new(),
            };
            Graph {
                workflow: "press".into(),
                version: "0.1.0".into(),
                functions: vec![FunctionSpec::new("resize"), FunctionSpec::new("frame")],
                nodes: vec![
                    node("input", NodeKind::Entry, 0),
                    node("resize", NodeKind::stage(0), 1),
                    node("frame", NodeKind::stage(1), 1),
                    node("result", NodeKind::Result, 1),
                ],
                edges: vec![edge(0, 1), edge(1, 2), edge(2, 3)],
            }
        },
        route: |step, _, _| Err(RouteError::NoSuchStep(step)),
        reads: |_| &[],
        call: |_| None,
        plain: |input| Box::pin(async { Ok(input) }),
    };

    struct Down;

    #[async_trait::async_trait]
    impl Transport for Down {
        async fn send(&self, to: &StageAddress, _: &str, _: Option<Timestamp>) -> Result<(), SendError> {
            Err(SendError::NotAccepted { region: to.region.clone(), cause: "down".into() })
        }
    }

    /// Polls a future that waits for nothing.
    fn wait<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        loop {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
        }
    }

    pub(in crate::lambda) struct Bench {
        world: World,
        pub(in crate::lambda) shim: Shim,
    }

    impl Bench {
        pub(in crate::lambda) fn new(function: &str, change: impl FnOnce(Ports) -> Ports) -> Self {
            let world = World::new(1);
            let deployment = Deployment {
                workflow: &PRESS,
                function: function.into(),
                region: Region::aws("eu-north-1"),
                home: Region::aws("us-east-1"),
                probe_share: 0.0,
                run_deadline: Duration::from_hours(1),
                plan_cache: Duration::from_mins(1),
            };
            let shim = Shim::new(deployment, change(world.ports())).unwrap();
            Self { world, shim }
        }

        /// The status, the headers and the body of the answer.
        fn ask(&self, event: &Json) -> (u64, Json, Json) {
            let Delivery::Http(post) = Delivery::read(&event.to_string()).unwrap() else { panic!("no POST") };
            let answer = wait(post.answer(
                &self.shim,
                "c6af9ac6-7b61",
                SystemClock.now().plus(Duration::from_secs(30)),
            ));
            let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            (answer["statusCode"].as_u64().unwrap(), answer["headers"].clone(), body)
        }

        /// The one request that was handed in.
        fn request(&self) -> Request {
            let [(to, body)] = <[_; 1]>::try_from(self.world.take_messages()).unwrap();
            assert_eq!((to.function.as_str(), to.region.code()), ("resize", "eu-north-1"));
            Request::decode(&body).unwrap()
        }
    }

    fn bench() -> Bench {
        Bench::new("resize", |ports| ports)
    }

    #[expect(clippy::needless_pass_by_value, reason = "every call makes its own")]
    fn post(body: &str, headers: Json) -> Json {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/", "headers": headers, "body": body,
            "requestContext": {
                "http": { "method": "POST", "path": "/", "sourceIp": "192.0.2.1" },
                "requestId": "JKJaXmPLvHcESHA=", "timeEpoch": 1_700_000_000_000_u64,
            },
            "isBase64Encoded": false,
        })
    }

    const JSON: &str = "application/json; charset=utf-8";

    #[test]
    fn the_body_is_the_input_and_the_answer_names_the_run() {
        let bench = bench();
        let event =
            post("{\"width\":800}", json!({ "Content-Type": JSON, "idempotency-key": "\"order-7\"" }));
        let (status, headers, body) = bench.ask(&event);
        assert_eq!(
            (status, &headers["content-type"], body),
            (202, &json!("application/json"), json!({ "run": "order-7" }))
        );
        let request = bench.request();
        assert_eq!((request.run.unwrap().as_str(), request.input), ("order-7", json!({ "width": 800 })));
        assert_eq!((request.workflow.as_str(), request.version.as_deref()), ("press", Some("0.1.0")));
        assert_eq!(request.sent, Some(Timestamp::from_millis(1_700_000_000_000)));
    }

    #[test]
    fn without_a_key_the_run_is_that_of_the_invocation_and_any_key_gives_a_run() {
        let bench = bench();
        let (_, _, body) = bench.ask(&post("", json!({})));
        assert_eq!(body, json!({ "run": "c6af9ac6-7b61" }));
        assert_eq!(bench.request().input, Json::Null);
        let keyed = || bench.ask(&post("1", json!({ "idempotency-key": "order 7/ä" }))).2;
        assert_eq!(keyed(), keyed());
        assert!(keyed()["run"].as_str().unwrap().parse::<RunId>().is_ok());
    }

    #[test]
    fn a_body_in_base64_and_a_whole_request_are_understood() {
        let bench = bench();
        let mut event = post(&STANDARD.encode("[\"ä\"]"), json!({ "content-type": JSON }));
        event["isBase64Encoded"] = true.into();
        assert_eq!(bench.ask(&event).0, 202);
        assert_eq!(bench.request().input, json!(["ä"]));
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let request = r#"{"caribou":1,"request":{"workflow":"press","run":"r-1","input":1}}"#;
        let (status, _, body) = bench.ask(&post(request, json!({ "traceparent": traceparent })));
        assert_eq!((status, body), (202, json!({ "run": "r-1" })));
        assert_eq!(bench.request().traceparent.as_deref(), Some(traceparent));
    }

    #[test]
    fn a_large_input_goes_by_way_of_a_blob() {
        let bench = bench();
        let input = json!("x".repeat(LARGEST_INLINE));
        assert_eq!(bench.ask(&post(&input.to_string(), json!({}))).0, 202);
        let request = bench.request();
        let blob = request.input_blob.unwrap();
        assert_eq!((request.input, blob.region.code()), (Json::Null, "eu-north-1"));
        let fetched = wait(async { Blobs::get(&bench.world, &blob.region, &blob.key).await });
        assert_eq!(fetched.unwrap(), input.to_string());
    }

    #[test]
    fn a_second_large_input_for_the_same_run_leaves_the_first_as_it_is() {
        let bench = bench();
        let inputs = ["x", "y"].map(|text| json!(text.repeat(LARGEST_INLINE)));
        let sent = inputs.each_ref().map(|input| {
            let (_, _, body) = bench.ask(&post(&input.to_string(), json!({ "idempotency-key": "order-7" })));
            assert_eq!(body, json!({ "run": "order-7" }));
            bench.request().input_blob.unwrap()
        });
        for (blob, input) in sent.iter().zip(&inputs) {
            let fetched = wait(async { Blobs::get(&bench.world, &blob.region, &blob.key).await });
            assert_eq!(fetched.unwrap(), input.to_string());
        }
    }

    #[test]
    fn what_cannot_start_a_run_is_refused_with_what_to_do() {
        let bench = bench();
        let mut get = post("", json!({}));
        get["requestContext"]["http"]["method"] = "GET".into();
        let mut binary = post(&STANDARD.encode([0xff]), json!({}));
        binary["isBase64Encoded"] = true.into();
        let form = json!({ "content-type": "application/x-www-form-urlencoded" });
        let other = r#"{"caribou":1,"request":{"workflow":"other"}}"#;
        let version = r#"{"caribou":1,"request":{"workflow":"press","version":"9.0.0"}}"#;
        let named = r#"{"caribou":1,"request":{"workflow":"press","run":"r-1"}}"#;
        let blob = r#"{"caribou":1,"request":{"workflow":"press","input_blob":{"r":"aws:us-east-1","k":"press/r-2/result","n":9}}}"#;
        let resume = r#"{"caribou":1,"request":{"workflow":"press","run":"r-1","resume":1}}"#;
        let cases = [
            (get, 405, "send a POST"),
            (post("a=1", form), 415, "content-type: application/json"),
            (post("{", json!({})), 400, "send the workflow's input as JSON"),
            (binary, 400, "JSON in UTF-8"),
            (post("1", json!({ "idempotency-key": "" })), 400, "1 to 255 bytes"),
            (post("1", json!({ "idempotency-key": "x".repeat(256) })), 400, "1 to 255 bytes"),
            (post(&format!("\"{}\"", "x".repeat(LARGEST)), json!({})), 413, "put the input where"),
            (post(other, json!({})), 400, "ask for what is deployed here"),
            (post(version, json!({})), 400, "ask for what is deployed here"),
            (post(r#"{"caribou":2,"request":{"workflow":"press"}}"#, json!({})), 400, "mend the request"),
            (post(named, json!({ "idempotency-key": "r-2" })), 400, "leave one of them out"),
            (post(blob, json!({})), 400, "send the input itself"),
            (post(resume, json!({})), 400, "`caribou runs retry`"),
        ];
        for (event, expected, remedy) in cases {
            let (status, headers, body) = bench.ask(&event);
            assert_eq!(status, expected, "{body}");
            assert!(body["remedy"].as_str().unwrap().contains(remedy), "{body}");
            assert!(!body["error"].as_str().unwrap().is_empty());
            assert_eq!(headers["allow"] == "POST", status == 405);
        }
        assert!(bench.world.take_messages().is_empty());
    }

    #[test]
    fn a_function_that_receives_no_requests_says_which_does() {
        let (status, _, body) = Bench::new("frame", |ports| ports).ask(&post("1", json!({})));
        assert_eq!(status, 404);
        assert!(body["error"].as_str().unwrap().contains("received by function `resize`"), "{body}");
    }

    #[test]
    fn a_platform_that_takes_nothing_is_told_with_the_run_to_ask_for_again() {
        let down = Bench::new("resize", |ports| Ports { transport: std::sync::Arc::new(Down), ..ports });
        let (status, headers, body) = down.ask(&post("1", json!({ "idempotency-key": "order-7" })));
        assert_eq!((status, &headers["retry-after"]), (503, &json!("1")));
        assert!(body["error"].as_str().unwrap().contains("`order-7`"), "{body}");
        assert!(body["remedy"].as_str().unwrap().contains("idempotency-key"), "{body}");
    }

    #[test]
    fn a_rest_api_and_a_load_balancer_are_told_what_is_understood() {
        let rest = r#"{"resource":"/","path":"/","httpMethod":"POST","requestContext":{"httpMethod":"POST"},"body":"1"}"#;
        let balancer =
            r#"{"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"POST","body":"1"}"#;
        for event in [rest, balancer] {
            assert_eq!(Delivery::read(event).unwrap(), Delivery::HttpOfAnotherKind);
        }
        assert_eq!(of_another_kind()["statusCode"], 501);
    }
}
