//! What a role's tags tell: whose it is, where the workflow is or was, and which of its versions have nothing left.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::Tag;
use caribou_model::Region;

use super::{Differing, Id, optional};
use crate::aws::connection::Aws;
use crate::aws::difference::{Action, Change};
use crate::aws::error::AwsError;
use crate::aws::patience::{ROLE, insist, is_busy};
use crate::aws::place::WORKFLOW;

/// What the keys of the tags begin with that tell where the workflow is or was; a region follows. A manifest may name a region no
/// longer whose things are still there.
const REGION: &str = "caribou:region:";
/// What the keys of the tags begin with that tell since when nothing is there of a version that has policies; the version follows.
const NOTHING: &str = "caribou:nothing:";

/// What a region's tag says.
pub(super) const USED: &str = "used";

/// The key of a region's tag.
pub(super) fn of_region(code: &str) -> String {
    format!("{REGION}{code}")
}

/// The region that a tag tells of.
pub(super) fn region_of(key: &str) -> Option<&str> {
    key.strip_prefix(REGION)
}

/// The version that a tag tells of.
pub(super) fn version_of(key: &str) -> Option<&str> {
    key.strip_prefix(NOTHING)
}

/// Whether a change takes back nothing but the note that nothing is there of a version: a collection that looks while the version
/// is deployed for the first time makes it.
pub(in crate::aws) fn is_note_only(change: &Change) -> bool {
    let is_note = |one: &Differing| one.field.strip_prefix("tag ").and_then(version_of).is_some();
    matches!(&change.action, Action::Update(differing) if differing.iter().all(is_note))
}

/// The tags of the role, if there is such a role, of this workflow.
async fn tags(aws: &Aws, id: &Id, workflow: &str) -> Result<Option<Vec<Tag>>, AwsError> {
    let asked = aws.at(&id.region).iam.get_role().role_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("iam:GetRole")))?;
    let tags = found.and_then(|found| found.role).and_then(|role| role.tags).unwrap_or_default();
    let is_its_own = tags.iter().any(|tag| tag.key() == WORKFLOW && tag.value() == workflow);
    Ok(is_its_own.then_some(tags))
}

/// Whether there is such a role, of this workflow.
pub(in crate::aws) async fn exists(aws: &Aws, id: &Id, workflow: &str) -> Result<bool, AwsError> {
    Ok(tags(aws, id, workflow).await?.is_some())
}

/// Where the workflow is or was, as its role tells. A code that is none is left out.
pub(in crate::aws) async fn regions(
    aws: &Aws,
    id: &Id,
    workflow: &str,
) -> Result<BTreeSet<Region>, AwsError> {
    let tags = tags(aws, id, workflow).await?.unwrap_or_default();
    let codes = tags.iter().filter_map(|tag| region_of(tag.key()));
    Ok(codes.filter_map(|code| format!("aws:{code}").parse().ok()).collect())
}

/// Adds tags, in the place of those with the same keys.
pub(super) async fn tag(aws: &Aws, id: &Id, tags: Vec<Tag>) -> Result<(), AwsError> {
    insist(aws.clock(), ROLE, is_busy, || async {
        let tag = aws.at(&id.region).iam.tag_role().role_name(&id.name).set_tags(Some(tags.clone()));
        tag.send().await.map(drop).map_err(id.fault("iam:TagRole"))
    })
    .await
}

/// Takes tags away.
pub(super) async fn untag(aws: &Aws, id: &Id, keys: Vec<String>) -> Result<(), AwsError> {
    insist(aws.clock(), ROLE, is_busy, || async {
        let untag = aws.at(&id.region).iam.untag_role().role_name(&id.name).set_tag_keys(Some(keys.clone()));
        optional(untag.send().await.map_err(id.fault("iam:UntagRole"))).map(drop)
    })
    .await
}

/// Notes that something of the workflow may be in these regions.
pub(in crate::aws) async fn note_regions(aws: &Aws, id: &Id, regions: &[Region]) -> Result<(), AwsError> {
    let tags = regions.iter().map(|region| Tag::builder().key(of_region(region.code())).value(USED).build());
    tag(aws, id, tags.collect::<Result<_, _>>().map_err(AwsError::internal)?).await
}

/// Notes that nothing of the workflow is in these regions any more.
pub(in crate::aws) async fn forget_regions(aws: &Aws, id: &Id, regions: &[Region]) -> Result<(), AwsError> {
    untag(aws, id, regions.iter().map(|region| of_region(region.code())).collect()).await
}

/// The versions of which nothing is there, each with the second since which that is known.
pub(in crate::aws) async fn with_nothing(
    aws: &Aws,
    id: &Id,
    workflow: &str,
) -> Result<BTreeMap<String, u64>, AwsError> {
    let tags = tags(aws, id, workflow).await?.unwrap_or_default();
    let noted = tags.iter().filter_map(|tag| Some((version_of(tag.key())?, tag.value().parse().ok()?)));
    Ok(noted.map(|(version, since_s)| (version.to_owned(), since_s)).collect())
}

/// Notes that nothing is there of a version; `None` takes that back.
pub(in crate::aws) async fn note_nothing(
    aws: &Aws,
    id: &Id,
    version: &str,
    since_s: Option<u64>,
) -> Result<(), AwsError> {
    let key = format!("{NOTHING}{version}");
    match since_s {
        None => untag(aws, id, vec![key]).await,
        Some(since_s) => {
            let since = Tag::builder().key(key).value(since_s.to_string()).build();
            tag(aws, id, vec![since.map_err(AwsError::internal)?]).await
        }
    }
}
