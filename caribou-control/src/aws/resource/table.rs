//! A workflow's store in a region.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
    TableStatus, Tag, TimeToLiveSpecification, TimeToLiveStatus,
};
use caribou_model::Region;
use caribou_runtime::aws::Account;

use super::field::{differs, superfluous_tags};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::patience::{self, Seen, insist, is_busy, until};
use crate::aws::place::WORKFLOW;

/// A store key is split at its last `/` into these two.
const KEYS: [(&str, KeyType); 2] = [("group", KeyType::Hash), ("name", KeyType::Range)];
/// The attribute with the second in which an item expires.
const EXPIRES: &str = "expires";

pub(in crate::aws) struct Table {
    pub(in crate::aws) account: Account,
    pub(in crate::aws) region: Region,
    pub(in crate::aws) workflow: String,
}

impl Table {
    fn arn(&self) -> String {
        self.account.table_arn(&self.workflow, &self.region)
    }

    fn tags(&self) -> Vec<(String, String)> {
        vec![(WORKFLOW.into(), self.workflow.clone())]
    }

    fn sdk_tags(&self) -> Result<Vec<Tag>, AwsError> {
        let tag = |(key, value): (String, String)| Tag::builder().key(key).value(value).build();
        self.tags().into_iter().map(tag).collect::<Result<_, _>>().map_err(AwsError::internal)
    }

    async fn describe(&self, aws: &Aws) -> Result<Option<TableDescription>, AwsError> {
        let id = self.id();
        let asked = aws.at(&self.region).dynamodb.describe_table().table_name(&id.name).send().await;
        Ok(optional(asked.map_err(id.fault("dynamodb:DescribeTable")))?.and_then(|found| found.table))
    }

    async fn ready(&self, aws: &Aws) -> Result<(), AwsError> {
        until(aws.clock(), &self.id(), patience::TABLE, || async {
            let found = self.describe(aws).await?;
            Ok(match found.as_ref().and_then(TableDescription::table_status) {
                Some(TableStatus::Active) => Seen::Ready(()),
                Some(status) => Seen::NotYet(status.as_str().to_lowercase()),
                None => Seen::NotYet("missing".into()),
            })
        })
        .await
    }

    /// Tags it.
    pub(in crate::aws) async fn tag(&self, aws: &Aws, key: &str, value: &str) -> Result<(), AwsError> {
        let id = self.id();
        let tag = Tag::builder().key(key).value(value).build().map_err(AwsError::internal)?;
        let tag = aws.at(&self.region).dynamodb.tag_resource().resource_arn(self.arn()).tags(tag);
        tag.send().await.map(drop).map_err(id.fault("dynamodb:TagResource"))
    }

    /// Takes a tag away.
    pub(in crate::aws) async fn untag(&self, aws: &Aws, key: &str) -> Result<(), AwsError> {
        let id = self.id();
        let untag = aws.at(&self.region).dynamodb.untag_resource().resource_arn(self.arn()).tag_keys(key);
        untag.send().await.map(drop).map_err(id.fault("dynamodb:UntagResource"))
    }

    /// DynamoDB takes one change of this an hour; while one is under way it counts as made.
    async fn expire(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&self.region);
        let specification = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES).build();
        let specification = specification.map_err(AwsError::internal)?;
        insist(aws.clock(), patience::TABLE, is_busy, || async {
            let update = clients.dynamodb.update_time_to_live().table_name(&id.name);
            let sent = update.time_to_live_specification(specification.clone()).send().await;
            match sent.map(drop).map_err(id.fault("dynamodb:UpdateTimeToLive")) {
                Err(error) if error.said().contains("already enabled") => Ok(()),
                sent => sent,
            }
        })
        .await
    }
}

