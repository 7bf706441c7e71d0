//! What comes in over HTTP: notifications of topics, notices of failures, requests to function URLs.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use caribou_local::Called;
use caribou_model::Region;
use http::StatusCode;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};

use super::event::Notification;
use super::hosted::Hosted;
use super::{Shared, queue};
use crate::Wrong;

/// How long who calls a function URL waits, on a machine that does much else.
const URL_WITHIN: Duration = Duration::from_mins(2);

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/topics/{region}/{function}", post(notified))
        .route("/failures/{region}/{function}", post(given_up))
        .route("/urls/{region}/{function}", any(requested))
        .layer(axum::extract::DefaultBodyLimit::max(8 << 20))
        .with_state(shared)
}

/// What went wrong with a request to the bridge.
struct Problem(Wrong);

impl<E: Into<Wrong>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        eprintln!("bridge: {}", self.0);
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

impl Shared {
    fn hosted(&self, region: &str, function: &str) -> Result<Hosted, Wrong> {
        let region: Region = format!("aws:{region}").parse()?;
        let found = self.known().functions.get(&(region.clone(), function.to_owned())).cloned();
        found.ok_or_else(|| format!("no function {function} is deployed in {region}").into())
    }

    /// Sends a message to a queue in AWS's own name.
    async fn send(&self, region: &Region, queue_arn: &str, body: String) -> Result<(), Wrong> {
        let queue = queue::url(queue_arn)?;
        self.clients(region)?.sqs.send_message().queue_url(queue).message_body(body).send().await?;
        self.sent(queue_arn, Duration::ZERO);
        Ok(())
    }

    /// Hands a notification to its function, as SNS and Lambda do.
    async fn deliver(&self, hosted: &Hosted, notification: &Notification, text: String) -> Result<(), Wrong> {
        let Some(subscription) = &hosted.subscription else {
            return Err(format!("{} is not subscribed to {}", hosted.arn, notification.topic_arn).into());
        };
        if subscription.topic != notification.topic_arn {
            return Err(format!("{} is not subscribed to {}", hosted.arn, notification.topic_arn).into());
        }
        let event = to_raw_value(&notification.event(&subscription.arn))?;
        let Err(error) = self.control.invoke(&hosted.address, &event).await else { return Ok(()) };
        if let Some(queue) = &subscription.redrive {
            return self.send(&hosted.address.region, queue, text).await;
        }
        self.lose(format!("a notification of {}: {error}", notification.topic_arn));
        Ok(())
    }
}

async fn notified(
    State(shared): State<Arc<Shared>>,
    Path((region, function)): Path<(String, String)>,
    text: String,
) -> Result<StatusCode, Problem> {
    let notification: Notification = serde_json::from_str(&text)?;
    if let Some(token) = &notification.token {
        let region: Region = format!("aws:{region}").parse()?;
        let confirm = shared.clients(&region)?.sns.confirm_subscription();
        confirm.topic_arn(&notification.topic_arn).token(token).send().await?;
        return Ok(StatusCode::OK);
    }
    let most = shared.known().delay;
    if most.is_zero() {
        // moto does not send it again, whatever it is answered
        let delivered = match shared.hosted(&region, &function) {
            Ok(hosted) => shared.deliver(&hosted, &notification, text).await,
            Err(wrong) => Err(wrong),
        };
        if let Err(wrong) = delivered {
            shared.lose(format!("a notification of {}: {wrong}", notification.topic_arn));
        }
    } else {
        let hosted = shared.hosted(&region, &function)?;
        let part = RandomState::new().hash_one(&notification.message_id) % 1000;
        tokio::spawn(async move {
            tokio::time::sleep(most.mul_f64(part as f64 / 1000.0)).await;
            if let Err(wrong) = shared.deliver(&hosted, &notification, text).await {
                shared.lose(format!("a notification of {}: {wrong}", notification.topic_arn));
            }
        });
    }
    Ok(StatusCode::OK)
}

/// An event was given up: its notice goes where the function's event invoke config says.
async fn given_up(
    State(shared): State<Arc<Shared>>,
    Path((region, function)): Path<(String, String)>,
    notice: String,
) -> Result<StatusCode, Problem> {
    let hosted = shared.hosted(&region, &function)?;
    match &hosted.failures {
        Some(queue) => shared.send(&hosted.address.region, queue, notice).await?,
        None => shared.lose(format!("an event of {}: {notice}", hosted.arn)),
    }
    Ok(StatusCode::OK)
}

/// A request to a function's URL: the event of API Gateway's format 2.0, and the answer that it is given.
async fn requested(
    State(shared): State<Arc<Shared>>,
    Path((region, function)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let hosted = shared.hosted(&region, &function)?;
    let headers: Map<String, Value> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))))
        .collect();
    let id = format!("{:032x}", u128::from(RandomState::new().hash_one(&body)));
    let domain = format!("machine.lambda-url.{region}.on.aws");
    let event = to_raw_value(&json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": crate::ACCOUNT,
            "apiId": "machine",
            "domainName": domain,
            "http": {"method": method.as_str(), "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": id,
            "routeKey": "$default",
            "stage": "$default",
        },
        "body": String::from_utf8_lossy(&body),
        "isBase64Encoded": false,
    }))?;
    match shared.control.call(&hosted.address, &event, URL_WITHIN).await? {
        Called::Answered(answer) => answered(&answer),
        // what AWS answers when a function fails
        Called::Failed { kind, reason } => {
            eprintln!("bridge: {function} failed behind its URL: {kind}: {reason}");
            Ok((StatusCode::BAD_GATEWAY, "Internal Server Error").into_response())
        }
    }
}

fn answered(answer: &str) -> Result<Response, Problem> {
    let parsed: Value = serde_json::from_str(answer)?;
    let Some(status) = parsed["statusCode"].as_u64() else {
        // an answer without a status is the body of one
        return Ok((StatusCode::OK, [(http::header::CONTENT_TYPE, "application/json")], answer.to_owned())
            .into_response());
    };
    let mut response = Response::new(parsed["body"].as_str().unwrap_or_default().to_owned().into());
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status)?)?;
    for (name, value) in parsed["headers"].as_object().into_iter().flatten() {
        let name: http::HeaderName = name.parse()?;
        response.headers_mut().insert(name, value.as_str().unwrap_or_default().parse()?);
    }
    Ok(response)
}
