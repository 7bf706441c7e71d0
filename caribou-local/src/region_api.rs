//! What functions and clients call in a region: topics, items, sets, blobs. See
//! [`wire`](caribou_runtime::local::wire).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use caribou_model::{Region, Timestamp};
use caribou_runtime::local::SystemClock;
use caribou_runtime::local::wire::{self, LARGEST_ITEM, LARGEST_MESSAGE, LARGEST_QUERY, Listed, Query};
use caribou_runtime::port::{Clock, Item, Put, StageAddress};
use http::{HeaderValue, StatusCode};

use crate::platform::Platform;
use crate::refusal::Refusal;
use crate::store;

type Outcome<T = Response> = Result<T, Refusal>;

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/regions/{region}/topics/{workflow}/{version}/{function}", post(publish))
        .route("/regions/{region}/items/{key}", get(get_item).put(put_item))
        .route("/regions/{region}/sets/{key}/{member}", post(add_member))
        .route("/regions/{region}/lists", post(list_items))
        .route("/regions/{region}/blobs/{key}", get(get_blob).put(put_blob))
        .layer(DefaultBodyLimit::disable())
}

/// A call to a region that is up, after its way there.
struct Call {
    platform: Arc<Platform>,
    region: Region,
    one_way: Duration,
}

impl Call {
    /// Checks who calls which region, and takes the way there.
    async fn arrive(platform: Arc<Platform>, region: &str, headers: &HeaderMap) -> Outcome<Self> {
        let region = parse_region(region)?;
        let caller = match headers.get(wire::CALLER_REGION) {
            Some(caller) => Some(parse_region(&String::from_utf8_lossy(caller.as_bytes()))?),
            None => None,
        };
        platform.up(&region)?;
        let one_way = platform.distances.one_way(caller.as_ref(), &region);
        travel(one_way).await;
        Ok(Self { platform, region, one_way })
    }

    /// Takes the way back. An instance that a fault kills at this call gets no answer.
    async fn answer(self, headers: &HeaderMap, response: impl IntoResponse) -> Outcome {
        if let Some(instance) = wire::number(headers, &wire::CALLER_INSTANCE) {
            self.platform.called(instance);
        }
        travel(self.one_way).await;
        Ok(response.into_response())
    }
}

async fn travel(one_way: Duration) {
    if !one_way.is_zero() {
        SystemClock.sleep(one_way).await;
    }
}

fn parse_region(text: &str) -> Outcome<Region> {
    text.parse().map_err(|error: caribou_model::InvalidRegion| {
        Refusal::new(StatusCode::BAD_REQUEST, error.to_string(), "correct the region")
    })
}

/// The instant in a header that has to be there.
fn required_instant(headers: &HeaderMap, name: &HeaderName) -> Outcome<Timestamp> {
    wire::instant(headers, name).ok_or_else(|| {
        let error = format!("the header `{name}` is missing or no number of milliseconds");
        Refusal::new(StatusCode::BAD_REQUEST, error, "send it")
    })
}

/// The whole body, if it is within a limit.
async fn whole(body: Body, largest: usize, what: &str, remedy: &str) -> Outcome<Bytes> {
    axum::body::to_bytes(body, largest).await.map_err(|_| {
        let error =
            format!("{what} has more than the {largest} bytes that are allowed, or did not arrive whole");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error, remedy)
    })
}

async fn publish(
    State(platform): State<Arc<Platform>>,
    Path((region, workflow, version, function)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let call = Call::arrive(platform, &region, &headers).await?;
    let body = whole(body, LARGEST_MESSAGE, "the message", "send large values as blobs").await?;
    let body = String::from_utf8(body.into()).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("the message is no text: {error}"), "send UTF-8")
    })?;
    let to = StageAddress { workflow, version, function, region: call.region.clone() };
    call.platform.publish(to, body, wire::instant(&headers, &wire::NOT_BEFORE)).await?;
    call.answer(&headers, StatusCode::ACCEPTED).await
}

