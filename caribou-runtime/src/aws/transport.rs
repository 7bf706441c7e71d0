//! [`Transport`] on SNS; what is not to come before a certain time waits in SQS.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::types::MessageAttributeValue;
use caribou_model::Timestamp;

use super::Adapter;
use super::failure::{Failure, Kind};
use crate::body;
use crate::lambda::NOT_BEFORE;
use crate::local::SystemClock;
use crate::message::LARGEST;
use crate::port::{Clock as _, SendError, StageAddress, Transport};

/// The longest delay that SQS takes, in seconds.
const LONGEST_DELAY_S: u64 = 900;
/// How often a send is made that is refused because there are too many.
const TRIES: u32 = 5;
/// The wait before the second of these; each further wait is twice as long. All are shortened by up to a half, by chance.
const FIRST_WAIT: Duration = Duration::from_millis(50);

#[async_trait]
impl Transport for Adapter {
    async fn send(
        &self,
        to: &StageAddress,
        body: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), SendError> {
        let region = to.region.clone();
        let packed = body::pack(body);
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        let failure = loop {
            let now = SystemClock.now();
            let failure = match not_before.filter(|instant| *instant > now) {
                None => self.publish(to, &packed).await,
                Some(instant) => self.park(to, &packed, instant, now).await,
            };
            match failure {
                Ok(()) => return Ok(()),
                Err(failure) if failure.kind == Kind::Throttled && tries < TRIES => {
                    let part = RandomState::new().hash_one(tries) % 512;
                    SystemClock.sleep(wait.mul_f64(1.0 - part as f64 / 1024.0)).await;
                }
                Err(failure) => break failure,
            }
            tries += 1;
            wait *= 2;
        };
        let Failure { kind, cause } = failure;
        Err(match kind {
            Kind::NotSent | Kind::Throttled | Kind::Refused => SendError::NotAccepted { region, cause },
            Kind::Doubtful => SendError::Ambiguous { region, cause },
        })
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
        let failed =
            |error: &dyn ToString| Failure::beforehand(error.to_string(), "this is a defect of Caribou");
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
            .message_attributes(NOT_BEFORE, attribute.map_err(|error| failed(&error))?);
        request.send().await.map(drop).map_err(|error| Failure::of("sqs:SendMessage", &error))
    }
}

/// What SNS would refuse, refused here.
fn check(bytes: usize) -> Result<(), Failure> {
    if bytes <= LARGEST {
        return Ok(());
    }
    let cause = format!("the message has {bytes} bytes as it is sent, and SNS takes {LARGEST}");
    Err(Failure::beforehand(cause, "let the stage send fewer values, or smaller ones"))
}
