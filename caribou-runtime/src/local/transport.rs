//! [`Transport`] of the embedded cloud.

use async_trait::async_trait;
use caribou_model::Timestamp;
use http::{Method, StatusCode};

use super::http::{Ask, HttpError};
use super::link::{Link, refusal};
use super::wire;
use crate::port::{SendError, StageAddress, Transport};

#[async_trait]
impl Transport for Link {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let region = to.region.clone();
        let mut ask = Ask::new(Method::POST, wire::topic(to)).body(body.to_owned());
        if let Some(instant) = not_before {
            ask = ask.header(wire::NOT_BEFORE, &instant.as_millis());
        }
        match self.ask(ask).await {
            Ok(answer) if answer.status == StatusCode::ACCEPTED => Ok(()),
            Ok(answer) if answer.headers.contains_key(&wire::NOT_ACCEPTED) => {
                Err(SendError::NotAccepted { region, cause: refusal(&answer) })
            }
            Ok(answer) => Err(SendError::Ambiguous { region, cause: refusal(&answer) }),
            Err(error @ HttpError::NotSent { .. }) => {
                Err(SendError::NotAccepted { region, cause: error.to_string() })
            }
            Err(error @ HttpError::NotAnswered { .. }) => {
                Err(SendError::Ambiguous { region, cause: error.to_string() })
            }
        }
    }
}
