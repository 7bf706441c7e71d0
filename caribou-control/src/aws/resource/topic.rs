//! Where the messages for a function go. Its policy is the one that SNS gives every topic: the account alone may use it, so
//! that what may publish is said in one place, the role.

use async_trait::async_trait;
use aws_sdk_sns::types::Tag;
use serde_json::{Value, json};

use super::field::{differs, superfluous_tags};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::place::Place;

pub(in crate::aws) struct Topic {
    pub(in crate::aws) place: Place,
}

impl Topic {
    /// What SNS gives every topic.
    fn default_policy(&self) -> Value {
        let actions = [
            "GetTopicAttributes",
            "SetTopicAttributes",
            "AddPermission",
            "RemovePermission",
            "DeleteTopic",
            "Subscribe",
            "ListSubscriptionsByTopic",
            "Publish",
        ];
        json!({
            "Version": "2008-10-17",
            "Id": "__default_policy_ID",
            "Statement": [{
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": actions.map(|action| format!("SNS:{action}")),
                "Resource": self.place.topic_arn(),
                "Condition": { "StringEquals": { "AWS:SourceOwner": self.place.account.as_str() } },
            }],
        })
    }

    /// Whether only the account itself may use it; what exactly the account may do is not looked at, as SNS adds to it.
    fn is_closed(&self, policy: &str) -> bool {
        let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
        let Some([statement]) = policy["Statement"].as_array().map(Vec::as_slice) else { return false };
        let conditions = &statement["Condition"]["StringEquals"];
        let owner = [
            &conditions["AWS:SourceOwner"],
            &conditions["aws:SourceOwner"],
            &conditions["AWS:SourceAccount"],
        ];
        owner.iter().any(|owner| owner.as_str() == Some(self.place.account.as_str()))
    }

    fn tags(&self) -> Result<Vec<Tag>, AwsError> {
        let tag = |(key, value): (String, String)| Tag::builder().key(key).value(value).build();
        self.place.tags().into_iter().map(tag).collect::<Result<_, _>>().map_err(AwsError::internal)
    }
}

#[async_trait]
impl Resource for Topic {
    fn id(&self) -> Id {
        self.place.id(Kind::Topic)
    }

    fn wanted(&self) -> Option<Fields> {
        Some(Fields::default().with("who may use it", "the account").with_tags(self.place.tags()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let sns = &aws.at(&id.region).sns;
        let asked = sns.get_topic_attributes().topic_arn(self.place.topic_arn()).send().await;
        let Some(found) = optional(asked.map_err(id.fault("sns:GetTopicAttributes")))? else {
            return Ok(None);
        };
        let tags = sns.list_tags_for_resource().resource_arn(self.place.topic_arn()).send().await;
        let Some(tags) = optional(tags.map_err(id.fault("sns:ListTagsForResource")))? else {
            return Ok(None);
        };
        let policy = found.attributes().and_then(|attributes| attributes.get("Policy"));
        let users = match policy {
            Some(policy) if self.is_closed(policy) => "the account",
            Some(policy) => policy,
            None => "nobody",
        };
        let tags = tags.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
        Ok(Some(Fields::default().with("who may use it", users).with_tags(tags)))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let create = aws.at(&id.region).sns.create_topic().name(&id.name).set_tags(Some(self.tags()?));
        create.send().await.map(drop).map_err(id.fault("sns:CreateTopic"))
    }

    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let (sns, arn) = (&aws.at(&id.region).sns, self.place.topic_arn());
        if differs(differing, "who may use it") {
            let set = sns.set_topic_attributes().topic_arn(&arn).attribute_name("Policy");
            let set = set.attribute_value(self.default_policy().to_string());
            set.send().await.map_err(id.fault("sns:SetTopicAttributes"))?;
        }
        if differs(differing, "tag") {
            let tag = sns.tag_resource().resource_arn(&arn).set_tags(Some(self.tags()?));
            tag.send().await.map_err(id.fault("sns:TagResource"))?;
        }
        let superfluous = superfluous_tags(differing);
        if !superfluous.is_empty() {
            let untag = sns.untag_resource().resource_arn(&arn).set_tag_keys(Some(superfluous));
            untag.send().await.map_err(id.fault("sns:UntagResource"))?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let sent = aws.at(&id.region).sns.delete_topic().topic_arn(self.place.topic_arn()).send().await;
        optional(sent.map_err(id.fault("sns:DeleteTopic"))).map(drop)
    }
}
