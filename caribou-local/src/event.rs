//! Events as AWS Lambda delivers them.

use caribou_runtime::port::StageAddress;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::message::{Form, Message, Mode};

/// The account of every function and topic of the embedded cloud.
const ACCOUNT: &str = "000000000000";

/// The event for a message: from its SNS topic or as it was given, or in failure mode what Lambda sends to a failure
/// destination.
pub(crate) fn event(message: &Message, body: &str) -> Vec<u8> {
    let event = match message.form {
        Form::Publication => crate::message::json(&Notification::new(message, body)),
        Form::Event => body.into(),
    };
    match &message.mode {
        Mode::Handle => event,
        Mode::Failure { attempts, reason, kind } => crate::message::json(&json!({
            "version": "1.0",
            "timestamp": timestamp(message),
            "requestContext": {
                "requestId": message.request_id,
                "functionArn": function_arn(&message.to),
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": serde_json::from_slice::<&RawValue>(&event).ok(),
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "responsePayload": { "errorType": kind, "errorMessage": reason },
        })),
    }
}

/// The name of a deployed function in the world.
pub(crate) fn function_arn(address: &StageAddress) -> String {
    format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", address.region.code(), address.deployed_name())
}

fn timestamp(message: &Message) -> String {
    let millis = i64::try_from(message.published.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Notification<'a> {
    records: [Record<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    event_source: &'static str,
    event_version: &'static str,
    event_subscription_arn: String,
    sns: Sns<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sns<'a> {
    r#type: &'static str,
    message_id: &'a str,
    topic_arn: String,
    subject: Option<&'static str>,
    message: &'a str,
    timestamp: String,
    message_attributes: Value,
}

impl<'a> Notification<'a> {
    fn new(message: &'a Message, body: &'a str) -> Self {
        let (region, name) = (message.to.region.code(), message.to.deployed_name());
        let topic_arn = format!("arn:aws:sns:{region}:{ACCOUNT}:{name}");
        let sns = Sns {
            r#type: "Notification",
            message_id: &message.id,
            topic_arn: topic_arn.clone(),
            subject: None,
            message: body,
            timestamp: timestamp(message),
            message_attributes: json!({}),
        };
        let event_subscription_arn = format!("{topic_arn}:caribou");
        Self {
            records: [Record { event_source: "aws:sns", event_version: "1.0", event_subscription_arn, sns }],
        }
    }
}
