//! What an event of AWS Lambda asks for.

use std::collections::HashMap;

use caribou_model::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::http::Post;
use super::queue::{Content, Queued};
use crate::body;

/// The attribute of a parked message that says when it is to be delivered: ms since 1970.
pub(crate) const NOT_BEFORE: &str = "caribou-not-before";

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To handle a message or a request.
    Handle {
        /// Its text.
        body: String,
        /// Its id, if it came from a topic.
        message_id: Option<String>,
    },
    /// To note that a message was given up.
    GivenUp(GivenUp),
    /// Messages of the function's queue, each on its own.
    Queue(Vec<Queued>),
    /// To start a run, asked over HTTP.
    Http(Post),
    /// To tell somebody that this kind of HTTP event is not understood.
    HttpOfAnotherKind,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Its text.
    pub body: String,
    /// Its id, if it came from a topic.
    pub message_id: Option<String>,
    /// The request id of the attempts at it, if there were any.
    pub request_id: Option<String>,
    /// Why it was given up.
    pub reason: String,
}

/// An event that is none of those above.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event cannot be read: {0}; a function of Caribou takes messages of its own topic and queue, requests to start a \
     run, and POST requests of its function URL or an HTTP API"
)]
pub struct UnreadableEvent(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    request_context: Option<RequestContext>,
    request_payload: Option<Box<RawValue>>,
    response_payload: Option<ResponsePayload>,
    headers: Option<HashMap<String, Option<String>>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    http_method: Option<IgnoredAny>,
    #[serde(rename = "detail-type")]
    detail_type: Option<IgnoredAny>,
    awslogs: Option<IgnoredAny>,
    #[serde(rename = "deliveryStreamArn")]
    delivery_stream: Option<IgnoredAny>,
    #[serde(rename = "eventSourceArn")]
    stream: Option<IgnoredAny>,
    trigger_source: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: Option<String>,
    #[serde(alias = "EventSource")]
    event_source: Option<String>,
    #[serde(rename = "Sns")]
    sns: Option<Sns>,
    body: Option<String>,
    message_attributes: Option<HashMap<String, Attribute>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    string_value: Option<String>,
}

