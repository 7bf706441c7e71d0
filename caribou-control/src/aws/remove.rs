//! Removes a workflow from AWS, and leaves nothing of it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use caribou_model::Region;
use caribou_model::manifest::FunctionUrl as Who;
use caribou_runtime::aws::Account;
use serde::Serialize;

use super::connection::Aws;
use super::deployer::Watch;
use super::difference::{Action, Change};
use super::error::AwsError;
use super::inventory::{Found, Inventory, table_names};
use super::objects;
use super::resource::bucket::Bucket;
use super::resource::log_group::LogGroup;
use super::resource::mapping::Mapping;
use super::resource::queue::Queue;
use super::resource::subscription::Subscription;
use super::resource::table::Table;
use super::resource::topic::Topic;
use super::resource::url::FunctionUrl;
use super::resource::{Id, Kind, Resource, function, role, role_tags};
use super::together::{Work, all};

/// What there is of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Holdings {
    /// What is the workflow's.
    pub things: Vec<Id>,
    /// What is called as if it were, and carries no tag that says so. It is left alone.
    pub strange: Vec<Id>,
}

/// Looks up what there is of a workflow in these regions, and in all others where its role says that it was: what [`remove`] would remove. (A bucket is removed with the last
/// workflow of its region, so it is not among them.)
///
/// # Errors
///
/// [`AwsError`] if AWS does not answer. A region that the account has not enabled has nothing.
pub async fn holdings(
    aws: &Aws,
    workflow: &str,
    home: &Region,
    regions: &[Region],
) -> Result<Holdings, AwsError> {
    let mut holdings = Holdings::default();
    let id = role::id(home, workflow);
    let regions = &everywhere(regions, &role_tags::regions(aws, &id, workflow).await?);
    for (region, inventory) in regions.iter().zip(inventories(aws, workflow, regions).await?) {
        for found in &inventory.places {
            holdings.things.extend(found.kinds.iter().map(|kind| found.place.id(*kind)));
        }
        if inventory.table.is_some() {
            holdings.things.push(Id::new(Kind::Table, region, Account::table_name(workflow)));
        }
        if inventory.bucket {
            let code = objects::page(aws, region, &Account::code(workflow)).await?;
            holdings.things.extend(code.into_iter().map(|object| Id::new(Kind::Code, region, object.key)));
        }
        holdings.strange.extend(inventory.strange);
    }
    if role_tags::exists(aws, &id, workflow).await? {
        holdings.things.push(id);
    }
    Ok(holdings)
}

/// Removes a workflow, all its versions, from these regions and all others where its role says that it was: functions and what belongs to them, logs, tables with all runs,
/// blobs, code, the role, and each bucket that is empty then. `watch` is told of each thing that is gone. Where one region
/// does not answer the others are cleared all the same; the same call again goes on from there.
///
/// Returns what is called as if it were the workflow's and carries no tag that says so: it is left alone.
///
/// # Errors
///
/// The first [`AwsError`].
pub async fn remove(
    aws: &Aws,
    workflow: &str,
    home: &Region,
    regions: &[Region],
    watch: &mut Watch<'_>,
) -> Result<Vec<Id>, AwsError> {
    let gone = Gone(Mutex::new(watch));
    let id = role::id(home, workflow);
    let regions = &everywhere(regions, &role_tags::regions(aws, &id, workflow).await?);
    let mut work: Vec<Work<'_, Result<Vec<Id>, AwsError>>> = Vec::new();
    for region in regions {
        let gone = &gone;
        // an error of one region is looked at when all are done
        work.push(Box::pin(async move { Ok(remove_from(aws, workflow, region, gone).await) }));
    }
    let left = all(work).await?.into_iter().collect::<Result<Vec<_>, _>>()?;
    if role_tags::exists(aws, &id, workflow).await? {
        role::delete(aws, &id).await?;
        gone.tell(id);
    }
    Ok(left.into_iter().flatten().collect())
}

/// These regions, and all others that were `noted`: a manifest may not name a region any more where things still are.
pub(super) fn everywhere(regions: &[Region], noted: &BTreeSet<Region>) -> Vec<Region> {
    let further = noted.iter().filter(|region| !regions.contains(region));
    regions.iter().chain(further).cloned().collect()
}

/// Whom to tell what is gone.
pub(super) struct Gone<'g, 'w>(pub(super) Mutex<&'g mut Watch<'w>>);

