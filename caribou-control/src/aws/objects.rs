//! What lies in a region's bucket below a prefix.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use caribou_model::Region;

use super::connection::Aws;
use super::error::{AwsError, Fault};
use super::resource::{Id, Kind};

/// As many as S3 lists, and removes, in one call.
const A_PAGE: usize = 1000;

/// An object's key, and when it was written, in seconds since 1970.
pub(super) struct Object {
    pub(super) key: String,
    pub(super) written_s: i64,
}

/// Up to a thousand objects below a prefix.
pub(super) async fn page(aws: &Aws, region: &Region, prefix: &str) -> Result<Vec<Object>, AwsError> {
    let id = Id::new(Kind::Bucket, region, aws.account().bucket(region));
    let list = aws.at(region).s3.list_objects_v2().bucket(&id.name).prefix(prefix);
    let list = list.expected_bucket_owner(aws.account().as_str()).send().await;
    let found = list.map_err(id.fault("s3:ListBucket"))?;
    let objects = found.contents.unwrap_or_default().into_iter().filter_map(|object| {
        let written_s = object.last_modified.map_or(0, |written| written.secs());
        Some(Object { key: object.key?, written_s })
    });
    Ok(objects.collect())
}

/// Removes objects by their keys.
pub(super) async fn remove(aws: &Aws, region: &Region, keys: &[String]) -> Result<(), AwsError> {
    let id = Id::new(Kind::Bucket, region, aws.account().bucket(region));
    for keys in keys.chunks(A_PAGE) {
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let objects = objects.collect::<Result<Vec<_>, _>>().map_err(AwsError::internal)?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete =
            aws.at(region).s3.delete_objects().bucket(&id.name).delete(delete.map_err(AwsError::internal)?);
        let sent = delete.expected_bucket_owner(aws.account().as_str()).send().await;
        let done = sent.map_err(id.fault("s3:DeleteObject"))?;
        // the call succeeds even where single objects stay
        if let Some(error) = done.errors().first() {
            let (key, said) = (error.key().unwrap_or_default(), error.message().unwrap_or_default());
            let fault = if error.code() == Some("AccessDenied") { Fault::Denied } else { Fault::Other };
            return Err(AwsError::refused("s3:DeleteObject", region, key, fault, said.to_owned()));
        }
    }
    Ok(())
}

/// Removes everything below a prefix; whether there was anything.
pub(super) async fn clear(aws: &Aws, region: &Region, prefix: &str) -> Result<bool, AwsError> {
    let mut was_any = false;
    loop {
        let keys: Vec<String> =
            page(aws, region, prefix).await?.into_iter().map(|object| object.key).collect();
        if keys.is_empty() {
            return Ok(was_any);
        }
        was_any = true;
        remove(aws, region, &keys).await?;
    }
}
