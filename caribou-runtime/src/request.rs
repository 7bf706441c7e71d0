//! What a client sends to start a run, or to take one up again that has failed.
//!
//! ```json
//! {"caribou":1,"request":{"workflow":"press","version":"0.1.0","run":"r-1","input":{"width":800},"sent":1700000000000}}
//! ```

use caribou_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::BlobReference;
use crate::pin::is_zero;

/// The version of the request format.
const FORMAT: u8 = 1;

/// A client's request to start a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The workflow to run.
    pub workflow: String,
    /// The version wanted; the receiver's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The run; derived from the id of its message if absent, or from that of its delivery if it came in no message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The workflow's input: its one parameter, an object of several by name, `null` for none.
    #[serde(default)]
    pub input: serde_json::Value,
    /// Where the input lies, as JSON text, if it is too large for a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_blob: Option<BlobReference>,
    /// When it was sent, by the client's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
    /// The W3C `traceparent` of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Not to start the run but to take it up again after it has failed: how often it will have been taken up then, from
    /// 1. Asking for the same one again changes nothing. The input is the one that the run has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<u32>,
}

/// A request as an entry got it.
pub(crate) struct Received {
    pub(crate) request: Request,
    /// It was parked or a dead letter, and sent again.
    pub(crate) again: bool,
    /// How often it came back as a dead letter.
    pub(crate) returns: u8,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    caribou: u8,
    /// It was parked by an entry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    again: bool,
    /// How often it came back as a dead letter and was sent again.
    #[serde(default, skip_serializing_if = "is_zero")]
    returns: u8,
    request: T,
}

/// Why a text is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Not the JSON that a request is.
    #[error(
        "it is neither a message nor a request ({0}); a request looks like \
         {{\"caribou\":1,\"request\":{{\"workflow\":\"..\",\"input\":..}}}}"
    )]
    Json(#[from] serde_json::Error),
    /// Of another format.
    #[error("it is of request format {0}; this bootstrap reads format {FORMAT}")]
    Format(u8),
    /// A `traceparent` that would not fit into a message.
    #[error("its `traceparent` is not that of W3C Trace Context, version 00")]
    Traceparent,
    /// A run that is to be taken up again, but is not named.
    #[error("it is to take a run up again, and does not name the run")]
    NoRun,
}

impl Request {
    /// Writes the request.
    ///
    /// # Errors
    ///
    /// [`RequestError::Json`] if the input has no JSON form.
    pub fn encode(&self) -> Result<String, RequestError> {
        Ok(serde_json::to_string(&Envelope { caribou: FORMAT, again: false, returns: 0, request: self })?)
    }

    /// Writes the request as one that is sent again: it was parked, or came back as a dead letter so often.
    pub(crate) fn encode_again(&self, returns: u8) -> Result<String, RequestError> {
        Ok(serde_json::to_string(&Envelope { caribou: FORMAT, again: true, returns, request: self })?)
    }

    /// Reads a request.
    ///
    /// # Errors
    ///
    /// [`RequestError`] says what is wrong with it.
    pub fn decode(body: &str) -> Result<Self, RequestError> {
        Self::read(body).map(|received| received.request)
    }

    /// Reads a request, with what is known of its way.
    pub(crate) fn read(body: &str) -> Result<Received, RequestError> {
        let envelope: Envelope<Self> = serde_json::from_str(body)?;
        if envelope.caribou != FORMAT {
            return Err(RequestError::Format(envelope.caribou));
        }
        if envelope.request.traceparent.as_deref().is_some_and(|text| !is_traceparent(text)) {
            return Err(RequestError::Traceparent);
        }
        if envelope.request.resume.is_some() && envelope.request.run.is_none() {
            return Err(RequestError::NoRun);
        }
        let Envelope { again, returns, request, .. } = envelope;
        Ok(Received { request, again, returns })
    }
}

/// `00-<32 hex digits>-<16>-<2>`.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    let plain =
        text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    plain && lengths.eq([2, 32, 16, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_needs_a_workflow_only() {
        let request = Request::decode(r#"{"caribou":1,"request":{"workflow":"press"}}"#).unwrap();
        assert_eq!(
            (request.workflow.as_str(), request.run, request.input),
            ("press", None, serde_json::Value::Null)
        );
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_way_to_write_one() {
        for body in ["", "{}", "[1]", r#"{"caribou":1,"request":{"workflow":"press","inptu":1}}"#] {
            let error = Request::decode(body).unwrap_err().to_string();
            assert!(error.contains("a request looks like {\"caribou\":1"), "{error}");
        }
        assert!(matches!(
            Request::decode(r#"{"caribou":2,"request":{"workflow":"press"}}"#),
            Err(RequestError::Format(2))
        ));
    }

    #[test]
    fn a_run_that_is_to_be_taken_up_again_has_a_name() {
        let body = r#"{"caribou":1,"request":{"workflow":"press","resume":1}}"#;
        assert!(matches!(Request::decode(body), Err(RequestError::NoRun)));
    }

    #[test]
    fn a_traceparent_that_is_none_is_refused() {
        let body = r#"{"caribou":1,"request":{"workflow":"press","traceparent":"zz"}}"#;
        assert!(matches!(Request::decode(body), Err(RequestError::Traceparent)));
    }
}