impl Gone<'_, '_> {
    pub(super) fn tell(&self, id: Id) {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watch(&Change { id, action: Action::Delete });
    }
}

pub(super) async fn inventories(
    aws: &Aws,
    workflow: &str,
    regions: &[Region],
) -> Result<Vec<Inventory>, AwsError> {
    let mut looks: Vec<Work<'_, Inventory>> = Vec::new();
    for region in regions {
        looks.push(Box::pin(Inventory::of(aws, region, workflow)));
    }
    all(looks).await
}

async fn remove_from(
    aws: &Aws,
    workflow: &str,
    region: &Region,
    gone: &Gone<'_, '_>,
) -> Result<Vec<Id>, AwsError> {
    let inventory = Inventory::of(aws, region, workflow).await?;
    let mut work: Vec<Work<'_, ()>> = Vec::new();
    for found in &inventory.places {
        work.push(Box::pin(async move {
            remove_function(aws, found, gone).await?;
            remove_log_group(aws, found, gone).await
        }));
    }
    all(work).await?;
    let account = aws.account().clone();
    if inventory.table.is_some() {
        let table = Table { account: account.clone(), region: region.clone(), workflow: workflow.to_owned() };
        table.delete(aws).await?;
        gone.tell(table.id());
    }
    if inventory.bucket {
        for prefix in [Account::code(workflow), Account::blobs(workflow)] {
            if objects::clear(aws, region, &prefix).await? {
                gone.tell(Id::new(Kind::Code, region, prefix));
            }
        }
        remove_empty_bucket(aws, region, workflow, gone).await?;
    }
    Ok(inventory.strange)
}

/// Removes a function and what belongs to it, save its logs: first what leads messages to it, then the function, then what
/// messages lie in. The queue is last, as it is what an interrupted removal is known by.
pub(super) async fn remove_function(aws: &Aws, found: &Found, gone: &Gone<'_, '_>) -> Result<(), AwsError> {
    let place = || found.place.clone();
    if found.has(Kind::Topic) {
        delete(aws, &Subscription { place: place() }, gone).await?;
    }
    delete(aws, &Mapping { place: place() }, gone).await?;
    if found.has(Kind::Function) {
        delete(aws, &FunctionUrl { place: place(), who: Who::None }, gone).await?;
        // permissions and failure destination go with the function
        let id = found.place.id(Kind::Function);
        function::delete(aws, &id).await?;
        gone.tell(id);
    }
    if found.has(Kind::Topic) {
        let topic = Topic { place: place() };
        topic.delete(aws).await?;
        gone.tell(topic.id());
    }
    for (kind, is_dead) in [(Kind::DeadQueue, true), (Kind::Queue, false)] {
        if found.has(kind) {
            let queue = Queue { place: place(), is_dead, timeout: Duration::ZERO };
            queue.delete(aws).await?;
            gone.tell(queue.id());
        }
    }
    Ok(())
}

/// Removes the bucket of a region, unless there is anything in it, or another workflow is there: all of them share it.
pub(super) async fn remove_empty_bucket(
    aws: &Aws,
    region: &Region,
    workflow: &str,
    gone: &Gone<'_, '_>,
) -> Result<(), AwsError> {
    let is_used = table_names(aws, region)
        .await?
        .iter()
        .any(|name| name.starts_with(&Account::table_name("")) && *name != Account::table_name(workflow));
    if !is_used && objects::page(aws, region, "").await?.is_empty() {
        let bucket = Bucket { account: aws.account().clone(), region: region.clone() };
        bucket.delete(aws).await?;
        gone.tell(bucket.id());
    }
    Ok(())
}

/// Removes something that no list shows, if it is there.
async fn delete(aws: &Aws, resource: &dyn Resource, gone: &Gone<'_, '_>) -> Result<(), AwsError> {
    if resource.actual(aws).await?.is_some() {
        resource.delete(aws).await?;
        gone.tell(resource.id());
    }
    Ok(())
}

pub(super) async fn remove_log_group(aws: &Aws, found: &Found, gone: &Gone<'_, '_>) -> Result<(), AwsError> {
    if found.has(Kind::LogGroup) {
        let group = LogGroup { place: found.place.clone(), retention_days: 0 };
        group.delete(aws).await?;
        gone.tell(group.id());
    }
    Ok(())
}
