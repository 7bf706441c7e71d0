//! What the embedded cloud says when it refuses: a status, what is wrong, and what to do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use caribou_runtime::local::wire::{NOT_ACCEPTED, Refused};
use http::{HeaderValue, StatusCode};

use crate::disk::DiskError;

/// A refused request.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    refused: Refused,
    /// Whether it is certain that the request left nothing behind.
    certain: bool,
}

impl Refusal {
    /// A refusal that left nothing behind.
    pub(crate) fn new(status: StatusCode, error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status, refused: Refused { error: error.into(), remedy: remedy.into() }, certain: true }
    }
}

impl From<DiskError> for Refusal {
    fn from(error: DiskError) -> Self {
        let (status, remedy) = match error {
            DiskError::Full => (
                StatusCode::INSUFFICIENT_STORAGE,
                "free some space and restart the embedded cloud; what it has acknowledged is safe",
            ),
            DiskError::Other(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "restart the embedded cloud; see its log")
            }
            DiskError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "start it again"),
        };
        let refused = Refused { error: error.to_string(), remedy: remedy.into() };
        Self { status, refused, certain: false }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.refused)).into_response();
        if self.certain {
            response.headers_mut().insert(NOT_ACCEPTED, HeaderValue::from_static("true"));
        }
        response
    }
}
