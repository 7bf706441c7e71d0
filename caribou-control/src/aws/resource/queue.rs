//! A function's queue, for what is parked and what could not be delivered, and the queue behind it.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::{Value, json};

use super::field::{canonical, differs, superfluous_tags};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::patience::{QUEUE, insist, was_just_removed};
use crate::aws::place::Place;

/// How long a letter is kept: as long as SQS can.
const RETENTION: Duration = Duration::from_hours(14 * 24);
/// How often a letter is received before it goes to the queue behind. What meets a region that does not answer is put back by
/// the shim itself; this bounds what no bootstrap can read.
const RECEIVES: u64 = 10;
/// As AWS asks of a queue that feeds a function: time for an attempt and for those that are throttled.
const VISIBILITY_TIMEOUTS: u64 = 6;

pub(in crate::aws) struct Queue {
    pub(in crate::aws) place: Place,
    /// Whether it is the one behind.
    pub(in crate::aws) is_dead: bool,
    /// The function's timeout.
    pub(in crate::aws) timeout: Duration,
}

impl Queue {
    fn arn(&self) -> String {
        if self.is_dead {
            self.place.account.dead_queue_arn(&self.place.address)
        } else {
            self.place.queue_arn()
        }
    }

    /// The URL is derived: a look at what is there costs no call to find it.
    pub(in crate::aws) fn url(&self) -> String {
        let suffix = if self.is_dead { "-dead" } else { "" };
        format!("{}{suffix}", self.place.account.queue_url(&self.place.address))
    }

    fn visibility_s(&self) -> u64 {
        self.timeout.as_secs() * VISIBILITY_TIMEOUTS
    }

    /// The topic's subscription may send here what it cannot deliver, and nobody else of SNS. (What Lambda gives up it sends
    /// with the function's role.)
    fn policy(&self) -> String {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "Topic",
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": self.arn(),
                "Condition": { "ArnEquals": { "aws:SourceArn": self.place.topic_arn() } },
            }],
        })
        .to_string()
    }

    fn attributes(&self) -> HashMap<Attribute, String> {
        let mut attributes = HashMap::from([
            (Attribute::MessageRetentionPeriod, RETENTION.as_secs().to_string()),
            (Attribute::VisibilityTimeout, self.visibility_s().to_string()),
        ]);
        if !self.is_dead {
            let redrive = json!({
                "deadLetterTargetArn": self.place.account.dead_queue_arn(&self.place.address),
                "maxReceiveCount": RECEIVES,
            });
            attributes.insert(Attribute::RedrivePolicy, redrive.to_string());
            attributes.insert(Attribute::Policy, self.policy());
        }
        attributes
    }

    fn fields(attributes: &HashMap<Attribute, String>) -> Fields {
        let of = |attribute| attributes.get(&attribute).filter(|value| !value.is_empty());
        let redrive: Option<Value> =
            of(Attribute::RedrivePolicy).and_then(|text| serde_json::from_str(text).ok());
        // SQS writes the number as it was given: as a number or as a text
        let part = |name: &str| redrive.as_ref().map(|redrive| redrive[name].to_string().replace('"', ""));
        Fields::default()
            .with_some("retention in seconds", of(Attribute::MessageRetentionPeriod))
            .with_some("visibility timeout in seconds", of(Attribute::VisibilityTimeout))
            .with_some("redrive to", part("deadLetterTargetArn"))
            .with_some("redrive after", part("maxReceiveCount"))
            .with_some("policy", of(Attribute::Policy).map(|policy| canonical(policy)))
    }
}

#[async_trait]
impl Resource for Queue {
    fn id(&self) -> Id {
        self.place.id(if self.is_dead { Kind::DeadQueue } else { Kind::Queue })
    }

    fn wanted(&self) -> Option<Fields> {
        Some(Self::fields(&self.attributes()).with_tags(self.place.tags()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let sqs = &aws.at(&id.region).sqs;
        let asked =
            sqs.get_queue_attributes().queue_url(self.url()).attribute_names(Attribute::All).send().await;
        let Some(found) = optional(asked.map_err(id.fault("sqs:GetQueueAttributes")))? else {
            return Ok(None);
        };
        let tags = sqs.list_queue_tags().queue_url(self.url()).send().await;
        let Some(tags) = optional(tags.map_err(id.fault("sqs:ListQueueTags")))? else { return Ok(None) };
        let fields = Self::fields(&found.attributes.unwrap_or_default());
        Ok(Some(fields.with_tags(tags.tags.unwrap_or_default())))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&id.region);
        insist(aws.clock(), QUEUE, was_just_removed, || async {
            let create = clients.sqs.create_queue().queue_name(&id.name);
            let create = create.set_attributes(Some(self.attributes()));
            let create = create.set_tags(Some(self.place.tags().into_iter().collect()));
            create.send().await.map(drop).map_err(id.fault("sqs:CreateQueue"))
        })
        .await
    }

    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let sqs = &aws.at(&id.region).sqs;
        if differing.iter().any(|one| !one.field.starts_with("tag ")) {
            let mut attributes = self.attributes();
            if self.is_dead {
                // an empty text takes away what somebody set
                attributes
                    .extend([Attribute::RedrivePolicy, Attribute::Policy].map(|name| (name, String::new())));
            }
            let set = sqs.set_queue_attributes().queue_url(self.url()).set_attributes(Some(attributes));
            set.send().await.map_err(id.fault("sqs:SetQueueAttributes"))?;
        }
        if differs(differing, "tag") {
            let tag = sqs.tag_queue().queue_url(self.url());
            let tag = tag.set_tags(Some(self.place.tags().into_iter().collect()));
            tag.send().await.map_err(id.fault("sqs:TagQueue"))?;
        }
        let superfluous = superfluous_tags(differing);
        if !superfluous.is_empty() {
            let untag = sqs.untag_queue().queue_url(self.url()).set_tag_keys(Some(superfluous));
            untag.send().await.map_err(id.fault("sqs:UntagQueue"))?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let sent = aws.at(&id.region).sqs.delete_queue().queue_url(self.url()).send().await;
        optional(sent.map_err(id.fault("sqs:DeleteQueue"))).map(drop)
    }
}
