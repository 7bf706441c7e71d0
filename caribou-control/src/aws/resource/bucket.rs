//! The bucket of a region, shared by all workflows of the account: blobs and code. Nothing in it is public, nothing goes in or
//! out without TLS, blobs expire. What else stands in its policy and its rules is left alone.

use async_trait::async_trait;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint,
    CreateBucketConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    PublicAccessBlockConfiguration,
};
use caribou_model::Region;
use caribou_runtime::aws::Account;
use serde_json::{Value, json};

use super::field::{canonical, differs};
use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::connection::Aws;
use crate::aws::error::{AwsError, Fault};
use crate::aws::patience::{BUCKET, insist, is_busy};

/// Days until a blob is removed: a run takes 14 at the most, and is kept for 14 more.
const BLOB_DAYS: i32 = 29;
/// Days until parts of an upload that was not finished are removed.
const UPLOAD_DAYS: i32 = 1;
const BLOB_RULE: &str = "caribou-blobs";
const UPLOAD_RULE: &str = "caribou-uploads";
const TLS: &str = "CaribouTlsOnly";
/// The one region that is named by leaving its name out.
const UNNAMED: &str = "us-east-1";

pub(in crate::aws) struct Bucket {
    pub(in crate::aws) account: Account,
    pub(in crate::aws) region: Region,
}

impl Bucket {
    fn name(&self) -> String {
        self.account.bucket(&self.region)
    }

    fn tls_only(&self) -> Value {
        let arn = self.account.bucket_arn(&self.region);
        json!({
            "Sid": TLS,
            "Effect": "Deny",
            "Principal": "*",
            // IAM does not tell upper from lower case here, and moto does: it does not look at the condition, so that the
            // statement would deny everything
            "Action": "S3:*",
            "Resource": [&arn, format!("{arn}/*")],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        })
    }

    fn is_ours(rule: &LifecycleRule) -> bool {
        matches!(rule.id(), Some(BLOB_RULE | UPLOAD_RULE))
    }

    fn rules() -> Result<[LifecycleRule; 2], AwsError> {
        let rule = |id: &str| LifecycleRule::builder().id(id).status(ExpirationStatus::Enabled);
        let expiration = LifecycleExpiration::builder().days(BLOB_DAYS).build();
        let blobs = LifecycleRuleFilter::builder().prefix("blobs/").build();
        let blobs = rule(BLOB_RULE).filter(blobs).expiration(expiration).build();
        let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(UPLOAD_DAYS).build();
        let everything = LifecycleRuleFilter::builder().prefix("").build();
        let uploads = rule(UPLOAD_RULE).filter(everything).abort_incomplete_multipart_upload(abort).build();
        Ok([blobs.map_err(AwsError::internal)?, uploads.map_err(AwsError::internal)?])
    }

    fn rule_text(rule: &LifecycleRule) -> String {
        let prefix = rule.filter().and_then(LifecycleRuleFilter::prefix).unwrap_or_default();
        let expires = rule.expiration().and_then(LifecycleExpiration::days);
        let aborts = rule
            .abort_incomplete_multipart_upload()
            .and_then(AbortIncompleteMultipartUpload::days_after_initiation);
        let days = |what, days: Option<i32>| days.map(|days| format!(", {what} after {days} days"));
        let (expires, aborts) = (days("expires", expires), days("aborts uploads", aborts));
        format!("{prefix}*{}{}, {}", expires.unwrap_or_default(), aborts.unwrap_or_default(), rule.status())
    }

    /// All rules that are there.
    async fn all_rules(&self, aws: &Aws) -> Result<Vec<LifecycleRule>, AwsError> {
        let id = self.id();
        let get = aws.at(&self.region).s3.get_bucket_lifecycle_configuration().bucket(&id.name);
        let asked = get.expected_bucket_owner(self.account.as_str()).send().await;
        let found = optional(asked.map_err(id.fault("s3:GetLifecycleConfiguration")))?;
        Ok(found.and_then(|found| found.rules).unwrap_or_default())
    }

    /// The whole policy that is there.
    async fn policy(&self, aws: &Aws) -> Result<Option<Value>, AwsError> {
        let id = self.id();
        let get = aws.at(&self.region).s3.get_bucket_policy().bucket(&id.name);
        let asked = get.expected_bucket_owner(self.account.as_str()).send().await;
        let found = optional(asked.map_err(id.fault("s3:GetBucketPolicy")))?;
        Ok(found.and_then(|found| serde_json::from_str(found.policy.as_deref()?).ok()))
    }

    async fn block_public_access(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let put = aws.at(&self.region).s3.put_public_access_block().bucket(&id.name);
        let put = put.expected_bucket_owner(self.account.as_str()).public_access_block_configuration(block);
        put.send().await.map(drop).map_err(id.fault("s3:PutBucketPublicAccessBlock"))
    }

