//! [`Transport`] on SNS; what is not to come before a certain time waits in SQS.

use async_trait::async_trait;
use aws_sdk_sqs::types::MessageAttributeValue;
use caribou_model::Timestamp;

use super::Adapter;
use super::failure::Failure;
use crate::body;
use crate::lambda::NOT_BEFORE;
use crate::local::SystemClock;
use crate::message::LARGEST;
use crate::port::{Clock as _, SendError, StageAddress, Transport};

/// The longest delay that SQS takes, in seconds.
const LONGEST_DELAY_S: u64 = 900;

#[async_trait]
impl Transport for Adapter {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let packed = body::pack(body);
        let now = SystemClock.now();
        let sent = match not_before.filter(|instant| *instant > now) {
            None => self.publish(to, &packed).await,
            Some(instant) => self.park(to, &packed, instant, now).await,
        };
        sent.map_err(|failure| failure.of_send(&to.region))
    }
}

impl Adapter {
    async fn publish(&self, to: &StageAddress, body: &str) -> Result<(), Failure> {
        check(body.len())?;
        let topic = self.account.topic_arn(to);
        let request = self.access.sns(&to.region).publish().topic_arn(topic).message(body);
        request.send().await.map(drop).map_err(|error| Failure::of("sns:Publish", &error))
    }

    async fn park(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let instant = not_before.as_millis().to_string();
        check(body.len() + NOT_BEFORE.len() + "Number".len() + instant.len())?;
        let delay = not_before.since(now).as_millis().div_ceil(1000).min(LONGEST_DELAY_S.into());
        let attribute = MessageAttributeValue::builder().data_type("Number").string_value(instant).build();
        let request = self
            .access
            .sqs(&to.region)
            .send_message()
            .queue_url(self.account.queue_url(to))
            .message_body(body)
            .delay_seconds(i32::try_from(delay).unwrap_or(LONGEST_DELAY_S as i32))
            .message_attributes(NOT_BEFORE, attribute.map_err(|error| Failure::defect(error.to_string()))?);
        request.send().await.map(drop).map_err(|error| Failure::of("sqs:SendMessage", &error))
    }
}

/// What SNS would refuse, refused here.
fn check(bytes: usize) -> Result<(), Failure> {
    if bytes <= LARGEST {
        return Ok(());
    }
    let cause = format!("the message has {bytes} bytes as it is sent, and SNS takes {LARGEST}");
    Err(Failure::unsendable(cause, "let the stage send fewer values, or smaller ones"))
}
