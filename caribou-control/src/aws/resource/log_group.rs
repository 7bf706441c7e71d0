//! Where a function's logs go. Made before the function, which may not make it itself: so that nothing makes it anew once it
//! was removed.

use async_trait::async_trait;

use super::field::{differs, superfluous_tags};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::place::Place;

pub(in crate::aws) struct LogGroup {
    pub(in crate::aws) place: Place,
    pub(in crate::aws) retention_days: u16,
}

impl LogGroup {
    fn arn(&self) -> String {
        self.place.account.log_group_arn(&self.place.address)
    }

    async fn keep(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let logs = &aws.at(&id.region).logs;
        let put = logs.put_retention_policy().log_group_name(&id.name);
        let sent = put.retention_in_days(self.retention_days.into()).send().await;
        sent.map(drop).map_err(id.fault("logs:PutRetentionPolicy"))
    }
}

#[async_trait]
impl Resource for LogGroup {
    fn id(&self) -> Id {
        self.place.id(Kind::LogGroup)
    }

    fn wanted(&self) -> Option<Fields> {
        Some(Fields::default().with("retention in days", self.retention_days).with_tags(self.place.tags()))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let logs = &aws.at(&id.region).logs;
        let described = logs.describe_log_groups().log_group_name_prefix(&id.name).send().await;
        let described = described.map_err(id.fault("logs:DescribeLogGroups"))?;
        // one that is called so, and not one whose name only begins so: it comes first, as they are sorted
        let mut groups = described.log_groups().iter();
        let Some(group) = groups.find(|group| group.log_group_name() == Some(&id.name)) else {
            return Ok(None);
        };
        let tags = logs.list_tags_for_resource().resource_arn(self.arn()).send().await;
        let Some(tags) = optional(tags.map_err(id.fault("logs:ListTagsForResource")))? else {
            return Ok(None);
        };
        let fields = Fields::default().with_some("retention in days", group.retention_in_days());
        Ok(Some(fields.with_tags(tags.tags.unwrap_or_default())))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let create = aws.at(&id.region).logs.create_log_group().log_group_name(&id.name);
        let create = create.set_tags(Some(self.place.tags().into_iter().collect()));
        create.send().await.map_err(id.fault("logs:CreateLogGroup"))?;
        self.keep(aws).await
    }

    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        let id = self.id();
        let logs = &aws.at(&id.region).logs;
        if differs(differing, "retention in days") {
            self.keep(aws).await?;
        }
        if differs(differing, "tag") {
            let tag = logs.tag_resource().resource_arn(self.arn());
            let tag = tag.set_tags(Some(self.place.tags().into_iter().collect()));
            tag.send().await.map_err(id.fault("logs:TagResource"))?;
        }
        let superfluous = superfluous_tags(differing);
        if !superfluous.is_empty() {
            let untag = logs.untag_resource().resource_arn(self.arn()).set_tag_keys(Some(superfluous));
            untag.send().await.map_err(id.fault("logs:UntagResource"))?;
        }
        Ok(())
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let sent = aws.at(&id.region).logs.delete_log_group().log_group_name(&id.name).send().await;
        optional(sent.map_err(id.fault("logs:DeleteLogGroup"))).map(drop)
    }
}
