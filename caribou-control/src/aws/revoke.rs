//! Takes back what the functions of a version could do that are gone.

use std::collections::BTreeSet;

use super::collect::{Needed, YOUNG};
use super::connection::Aws;
use super::error::AwsError;
use super::inventory::function_names;
use super::policy::Grant;
use super::resource::given::Given;
use super::resource::role::{self, Role};
use super::resource::role_tags;

/// Takes back what a version could do with functions that were removed and are not there again, and everything if nothing of it
/// `stays`. What others are deploying meanwhile keeps what it was given.
pub(super) async fn revoke(
    aws: &Aws,
    needed: &Needed,
    version: &str,
    mut removed: Vec<Grant>,
    stays: bool,
) -> Result<(), AwsError> {
    let Needed { workflow, home, .. } = needed;
    let looked_at: BTreeSet<String> = removed.iter().map(|grant| grant.region.clone()).collect();
    let mut there = Vec::new();
    for code in &looked_at {
        let Ok(region) = format!("aws:{code}").parse() else { continue };
        let names = function_names(aws, &region).await?;
        there.extend(names.into_iter().map(|name| Grant::new(&region, name)));
    }
    removed.retain(|grant| !there.contains(grant));
    if removed.is_empty() {
        return Ok(());
    }
    if !stays {
        return role::withdraw(aws, &role::id(home, workflow), version).await;
    }
    let mut given = Given::read(aws, home, workflow, version).await?;
    let before = given.grants.all.len();
    given.grants.take_back(&removed, &looked_at, &there);
    // without a policy there is nothing to take back
    if given.grants.all.is_empty() || given.grants.all.len() == before {
        return Ok(());
    }
    let author = given.author.clone();
    Role::giving(aws.account(), home, version, given, &[], author)?.put_own_policy(aws).await
}

/// Takes back what versions could do of which no function was made or is left: a deployment or a collection did not come to its end. What
/// is young may be of a deployment that is under way, so it is noted first.
pub(super) async fn forget(aws: &Aws, needed: &Needed, stay: &BTreeSet<String>) -> Result<(), AwsError> {
    let role = role::id(&needed.home, &needed.workflow);
    let now_s = aws.clock().now().as_millis() / 1000;
    let noted = role_tags::with_nothing(aws, &role, &needed.workflow).await?;
    for version in role::versions(aws, &role).await? {
        match (stay.contains(&version), noted.get(&version)) {
            (true, None) => (),
            (true, Some(_)) => role_tags::note_nothing(aws, &role, &version, None).await?,
            (false, None) => role_tags::note_nothing(aws, &role, &version, Some(now_s)).await?,
            (false, Some(since_s)) if now_s < since_s + YOUNG.as_secs() => (),
            (false, Some(_)) => role::withdraw(aws, &role, &version).await?,
        }
    }
    Ok(())
}
