//! What the framework asks of the cloud itself: deployments, telemetry, faults, the end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use caribou_runtime::port::StageAddress;
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::control::{Called, Invocation};
use crate::disk::DiskError;
use crate::faults::Faults;
use crate::message::{self, DeadLetter, Failure};
use crate::platform::Platform;
use crate::refusal::Refusal;
use crate::telemetry::{self, Telemetry};
use crate::{CloudStatus, FunctionDeployment};

type Outcome<T> = Result<T, Refusal>;

/// The largest request to this interface, in bytes.
const LARGEST: usize = 4 << 20;
/// The largest event, in bytes, as on Lambda where somebody waits for it.
const LARGEST_EVENT: usize = 6 << 20;

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/control/deployments", get(deployments).put(deploy).delete(remove))
        .route("/control/status", get(status))
        .route("/control/settled/{within_ms}", get(settled))
        .route("/control/telemetry/{after}", get(telemetry))
        .route("/control/logs/{bytes}", post(logs))
        .route("/control/dead-letters", get(dead_letters))
        .route("/control/faults", put(faults))
        .route("/control/stop", post(stop))
        .layer(DefaultBodyLimit::max(LARGEST))
        .merge(
            Router::new()
                .route("/control/events", post(invoke))
                .route("/control/calls", post(call))
                .layer(DefaultBodyLimit::max(LARGEST_EVENT)),
        )
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Outcome<T> {
    serde_json::from_slice(body).map_err(|error| {
        let error = format!("the request is not what this version of the embedded cloud reads: {error}");
        Refusal::new(StatusCode::BAD_REQUEST, error, "use the client of the same version")
    })
}

async fn deployments(State(platform): State<Arc<Platform>>) -> Json<Vec<FunctionDeployment>> {
    Json(platform.deployments())
}

async fn deploy(State(platform): State<Arc<Platform>>, body: Bytes) -> Outcome<StatusCode> {
    platform.deploy(parse(&body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(State(platform): State<Arc<Platform>>, body: Bytes) -> Outcome<StatusCode> {
    platform.remove(&parse::<StageAddress>(&body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn status(State(platform): State<Arc<Platform>>) -> Json<CloudStatus> {
    Json(platform.status())
}

async fn settled(State(platform): State<Arc<Platform>>, Path(within_ms): Path<u64>) -> Json<bool> {
    let settled = tokio::time::timeout(Duration::from_millis(within_ms), platform.until_settled());
    Json(settled.await.is_ok())
}

async fn telemetry(
    State(platform): State<Arc<Platform>>,
    Path(after): Path<u64>,
) -> Outcome<Json<Telemetry>> {
    Ok(Json(telemetry::read(&platform.disk().read()?, after)?))
}

async fn logs(State(platform): State<Arc<Platform>>, Path(bytes): Path<u64>, body: Bytes) -> Outcome<String> {
    let log = platform.log(&parse::<StageAddress>(&body)?);
    let tail = tokio::task::spawn_blocking(move || log.tail(bytes)).await;
    let tail = tail.map_err(|_| DiskError::Stopping)?;
    Ok(tail.map_err(|error| DiskError::Other(error.to_string()))?)
}

async fn dead_letters(State(platform): State<Arc<Platform>>) -> Outcome<Json<Vec<DeadLetter>>> {
    Ok(Json(message::dead_letters(&platform.disk().read()?)?))
}

async fn faults(State(platform): State<Arc<Platform>>, body: Bytes) -> Outcome<StatusCode> {
    platform.set_faults(parse::<Faults>(&body)?)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn invoke(State(platform): State<Arc<Platform>>, body: Bytes) -> Outcome<Json<String>> {
    let Invocation { to, event } = parse(&body)?;
    Ok(Json(platform.invoke(to, event.get().to_owned()).await?))
}

async fn call(State(platform): State<Arc<Platform>>, body: Bytes) -> Outcome<Json<Called>> {
    let Invocation { to, event } = parse(&body)?;
    Ok(Json(match platform.call(to, event.get().to_owned()).await? {
        Ok(answer) => Called::Answered(String::from_utf8_lossy(&answer).into_owned()),
        Err(Failure { kind, reason }) => Called::Failed { kind, reason },
    }))
}

async fn stop(State(platform): State<Arc<Platform>>) -> StatusCode {
    platform.stop_requested.notify_one();
    StatusCode::ACCEPTED
}
