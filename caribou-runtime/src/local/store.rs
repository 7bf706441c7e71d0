//! [`Store`] of the embedded cloud.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_model::{Region, Timestamp};
use http::{Method, StatusCode};

use super::http::{Answer, Ask};
use super::link::{Link, refusal};
use super::wire;
use crate::port::{Condition, Item, Page, Put, Store, StoreError};

#[async_trait]
impl Store for Link {
    async fn get(&self, region: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        let failed = |cause| StoreError { region: region.clone(), operation: "get", cause, refused: false };
        let answer = self.ask(Ask::new(Method::GET, wire::item(region, key))).await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        match answer.status {
            StatusCode::NO_CONTENT => Ok(None),
            StatusCode::OK => item(answer).map(Some).map_err(failed),
            _ => Err(failed(refusal(&answer))),
        }
    }

    async fn put(
        &self,
        region: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        expires: Timestamp,
    ) -> Result<Put, StoreError> {
        let failed = |cause| StoreError { region: region.clone(), operation: "put", cause, refused: false };
        let ask = Ask::new(Method::PUT, wire::item(region, key))
            .header(wire::CONDITION, &wire::write_condition(condition))
            .header(wire::EXPIRES, &expires.as_millis())
            .body(value);
        let answer = self.ask(ask).await.map_err(|error| failed(error.to_string()))?;
        match answer.status {
            StatusCode::OK => revision(&answer).map(Put::Written).map_err(failed),
            StatusCode::PRECONDITION_FAILED if answer.headers.contains_key(&wire::REVISION) => {
                item(answer).map(|item| Put::Refused(Some(item))).map_err(failed)
            }
            StatusCode::PRECONDITION_FAILED => Ok(Put::Refused(None)),
            _ => Err(failed(refusal(&answer))),
        }
    }

    async fn add(
        &self,
        region: &Region,
        key: &str,
        member: u32,
        expires: Timestamp,
    ) -> Result<BTreeSet<u32>, StoreError> {
        let failed = |cause| StoreError { region: region.clone(), operation: "add", cause, refused: false };
        let ask = Ask::new(Method::POST, wire::member(region, key, member))
            .header(wire::EXPIRES, &expires.as_millis());
        let answer = self.ask(ask).await.map_err(|error| failed(error.to_string()))?;
        if answer.status != StatusCode::OK {
            return Err(failed(refusal(&answer)));
        }
        serde_json::from_slice(&answer.body).map_err(|error| failed(error.to_string()))
    }

    async fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let failed = |cause| StoreError { region: region.clone(), operation: "list", cause, refused: false };
        let query = wire::Query { prefix: prefix.to_owned(), after: after.map(str::to_owned), limit };
        let query = serde_json::to_vec(&query).map_err(|error| failed(error.to_string()))?;
        let ask = Ask::new(Method::POST, wire::lists(region)).body(query);
        let answer = self.ask(ask).await.map_err(|error| failed(error.to_string()))?;
        if answer.status != StatusCode::OK {
            return Err(failed(refusal(&answer)));
        }
        let page: wire::Listed =
            serde_json::from_slice(&answer.body).map_err(|error| failed(error.to_string()))?;
        Ok(page.into())
    }
}

fn revision(answer: &Answer) -> Result<u64, String> {
    wire::number(&answer.headers, &wire::REVISION).ok_or_else(|| "the answer has no revision".to_owned())
}

fn item(answer: Answer) -> Result<Item, String> {
    Ok(Item { revision: revision(&answer)?, value: answer.body })
}