async fn get_item(
    State(platform): State<Arc<Platform>>,
    Path((region, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Outcome {
    let call = Call::arrive(platform, &region, &headers).await?;
    let transaction = call.platform.disk().read()?;
    let found = store::get(&transaction, &call.region, &key, SystemClock.now())?;
    drop(transaction);
    let response = match found {
        Some(item) => with_item(StatusCode::OK, item),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    call.answer(&headers, response).await
}

async fn put_item(
    State(platform): State<Arc<Platform>>,
    Path((region, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let call = Call::arrive(platform, &region, &headers).await?;
    let expires = required_instant(&headers, &wire::EXPIRES)?;
    let condition = headers.get(wire::CONDITION).and_then(|value| value.to_str().ok());
    let condition = condition.and_then(wire::read_condition).ok_or_else(|| {
        let error = format!("the header `{}` is missing or wrong", wire::CONDITION);
        Refusal::new(StatusCode::BAD_REQUEST, error, "send `absent`, `any` or a revision")
    })?;
    let value =
        whole(body, LARGEST_ITEM, "the item", "an item has at most 400 KB: keep large values as blobs")
            .await?;
    let region = call.region.clone();
    let now = SystemClock.now();
    let put = call
        .platform
        .disk()
        .write(move |tables| store::put(tables, &region, &key, &value, condition, expires, now));
    let response = match put.await? {
        Put::Written(revision) => [(wire::REVISION, HeaderValue::from(revision))].into_response(),
        Put::Refused(Some(item)) => with_item(StatusCode::PRECONDITION_FAILED, item),
        Put::Refused(None) => StatusCode::PRECONDITION_FAILED.into_response(),
    };
    call.answer(&headers, response).await
}

fn with_item(status: StatusCode, item: Item) -> Response {
    (status, [(wire::REVISION, HeaderValue::from(item.revision))], item.value).into_response()
}

async fn add_member(
    State(platform): State<Arc<Platform>>,
    Path((region, key, member)): Path<(String, String, u32)>,
    headers: HeaderMap,
) -> Outcome {
    let call = Call::arrive(platform, &region, &headers).await?;
    let expires = required_instant(&headers, &wire::EXPIRES)?;
    let region = call.region.clone();
    let now = SystemClock.now();
    let added = call
        .platform
        .disk()
        .write(move |tables| store::add(tables, &region, &key, member, expires, now, LARGEST_ITEM));
    let set = added.await?.ok_or_else(|| {
        let error = format!("the set would grow past {LARGEST_ITEM} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error, "spread the members over several sets")
    })?;
    call.answer(&headers, Json(set)).await
}

async fn list_items(
    State(platform): State<Arc<Platform>>,
    Path(region): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let call = Call::arrive(platform, &region, &headers).await?;
    let query = whole(body, LARGEST_QUERY, "the query", "list with a shorter prefix").await?;
    let query: Query = serde_json::from_slice(&query).map_err(|error| {
        let error = format!("the query cannot be read: {error}");
        Refusal::new(StatusCode::BAD_REQUEST, error, "send prefix and limit as JSON")
    })?;
    let transaction = call.platform.disk().read()?;
    let page = store::list(&transaction, &call.region, &query, SystemClock.now())?;
    drop(transaction);
    call.answer(&headers, Json(Listed::from(page))).await
}

async fn get_blob(
    State(platform): State<Arc<Platform>>,
    Path((region, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Outcome {
    let call = Call::arrive(platform, &region, &headers).await?;
    let found = call.platform.blobs.get(&call.region, &key, SystemClock.now()).await?;
    let Some((body, size)) = found else {
        let error = format!("there is no blob `{key}` in {region}");
        return Err(Refusal::new(StatusCode::NOT_FOUND, error, "it may have expired"));
    };
    call.answer(&headers, ([(http::header::CONTENT_LENGTH, HeaderValue::from(size))], body)).await
}

async fn put_blob(
    State(platform): State<Arc<Platform>>,
    Path((region, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let call = Call::arrive(platform, &region, &headers).await?;
    let expires = required_instant(&headers, &wire::EXPIRES)?;
    call.platform.blobs.put(&call.region, &key, body.into_data_stream(), expires).await?;
    call.answer(&headers, StatusCode::NO_CONTENT).await
}
