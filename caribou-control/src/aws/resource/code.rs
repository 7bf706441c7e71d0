//! An archive of code in a region's bucket, under the hash of its bytes: Lambda takes it from there.

use std::path::PathBuf;

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use caribou_model::Region;
use caribou_runtime::aws::Account;

use super::{Differing, Fields, Id, Kind, Resource, optional};
use crate::aws::archive::{base64, hex};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;

#[derive(Clone)]
pub(in crate::aws) struct Code {
    pub(in crate::aws) account: Account,
    pub(in crate::aws) region: Region,
    pub(in crate::aws) workflow: String,
    pub(in crate::aws) sha256: [u8; 32],
    pub(in crate::aws) from: From,
}

/// Where the bytes come from.
#[derive(Clone)]
pub(in crate::aws) enum From {
    /// A file.
    File(PathBuf),
    /// The bucket of another region.
    Region(Region),
}

impl Code {
    pub(in crate::aws) fn bucket(&self) -> String {
        self.account.bucket(&self.region)
    }

    pub(in crate::aws) fn key(&self) -> String {
        format!("{}{}.zip", Account::code(&self.workflow), hex(&self.sha256))
    }
}

#[async_trait]
impl Resource for Code {
    fn id(&self) -> Id {
        Id::new(Kind::Code, &self.region, self.key())
    }

    fn wanted(&self) -> Option<Fields> {
        Some(Fields::default().with("SHA-256", base64(&self.sha256)))
    }

    async fn actual(&self, aws: &Aws) -> Result<Option<Fields>, AwsError> {
        let id = self.id();
        let head = aws.at(&self.region).s3.head_object().bucket(self.bucket()).key(&id.name);
        let head = head.expected_bucket_owner(self.account.as_str()).checksum_mode(ChecksumMode::Enabled);
        let found = optional(head.send().await.map_err(id.fault("s3:GetObject")))?;
        Ok(found.map(|found| Fields::default().with_some("SHA-256", found.checksum_sha256)))
    }

    /// S3 refuses bytes that have another hash than their key says.
    async fn create(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let s3 = &aws.at(&self.region).s3;
        match &self.from {
            From::File(path) => {
                let unreadable = |cause| AwsError::Archive { path: path.clone(), cause };
                let content = tokio::fs::read(path).await.map_err(unreadable)?;
                let put = s3.put_object().bucket(self.bucket()).key(&id.name).body(ByteStream::from(content));
                let put = put.expected_bucket_owner(self.account.as_str()).content_type("application/zip");
                let put =
                    put.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(base64(&self.sha256));
                put.send().await.map(drop).map_err(id.fault("s3:PutObject"))
            }
            From::Region(region) => {
                let copy = s3.copy_object().bucket(self.bucket()).key(&id.name);
                let copy = copy.copy_source(format!("{}/{}", self.account.bucket(region), id.name));
                let copy = copy.expected_bucket_owner(self.account.as_str());
                let copy = copy.expected_source_bucket_owner(self.account.as_str());
                let copy = copy.checksum_algorithm(ChecksumAlgorithm::Sha256);
                copy.send().await.map(drop).map_err(id.fault("s3:PutObject"))
            }
        }
    }

    async fn update(&self, aws: &Aws, _: &[Differing]) -> Result<(), AwsError> {
        self.create(aws).await
    }

    async fn delete(&self, aws: &Aws) -> Result<(), AwsError> {
        let id = self.id();
        let delete = aws.at(&self.region).s3.delete_object().bucket(self.bucket()).key(&id.name);
        let sent = delete.expected_bucket_owner(self.account.as_str()).send().await;
        optional(sent.map_err(id.fault("s3:DeleteObject"))).map(drop)
    }
}