#[derive(Deserialize)]
struct Sns {
    #[serde(rename = "Message")]
    message: String,
    #[serde(rename = "MessageId")]
    message_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: Option<String>,
    condition: Option<String>,
    #[serde(default)]
    approximate_invoke_count: u32,
    http: Option<Http>,
    time_epoch: Option<u64>,
    elb: Option<IgnoredAny>,
    connection_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePayload {
    error_message: Option<String>,
}

fn unreadable<T>(what: impl Into<String>) -> Result<T, UnreadableEvent> {
    Err(UnreadableEvent(what.into()))
}

impl Delivery {
    /// Finds out what an event asks for.
    ///
    /// # Errors
    ///
    /// [`UnreadableEvent`] if it is one of AWS's own events that nothing here understands, or looks like one that is
    /// understood, but lacks what they have.
    pub fn read(event: &str) -> Result<Self, UnreadableEvent> {
        let envelope = match serde_json::from_str::<Envelope>(event) {
            Ok(envelope) => envelope,
            Err(_) if !event.trim_start().starts_with('{') => {
                return Ok(Self::Handle { body: event.to_owned(), message_id: None });
            }
            Err(error) => return unreadable(error.to_string()),
        };
        if let Some(records) = envelope.records {
            return of_records(records);
        }
        if let Some(payload) = envelope.request_payload {
            let letter = given_up(&payload, envelope.request_context, envelope.response_payload)?;
            return Ok(Self::GivenUp(letter));
        }
        let context = envelope.request_context;
        if let Some(Http { method }) = context.as_ref().and_then(|context| context.http.as_ref()) {
            let headers = envelope.headers.unwrap_or_default().into_iter();
            let header = |(name, value): (String, Option<String>)| Some((name.to_ascii_lowercase(), value?));
            return Ok(Self::Http(Post {
                method: method.clone(),
                headers: headers.filter_map(header).collect(),
                body: envelope.body.unwrap_or_default(),
                is_base64: envelope.is_base64_encoded,
                received: context.and_then(|context| context.time_epoch).map(Timestamp::from_millis),
            }));
        }
        if envelope.http_method.is_some() {
            return Ok(Self::HttpOfAnotherKind);
        }
        let foreign = [
            (envelope.detail_type.is_some(), "Amazon EventBridge"),
            (envelope.awslogs.is_some(), "CloudWatch Logs"),
            (envelope.delivery_stream.is_some(), "Amazon Data Firehose"),
            (envelope.stream.is_some(), "a stream"),
            (envelope.trigger_source.is_some(), "Amazon Cognito"),
            (
                context.as_ref().is_some_and(|context| context.connection_id.is_some()),
                "a WebSocket API of API Gateway",
            ),
            (context.as_ref().is_some_and(|context| context.elb.is_some()), "a load balancer"),
        ];
        match foreign.iter().find(|(it_is, _)| *it_is) {
            Some((_, whose)) => unreadable(format!("it is an event of {whose}")),
            None => Ok(Self::Handle { body: event.to_owned(), message_id: None }),
        }
    }
}

fn of_records(mut records: Vec<Record>) -> Result<Delivery, UnreadableEvent> {
    let whose = |record: &Record| match (&record.event_source, &record.sns, &record.body) {
        (Some(source), ..) => source.clone(),
        (None, Some(_), _) => "aws:sns".to_owned(),
        (None, None, Some(_)) => "aws:sqs".to_owned(),
        (None, None, None) => "nobody known".to_owned(),
    };
    match records.first().map(whose).as_deref() {
        None => unreadable("it has no records"),
        Some("aws:sns") => match (records.pop().and_then(|record| record.sns), records.is_empty()) {
            (Some(sns), true) => {
                Ok(Delivery::Handle { body: body::unpack(sns.message), message_id: sns.message_id })
            }
            _ => unreadable("it must have exactly one record of SNS"),
        },
        Some("aws:sqs") => {
            let queued = records.into_iter().map(|record| {
                let (Some(id), Some(text)) = (record.message_id, record.body) else {
                    return unreadable("a record of SQS has no id or no body");
                };
                let content = from_queue(text, &record.message_attributes.unwrap_or_default());
                Ok(Queued { id, content })
            });
            queued.collect::<Result<_, _>>().map(Delivery::Queue)
        }
        Some(whose) => unreadable(format!("it has records of {whose}")),
    }
}

fn given_up(
    payload: &RawValue,
    context: Option<RequestContext>,
    response: Option<ResponsePayload>,
) -> Result<GivenUp, UnreadableEvent> {
    let Delivery::Handle { body, message_id } = Delivery::read(payload.get())? else {
        return unreadable("what was given up is no message itself");
    };
    let said = response.and_then(|response| response.error_message);
    let (request_id, condition) = match context {
        Some(RequestContext { request_id, condition, approximate_invoke_count: attempts, .. }) => {
            let condition = condition.unwrap_or_else(|| "given up".to_owned());
            (request_id, format!("{condition} after {attempts} attempts"))
        }
        None => (None, "given up".to_owned()),
    };
    let reason = said.map_or(condition.clone(), |said| format!("{condition}: {said}"));
    Ok(GivenUp { body, message_id, request_id, reason })
}

/// A message in the function's queue: parked, from Lambda's failure destination, or from an SNS subscription.
fn from_queue(text: String, attributes: &HashMap<String, Attribute>) -> Result<Content, UnreadableEvent> {
    let attribute = |name: &str| attributes.get(name)?.string_value.as_deref();
    if let Some(instant) = attribute(NOT_BEFORE) {
        let Ok(instant) = instant.parse() else {
            return unreadable(format!(
                "a message is parked until `{}`, which is no time",
                instant.escape_debug()
            ));
        };
        return Ok(Content::Parked { body: body::unpack(text), not_before: Timestamp::from_millis(instant) });
    }
    if let Ok(Sns { message, message_id }) = serde_json::from_str(&text) {
        let mut reason = "the topic could not deliver it to the function".to_owned();
        if let Some(said) = attribute("ErrorMessage") {
            reason = format!("{reason}: {said}");
        }
        let letter = GivenUp { body: body::unpack(message), message_id, request_id: None, reason };
        return Ok(Content::GivenUp(letter));
    }
    match Delivery::read(&text)? {
        Delivery::GivenUp(letter) => Ok(Content::GivenUp(letter)),
        _ => unreadable("the queue's message is no notice of a failure"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const FROM_SNS: &str = r#"{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0",
        "EventSubscriptionArn":"arn:aws:sns:us-east-1:123456789012:t:s","Sns":{"Type":"Notification",
        "MessageId":"95df01b4","TopicArn":"arn:aws:sns:us-east-1:123456789012:t","Subject":null,
        "Message":"hello","Timestamp":"2026-01-01T00:00:00.000Z","MessageAttributes":{}}}]}"#;