#[async_trait]
impl Resource for Table {
    fn id(&self) -> Id {
        Id::new(Kind::Table, &self.region, Account::table_name(&self.workflow))
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default().with("keys", "group HASH, name RANGE");
        let fields = fields.with("billing", BillingMode::PayPerRequest).with("expires by", EXPIRES);
        Some(fields.with_tags(self.tags()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let dynamodb = &aws.at(&self.region).dynamodb;
        let Some(table) = self.describe(aws).await? else { return Ok(None) };
        if table.table_status() == Some(&TableStatus::Deleting) {
            return Ok(None);
        }
        let asked = dynamodb.describe_time_to_live().table_name(&id.name).send().await;
        let ttl = optional(asked.map_err(id.fault("dynamodb:DescribeTimeToLive")))?;
        let ttl = ttl.and_then(|found| found.time_to_live_description);
        let expires = ttl.as_ref().and_then(|ttl| {
            let is_on = matches!(
                ttl.time_to_live_status(),
                Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
            );
            ttl.attribute_name().filter(|_| is_on)
        });
        let tags = dynamodb.list_tags_of_resource().resource_arn(self.arn()).send().await;
        let Some(tags) = optional(tags.map_err(id.fault("dynamodb:ListTagsOfResource")))? else {
            return Ok(None);
        };
        let key = |key: &KeySchemaElement| format!("{} {}", key.attribute_name(), key.key_type());
        let keys: Vec<String> = table.key_schema().iter().map(key).collect();
        let billing = table.billing_mode_summary().and_then(|billing| billing.billing_mode());
        let fields = Fields::default().with("keys", keys.join(", "));
        let fields = fields.with("billing", billing.unwrap_or(&BillingMode::Provisioned));
        let tags = tags.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
        Ok(Some(fields.with_some("expires by", expires).with_tags(tags)))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&self.region);
        let mut keys = Vec::new();
        let mut attributes = Vec::new();
        for (name, kind) in KEYS {
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
            keys.push(key.map_err(AwsError::internal)?);
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute.attribute_type(ScalarAttributeType::S).build();
            attributes.push(attribute.map_err(AwsError::internal)?);
        }
        let tags = self.sdk_tags()?;
        // a table of this name may be going
        insist(aws.clock(), patience::TABLE, is_busy, || async {
            let create = clients.dynamodb.create_table().table_name(&id.name);
            let create = create.set_key_schema(Some(keys.clone()));
            let create = create.set_attribute_definitions(Some(attributes.clone()));
            let create = create.billing_mode(BillingMode::PayPerRequest).set_tags(Some(tags.clone()));
            create.send().await.map(drop).map_err(id.fault("dynamodb:CreateTable"))
        })
        .await?;
        self.ready(aws).await?;
        self.expire(aws).await
    }

    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let dynamodb = &aws.at(&self.region).dynamodb;
        if let Some(keys) = differing.iter().find(|one| one.field == "keys") {
            return Err(keys.fixed(id));
        }
        self.ready(aws).await?;
        if differs(differing, "billing") {
            let update =
                dynamodb.update_table().table_name(&id.name).billing_mode(BillingMode::PayPerRequest);
            update.send().await.map_err(id.fault("dynamodb:UpdateTable"))?;
            self.ready(aws).await?;
        }
        if differs(differing, "expires by") {
            self.expire(aws).await?;
        }
        if differs(differing, "tag") {
            let tag = dynamodb.tag_resource().resource_arn(self.arn()).set_tags(Some(self.sdk_tags()?));
            tag.send().await.map_err(id.fault("dynamodb:TagResource"))?;
        }
        let superfluous = superfluous_tags(differing);
        if !superfluous.is_empty() {
            let untag = dynamodb.untag_resource().resource_arn(self.arn()).set_tag_keys(Some(superfluous));
            untag.send().await.map_err(id.fault("dynamodb:UntagResource"))?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&self.region);
        insist(aws.clock(), patience::TABLE, is_busy, || async {
            let sent = clients.dynamodb.delete_table().table_name(&id.name).send().await;
            optional(sent.map(drop).map_err(id.fault("dynamodb:DeleteTable"))).map(drop)
        })
        .await
    }
}
