//! [`Blobs`] of the embedded cloud.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_model::{Region, Timestamp};
use http::{Method, StatusCode};

use super::http::Ask;
use super::link::{Link, refusal};
use super::wire;
use crate::port::{BlobError, Blobs};

/// How long a blob may take: 5 minutes, enough for gigabytes on one machine.
const WITHIN: Duration = Duration::from_mins(5);

#[async_trait]
impl Blobs for Link {
    async fn put(
        &self,
        region: &Region,
        key: &str,
        content: Bytes,
        expires: Timestamp,
    ) -> Result<(), BlobError> {
        let ask = Ask::new(Method::PUT, wire::blob(region, key))
            .header(wire::EXPIRES, &expires.as_millis())
            .body(content)
            .within(WITHIN);
        let answer = self.ask(ask).await.map_err(|error| unreachable(region, key, error.to_string()))?;
        if answer.status.is_success() { Ok(()) } else { Err(unreachable(region, key, refusal(&answer))) }
    }

    async fn get(&self, region: &Region, key: &str) -> Result<Bytes, BlobError> {
        let ask = Ask::new(Method::GET, wire::blob(region, key)).within(WITHIN);
        let answer = self.ask(ask).await.map_err(|error| unreachable(region, key, error.to_string()))?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            StatusCode::NOT_FOUND => Err(BlobError::Missing { region: region.clone(), key: key.to_owned() }),
            _ => Err(unreachable(region, key, refusal(&answer))),
        }
    }
}

fn unreachable(region: &Region, key: &str, cause: String) -> BlobError {
    BlobError::Unreachable { region: region.clone(), key: key.to_owned(), cause }
}