    async fn put_rules(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let others = self.all_rules(aws).await?.into_iter().filter(|rule| !Self::is_ours(rule));
        let rules = others.chain(Self::rules()?).collect();
        let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
        let put = aws.at(&self.region).s3.put_bucket_lifecycle_configuration().bucket(&id.name);
        let put = put.expected_bucket_owner(self.account.as_str());
        let put = put.lifecycle_configuration(configuration.map_err(AwsError::internal)?);
        put.send().await.map(drop).map_err(id.fault("s3:PutLifecycleConfiguration"))
    }

    async fn put_policy(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let found = self.policy(aws).await?;
        let others = found.as_ref().and_then(|policy| policy["Statement"].as_array()).into_iter().flatten();
        let others = others.filter(|statement| statement["Sid"] != TLS).cloned();
        let statements: Vec<Value> = others.chain([self.tls_only()]).collect();
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let put = aws.at(&self.region).s3.put_bucket_policy().bucket(&id.name).policy(policy);
        let sent = put.expected_bucket_owner(self.account.as_str()).send().await;
        sent.map(drop).map_err(id.fault("s3:PutBucketPolicy"))
    }
}

#[async_trait]
impl Resource for Bucket {
    fn id(&self) -> Id {
        Id::new(Kind::Bucket, &self.region, self.name())
    }

    fn wanted(&self) -> Option<Fields> {
        let fields = Fields::default().with("public access", "blocked");
        let fields = fields.with("TLS", canonical(&self.tls_only().to_string()));
        Some(Self::rules().into_iter().flatten().fold(fields, |fields, rule| {
            fields.with(format!("rule {}", rule.id().unwrap_or_default()), Self::rule_text(&rule))
        }))
    }

    /// Every call says whose bucket it should be: somebody else could have taken the name.
    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let s3 = &aws.at(&self.region).s3;
        let head =
            s3.head_bucket().bucket(&id.name).expected_bucket_owner(self.account.as_str()).send().await;
        if optional(head.map_err(id.fault("s3:ListBucket")))?.is_none() {
            return Ok(None);
        }
        let get = s3.get_public_access_block().bucket(&id.name).expected_bucket_owner(self.account.as_str());
        let block = optional(get.send().await.map_err(id.fault("s3:GetBucketPublicAccessBlock")))?;
        let block = block.and_then(|found| found.public_access_block_configuration);
        let is_blocked = block.is_some_and(|block| {
            let all = [
                block.block_public_acls(),
                block.ignore_public_acls(),
                block.block_public_policy(),
                block.restrict_public_buckets(),
            ];
            all.iter().all(|one| *one == Some(true))
        });
        let fields = Fields::default().with("public access", if is_blocked { "blocked" } else { "open" });
        let policy = self.policy(aws).await?;
        let mut statements =
            policy.as_ref().and_then(|policy| policy["Statement"].as_array()).into_iter().flatten();
        let tls = statements.find(|statement| statement["Sid"] == TLS);
        let fields = fields.with_some("TLS", tls.map(|statement| canonical(&statement.to_string())));
        let rules = self.all_rules(aws).await?;
        Ok(Some(rules.iter().filter(|rule| Self::is_ours(rule)).fold(fields, |fields, rule| {
            fields.with(format!("rule {}", rule.id().unwrap_or_default()), Self::rule_text(rule))
        })))
    }

    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let clients = aws.at(&self.region);
        let made = insist(aws.clock(), BUCKET, is_busy, || async {
            let create = clients.s3.create_bucket().bucket(&id.name);
            let place = (self.region.code() != UNNAMED).then(|| {
                let constraint = BucketLocationConstraint::from(self.region.code());
                CreateBucketConfiguration::builder().location_constraint(constraint).build()
            });
            create.set_create_bucket_configuration(place).send().await.map_err(id.fault("s3:CreateBucket"))
        })
        .await;
        match made {
            Ok(_) => (),
            // another deployment of the account made it meanwhile
            Err(error) if error.fault() == Some(Fault::Conflict) => (),
            Err(error) => return Err(error),
        }
        self.block_public_access(aws).await?;
        self.put_policy(aws).await?;
        self.put_rules(aws).await
    }

    async fn update(&self, aws: &Aws, differing: &[Differing]) -> Result<(), AwsError> {
        if differs(differing, "public access") {
            self.block_public_access(aws).await?;
        }
        if differs(differing, "TLS") {
            self.put_policy(aws).await?;
        }
        if differs(differing, "rule") {
            self.put_rules(aws).await?;
        }
        Ok(())
    }

    /// Removes it if nothing is in it.
    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let delete = aws.at(&self.region).s3.delete_bucket().bucket(&id.name);
        let sent = delete.expected_bucket_owner(self.account.as_str()).send().await;
        match optional(sent.map_err(id.fault("s3:DeleteBucket"))) {
            Ok(_) => Ok(()),
            Err(error) if error.said().contains("BucketNotEmpty") => Ok(()),
            Err(error) => Err(error),
        }
    }
}
