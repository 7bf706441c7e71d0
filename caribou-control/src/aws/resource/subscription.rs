//! What leads from a function's topic to the function. What it cannot deliver goes to the function's queue.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::place::Place;

pub(in crate::aws) struct Subscription {
    pub(in crate::aws) place: Place,
}

const REDRIVE_POLICY: &str = "RedrivePolicy";
const RAW: &str = "RawMessageDelivery";

impl Subscription {
    fn redrive(&self) -> String {
        json!({ "deadLetterTargetArn": self.place.queue_arn() }).to_string()
    }

    /// The ARN ends with an id that SNS chose: it is looked up.
    async fn arn(&self, aws: &Aws) -> Result<Option<String>, AwsError> {
        let id = self.id();
        let sns = &aws.at(&id.region).sns;
        let function = self.place.function_arn();
        let mut next = None;
        loop {
            let list = sns.list_subscriptions_by_topic().topic_arn(self.place.topic_arn());
            let page = list.set_next_token(next).send().await;
            let Some(page) = optional(page.map_err(id.fault("sns:ListSubscriptionsByTopic")))? else {
                return Ok(None);
            };
            let mut subscriptions = page.subscriptions.unwrap_or_default().into_iter();
            let found = subscriptions.find(|one| one.endpoint() == Some(&function));
            if let Some(found) = found {
                return Ok(found.subscription_arn);
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(None);
            }
        }
    }
}

#[async_trait]
impl Resource for Subscription {
    fn id(&self) -> Id {
        self.place.id(Kind::Subscription)
    }

    fn wanted(&self) -> Option<Fields> {
        Some(Fields::default().with("redrive to", self.place.queue_arn()).with("raw messages", false))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let Some(arn) = self.arn(aws).await? else { return Ok(None) };
        let get = aws.at(&id.region).sns.get_subscription_attributes().subscription_arn(arn);
        let Some(found) = optional(get.send().await.map_err(id.fault("sns:GetSubscriptionAttributes")))?
        else {
            return Ok(None);
        };
        let attributes = found.attributes.unwrap_or_default();
        let redrive: Option<Value> =
            attributes.get(REDRIVE_POLICY).and_then(|text| serde_json::from_str(text).ok());
        let to = redrive.as_ref().and_then(|redrive| redrive["deadLetterTargetArn"].as_str());
        let is_raw = attributes.get(RAW).is_some_and(|raw| raw == "true");
        Ok(Some(Fields::default().with_some("redrive to", to).with("raw messages", is_raw)))
    }

    /// Subscribing the same function again gives the subscription that is there.
    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let subscribe = aws.at(&id.region).sns.subscribe().topic_arn(self.place.topic_arn());
        let subscribe = subscribe.protocol("lambda").endpoint(self.place.function_arn());
        let subscribe = subscribe.attributes(REDRIVE_POLICY, self.redrive()).return_subscription_arn(true);
        subscribe.send().await.map(drop).map_err(id.fault("sns:Subscribe"))
    }

    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let Some(arn) = self.arn(aws).await? else { return self.create(aws).await };
        for Differing { field, .. } in differing {
            let (name, value) = match field.as_str() {
                "raw messages" => (RAW, "false".to_owned()),
                _ => (REDRIVE_POLICY, self.redrive()),
            };
            let set = aws.at(&id.region).sns.set_subscription_attributes().subscription_arn(&arn);
            let set = set.attribute_name(name).attribute_value(value);
            set.send().await.map_err(id.fault("sns:SetSubscriptionAttributes"))?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let Some(arn) = self.arn(aws).await? else { return Ok(()) };
        let sent = aws.at(&id.region).sns.unsubscribe().subscription_arn(arn).send().await;
        optional(sent.map_err(id.fault("sns:Unsubscribe"))).map(drop)
    }
}