    pub(in crate::lambda) fn destination() -> String {
        format!(
            r#"{{"version":"1.0","timestamp":"2026-01-01T00:00:00.000Z","requestContext":{{"requestId":"r-1",
            "functionArn":"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition":"RetriesExhausted","approximateInvokeCount":3}},"requestPayload":{FROM_SNS},
            "responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},
            "responsePayload":{{"errorType":"caribou.Failed","errorMessage":"no luck"}}}}"#
        )
    }

    fn letter() -> GivenUp {
        GivenUp {
            body: "hello".into(),
            message_id: Some("95df01b4".into()),
            request_id: Some("r-1".into()),
            reason: "RetriesExhausted after 3 attempts: no luck".into(),
        }
    }

    #[test]
    fn a_message_is_taken_out_of_its_notification() {
        assert_eq!(
            Delivery::read(FROM_SNS).unwrap(),
            Delivery::Handle { body: "hello".into(), message_id: Some("95df01b4".into()) }
        );
    }

    #[test]
    fn a_message_with_characters_that_sns_does_not_carry_is_unpacked() {
        let packed = body::pack("a\u{FFFE}b");
        let Delivery::Handle { body, .. } = Delivery::read(&FROM_SNS.replace("hello", &packed)).unwrap()
        else {
            panic!("it is a message")
        };
        assert_eq!(body, "a\u{FFFE}b");
    }

    #[test]
    fn any_other_json_is_a_request_as_it_is() {
        for request in [r#"{"caribou":1,"n":1.0}"#, "[1]", "7", r#""text""#] {
            assert_eq!(
                Delivery::read(request).unwrap(),
                Delivery::Handle { body: request.into(), message_id: None }
            );
        }
    }

    #[test]
    fn a_failure_destination_tells_what_was_given_up_and_why() {
        assert_eq!(Delivery::read(&destination()).unwrap(), Delivery::GivenUp(letter()));
    }

    #[test]
    fn the_same_comes_from_a_queue_and_so_do_undeliverable_notifications_and_parked_messages() {
        let notification = r#"{"Type":"Notification","MessageId":"m","Message":"hello"}"#;
        let record = |id: &str, body: &str, attributes: serde_json::Value| serde_json::json!({ "eventSource": "aws:sqs", "messageId": id, "body": body, "messageAttributes": attributes });
        let none = || serde_json::json!({});
        let why =
            serde_json::json!({ "ErrorMessage": { "stringValue": "no permission", "dataType": "String" } });
        let parked = serde_json::json!({ NOT_BEFORE: { "stringValue": "17", "dataType": "Number" } });
        let records = [
            record("a", &destination(), none()),
            record("b", notification, why),
            record("c", "later", parked),
        ];
        let event = serde_json::json!({ "Records": records });
        let Delivery::Queue(queued) = Delivery::read(&event.to_string()).unwrap() else { panic!("message") };
        let contents: Vec<Content> = queued.into_iter().map(|queued| queued.content.unwrap()).collect();
        assert_eq!(contents[0], Content::GivenUp(letter()));
        let Content::GivenUp(undelivered) = &contents[1] else { panic!("a letter") };
        assert_eq!((undelivered.body.as_str(), &undelivered.request_id), ("hello", &None));
        assert_eq!(undelivered.message_id.as_deref(), Some("m"));
        assert!(undelivered.reason.ends_with(": no permission"), "{}", undelivered.reason);
        let later = Content::Parked { body: "later".into(), not_before: Timestamp::from_millis(17) };
        assert_eq!(contents[2], later);
    }

    #[test]
    fn an_event_of_another_service_is_refused_by_its_name() {
        let events = [
            (r#"{"Records":[]}"#, "no records"),
            (r#"{"Records":7}"#, "invalid type"),
            (r#"{"Records":[{"s3":{}}]}"#, "nobody known"),
            (r#"{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"k"}}}]}"#, "aws:s3"),
            (r#"{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":""}}]}"#, "aws:kinesis"),
            (r#"{"Records":[{"eventSource":"aws:dynamodb","dynamodb":{}}]}"#, "aws:dynamodb"),
            (r#"{"Records":[{"eventSource":"aws:sqs","body":"b"}]}"#, "no id"),
            (
                r#"{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#,
                "EventBridge",
            ),
            (r#"{"awslogs":{"data":""}}"#, "CloudWatch Logs"),
            (
                r#"{"invocationId":"1","deliveryStreamArn":"arn","region":"us-east-1","records":[]}"#,
                "Firehose",
            ),
            (r#"{"eventSource":"aws:kafka","eventSourceArn":"arn","records":{}}"#, "a stream"),
            (
                r#"{"requestContext":{"routeKey":"$connect","connectionId":"c","eventType":"CONNECT"}}"#,
                "WebSocket",
            ),
            (r#"{"triggerSource":"PreSignUp_SignUp","userName":"u"}"#, "Cognito"),
        ];
        for (event, whose) in events {
            let error = Delivery::read(event).unwrap_err().to_string();
            assert!(
                error.contains(whose) && error.contains("takes messages of its own topic"),
                "{event}: {error}"
            );
        }
    }
}
