//! The events that Lambda makes of what comes in.

use aws_sdk_sqs::types::Message;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::queue::Mapping;

/// What SNS posts to an HTTP endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Notification {
    pub(super) r#type: String,
    pub(super) message_id: String,
    pub(super) topic_arn: String,
    pub(super) subject: Option<String>,
    pub(super) message: String,
    pub(super) timestamp: String,
    #[serde(default)]
    pub(super) message_attributes: Value,
    /// Of the confirmation that SNS asks for.
    pub(super) token: Option<String>,
}

impl Notification {
    /// The event that Lambda makes of it for a subscription.
    pub(super) fn event(&self, subscription: &str) -> Value {
        let attributes =
            if self.message_attributes.is_null() { json!({}) } else { self.message_attributes.clone() };
        json!({ "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "Sns": {
                "Type": self.r#type,
                "MessageId": self.message_id,
                "TopicArn": self.topic_arn,
                "Subject": self.subject,
                "Message": self.message,
                "Timestamp": self.timestamp,
                "MessageAttributes": attributes,
            },
        }]})
    }
}

/// The event that Lambda makes of messages of a queue.
pub(super) fn of_queue(mapping: &Mapping, messages: &[Message]) -> Value {
    let records: Vec<Value> = messages.iter().map(|message| record(mapping, message)).collect();
    json!({ "Records": records })
}

fn record(mapping: &Mapping, message: &Message) -> Value {
    let attributes: Map<String, Value> = message
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
        .collect();
    let own: Map<String, Value> = message
        .message_attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = json!({
                "stringValue": value.string_value(),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value.data_type(),
            });
            (name.clone(), value)
        })
        .collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": own,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.queue,
        "awsRegion": mapping.region.code(),
    })
}
