//! How often Lambda tries a message, how long, and where it sends what it gives up: to the function's queue.

use async_trait::async_trait;
use aws_sdk_lambda::types::{DestinationConfig, OnFailure};

use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::patience::{ROLE, insist, role_is_new_or_busy};
use crate::aws::place::Place;

/// Lambda tries three times at the most; what is beyond that is Caribou's own, sent again from the queue.
const MOST_RETRIES: u8 = 2;
/// The bounds of a message's age that Lambda takes, in seconds.
const AGES_S: std::ops::RangeInclusive<u32> = 60..=6 * 3600;

pub(in crate::aws) struct FailureDestination {
    pub(in crate::aws) place: Place,
    /// Retries of the function.
    pub(in crate::aws) retries: u8,
    /// How long a run may take, in seconds: older messages are of no use.
    pub(in crate::aws) deadline_s: u32,
}

impl FailureDestination {
    fn retries(&self) -> i32 {
        self.retries.min(MOST_RETRIES).into()
    }

    fn age_s(&self) -> i32 {
        self.deadline_s.clamp(*AGES_S.start(), *AGES_S.end()).cast_signed()
    }
}

#[async_trait]
impl Resource for FailureDestination {
    fn id(&self) -> Id {
        self.place.id(Kind::FailureDestination)
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default().with("retries", self.retries()).with("age in seconds", self.age_s());
        Some(fields.with("destination", self.place.queue_arn()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let asked = aws.at(&id.region).lambda.get_function_event_invoke_config().function_name(&id.name);
        let asked = asked.send().await.map_err(id.fault("lambda:GetFunctionEventInvokeConfig"));
        let Some(found) = optional(asked)? else { return Ok(None) };
        let failure = found.destination_config().and_then(|config| config.on_failure());
        let fields = Fields::default()
            .with_some("retries", found.maximum_retry_attempts())
            .with_some("age in seconds", found.maximum_event_age_in_seconds())
            .with_some("destination", failure.and_then(OnFailure::destination));
        Ok(Some(fields))
    }

    /// Lambda checks that the role may send to the queue, which may not be known everywhere yet.
    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        insist(aws.clock(), ROLE, role_is_new_or_busy, || async {
            let failure = OnFailure::builder().destination(self.place.queue_arn()).build();
            let put = clients.lambda.put_function_event_invoke_config().function_name(&id.name);
            let put = put.maximum_retry_attempts(self.retries()).maximum_event_age_in_seconds(self.age_s());
            let put = put.destination_config(DestinationConfig::builder().on_failure(failure).build());
            put.send().await.map(drop).map_err(id.fault("lambda:PutFunctionEventInvokeConfig"))
        })
        .await
    }

    async fn update(&self, aws: &Aws, _: &[Differing]) -> Result<(), AwsError> {
        self.create(aws).await?;
        // moto keeps the first that it was given until that is deleted
        if self.actual(aws).await? != self.wanted() {
            self.delete(aws).await?;
            self.create(aws).await?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let delete = aws.at(&id.region).lambda.delete_function_event_invoke_config().function_name(&id.name);
        let sent = delete.send().await;
        optional(sent.map_err(id.fault("lambda:DeleteFunctionEventInvokeConfig"))).map(drop)
    }
}
