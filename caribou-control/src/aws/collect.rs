//! Removes what is not needed any more: functions of old versions, and of regions that no plan uses.
//!
//! A run keeps the version and the plan that it began with, and instances know a plan for a minute after it was replaced. So
//! nothing is removed at once. A first pass *marks* what is not needed with the instant; a later one removes it when no run
//! can reach it any more and its queues are empty. What is needed again loses its mark. Marks are tags, so that any machine can make either pass.
//!
//! Logs stay for as long as they are kept (they cost nothing once they have expired, and hold the telemetry of failed runs).
//! The table of a region stays until every claim in it has expired.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use caribou_model::{Region, Timestamp};
use caribou_runtime::aws::Account;
use caribou_runtime::port::StageAddress;
use serde::Serialize;

use super::archive::hex;
use super::connection::Aws;
use super::deployer::Watch;
use super::error::AwsError;
use super::inventory::{self, Found, FoundTable, Inventory, function_names};
use super::objects;
use super::place::UNNEEDED;
use super::policy::{Grant, Grants, is_of};
use super::remove::{Gone, everywhere, inventories, remove_empty_bucket, remove_function, remove_log_group};
use super::resource::queue::Queue;
use super::resource::role::{self, Given, Role};
use super::resource::table::Table;
use super::resource::{Id, Kind, Resource, optional};

/// How long an instance uses a plan that it knows.
const PLAN_CACHE: Duration = Duration::from_mins(1);
/// What is waited beyond the last run's deadline.
const GRACE: Duration = Duration::from_mins(10);
/// How long claims and blobs of a failed run are kept after its deadline.
const FAILED_RUNS: Duration = Duration::from_hours(14 * 24);
/// Code that is younger may be of a deployment that is under way.
const YOUNG: Duration = Duration::from_hours(24);

/// What a workflow needs, by which the rest is not needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The workflow.
    pub workflow: String,
    /// Its home region.
    pub home: Region,
    /// The functions of the version in force under the plan in force, and of every other version that is to stay.
    pub functions: BTreeSet<StageAddress>,
    /// How long a run may take. Where a function that is deployed says that its runs may take longer, that counts.
    pub deadline: Duration,
    /// How long logs are kept.
    pub log_retention_days: u16,
}

/// What became of what is not needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Marked in this pass.
    pub marked: Vec<Id>,
    /// Needed again: its mark was taken away.
    pub unmarked: Vec<Id>,
    /// Marked before, and not yet to be removed.
    pub waiting: Vec<Waiting>,
    /// Removed in this pass.
    pub removed: Vec<Id>,
}

/// Something that is not needed and cannot be removed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// What.
    #[serde(flatten)]
    pub id: Id,
    /// Why.
    pub why: Why,
}

/// Why something stays for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Runs that began before it was marked may still reach it, until then.
    Until(Timestamp),
    /// So many letters lie in its queues.
    Letters(u64),
}

/// Makes one pass over these regions, and all others where the workflow's role says that it was. `watch` is told of each thing that is gone.
///
/// # Errors
///
/// [`AwsError`]; the next pass goes on from there.
pub async fn collect(
    aws: &Aws,
    needed: &Needed,
    regions: &[Region],
    watch: &mut Watch<'_>,
) -> Result<Collected, AwsError> {
    let role = role::id(&needed.home, &needed.workflow);
    let noted = role::regions(aws, &role, &needed.workflow).await?;
    let regions = everywhere(regions, &noted);
    let mut collected = Collected::default();
    let mut stay: BTreeMap<String, Grants> = BTreeMap::new();
    let mut were_removed: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
    let mut left = Vec::new();
    let mut failed = None;
    {
        let mut tell = |change: &super::difference::Change| {
            collected.removed.push(change.id.clone());
            watch(change);
        };
        let watch: &mut Watch<'_> = &mut tell;
        let gone = Gone(Mutex::new(watch));
        let mut pass =
            Pass { aws, needed, gone: &gone, removed: BTreeSet::new(), noted: Collected::default() };
        for (region, inventory) in regions.iter().zip(inventories(aws, &needed.workflow, &regions).await?) {
            let is_left = if failed.is_some() { Ok(false) } else { pass.over(region, &inventory).await };
            match is_left {
                Ok(true) if noted.contains(region) => left.push(region.clone()),
                Ok(_) => (),
                Err(error) => failed = Some(error),
            }
            for found in &inventory.places {
                let (version, grant) = (found.place.address.version.clone(), Grant::of(&found.place.address));
                if pass.removed.contains(&found.place.address) {
                    were_removed.entry(version).or_default().push(grant);
                } else if found.has(Kind::Function) {
                    let none = || Grants::none(&needed.workflow);
                    stay.entry(version).or_insert_with(none).add(grant);
                }
            }
        }
        let Collected { marked, unmarked, waiting, .. } = pass.noted;
        (collected.marked, collected.unmarked, collected.waiting) = (marked, unmarked, waiting);
    }
    for address in &needed.functions {
        let none = || Grants::none(&needed.workflow);
        stay.entry(address.version.clone()).or_insert_with(none).add(Grant::of(address));
    }
    for (version, removed) in were_removed {
        revoke(aws, needed, &version, removed, stay.get(&version)).await?;
    }
    if failed.is_none() {
        forget(aws, needed, &stay).await?;
        if !left.is_empty() {
            role::leave(aws, &role, &needed.workflow, &left).await?;
        }
    }
    failed.map_or(Ok(collected), Err)
}

/// Takes back what a version could do with functions that were removed and are not there again, and everything if nothing
/// stays. What others are deploying meanwhile keeps what it was given, unless the policy has patterns: those are written anew
/// from what stays.
async fn revoke(
    aws: &Aws,
    needed: &Needed,
    version: &str,
    mut removed: Vec<Grant>,
    stay: Option<&Grants>,
) -> Result<(), AwsError> {
    let Needed { workflow, home, .. } = needed;
    let codes: BTreeSet<String> = removed.iter().map(|grant| grant.region.clone()).collect();
    for code in codes {
        let Ok(region) = format!("aws:{code}").parse() else { continue };
        let there = function_names(aws, &region).await?;
        removed.retain(|grant| grant.region != code || !there.contains(&grant.name));
    }
    if removed.is_empty() {
        return Ok(());
    }
    let Some(stay) = stay else {
        return role::withdraw(aws, &role::id(home, workflow), version).await;
    };
    let mut given = Given::read(aws, home, workflow, version).await?;
    if given.grants.is_exact() {
        given.grants.all.retain(|grant| !removed.contains(grant));
    } else {
        given.grants = stay.clone();
    }
    // without a policy there is nothing to take back
    if given.grants.all.is_empty() {
        return Ok(());
    }
    let author = given.author.clone();
    Role::giving(aws.account(), home, version, given, &[], author)?.put_own_policy(aws).await
}

/// Takes back what versions could do of which no function was made or is left: a deployment or a collection did not come to its end. What
/// is young may be of a deployment that is under way, so it is noted first.
async fn forget(aws: &Aws, needed: &Needed, stay: &BTreeMap<String, Grants>) -> Result<(), AwsError> {
    let role = role::id(&needed.home, &needed.workflow);
    let now_s = aws.clock().now().as_millis() / 1000;
    for (version, since_s) in role::versions(aws, &role, &needed.workflow).await? {
        match (stay.contains_key(&version), since_s) {
            (true, None) => (),
            (true, Some(_)) => role::note_nothing(aws, &role, &version, None).await?,
            (false, None) => role::note_nothing(aws, &role, &version, Some(now_s)).await?,
            (false, Some(since_s)) if now_s < since_s + YOUNG.as_secs() => (),
            (false, Some(_)) => role::withdraw(aws, &role, &version).await?,
        }
    }
    Ok(())
}

/// One pass.
struct Pass<'p, 'g, 'w> {
    aws: &'p Aws,
    needed: &'p Needed,
    gone: &'p Gone<'g, 'w>,
    /// The functions that were removed.
    removed: BTreeSet<StageAddress>,
    noted: Collected,
}

impl Pass<'_, '_, '_> {
    /// Looks at what there is in a region; whether nothing is left there, and nothing needed.
    async fn over(&mut self, region: &Region, inventory: &Inventory) -> Result<bool, AwsError> {
        for found in &inventory.places {
            if self.needed.functions.contains(&found.place.address) {
                self.unmark(found).await?;
            } else {
                self.sweep(found).await?;
            }
        }
        let is_left =
            |found: &&Found| found.has(Kind::Function) && !self.removed.contains(&found.place.address);
        let left: Vec<&Found> = inventory.places.iter().filter(is_left).collect();
        let is_needed = *region == self.needed.home
            || !left.is_empty()
            || self.needed.functions.iter().any(|address| address.region == *region);
        if inventory.bucket {
            self.sweep_code(region, &left).await?;
        }
        if let Some(FoundTable { unneeded }) = inventory.table {
            self.sweep_table(region, is_needed, unneeded).await?;
        }
        // logs may stay for a long time, and then the table is gone already
        let is_empty = inventory.is_enabled && inventory.places.is_empty() && inventory.table.is_none();
        Ok(!is_needed && is_empty && self.clear_bucket(region, inventory).await?)
    }

    /// Removes the region's bucket if it is empty; whether nothing of the workflow is in it. Its blobs go by themselves.
    async fn clear_bucket(&self, region: &Region, inventory: &Inventory) -> Result<bool, AwsError> {
        if !inventory.bucket {
            return Ok(true);
        }
        let workflow = &self.needed.workflow;
        for prefix in [Account::code(workflow), Account::blobs(workflow)] {
            if !objects::page(self.aws, region, &prefix).await?.is_empty() {
                return Ok(false);
            }
        }
        remove_empty_bucket(self.aws, region, self.gone).await?;
        Ok(true)
    }

    async fn unmark(&mut self, found: &Found) -> Result<(), AwsError> {
        let (Some(kind), Some(_)) = (found.bearer(), found.unneeded) else { return Ok(()) };
        let id = found.place.id(kind);
        untag(self.aws, found, kind).await?;
        self.noted.unmarked.push(id);
        Ok(())
    }

    /// Removes a function with what belongs to it.
    async fn remove(&mut self, found: &Found) -> Result<(), AwsError> {
        // noted before it is done: what is left of it in the middle needs no rights any more
        self.removed.insert(found.place.address.clone());
        remove_function(self.aws, found, self.gone).await
    }

    /// Marks what a function has, or removes it when its time has come.
    async fn sweep(&mut self, found: &Found) -> Result<(), AwsError> {
        // a function without any of its queues and logs is what is left of an interrupted removal
        let Some(bearer) = found.bearer() else { return self.remove(found).await };
        let id = found.place.id(if found.has(Kind::Function) { Kind::Function } else { bearer });
        let Some(since) = found.unneeded else {
            tag(self.aws, found, bearer).await?;
            self.noted.marked.push(id);
            return Ok(());
        };
        if bearer == Kind::LogGroup && !found.has(Kind::Function) {
            return self.sweep_logs(found, since).await;
        }
        let deadline = self.needed.deadline.max(Duration::from_secs(found.deadline_s.unwrap_or(0)));
        let until = since.plus(PLAN_CACHE + deadline + GRACE);
        if self.aws.clock().now() < until {
            self.noted.waiting.push(Waiting { id, why: Why::Until(until) });
            return Ok(());
        }
        let letters = letters(self.aws, found).await?;
        if letters > 0 {
            self.noted.waiting.push(Waiting { id, why: Why::Letters(letters) });
            return Ok(());
        }
        if self.is_needed_again(found, bearer, since).await? {
            self.noted.unmarked.push(id);
            return Ok(());
        }
        // the logs bear the mark from now on, and keep the instant at which they were of no more use
        if found.has(Kind::LogGroup) && bearer != Kind::LogGroup {
            tag_since(self.aws, found, Kind::LogGroup, since).await?;
        }
        self.remove(found).await
    }

    /// Removes a function's logs when all of them have expired.
    async fn sweep_logs(&mut self, found: &Found, since: Timestamp) -> Result<(), AwsError> {
        let until = since.plus(Duration::from_hours(24 * u64::from(self.needed.log_retention_days)));
        if self.aws.clock().now() < until {
            let id = found.place.id(Kind::LogGroup);
            self.noted.waiting.push(Waiting { id, why: Why::Until(until) });
            return Ok(());
        }
        if self.is_needed_again(found, Kind::LogGroup, since).await? {
            self.noted.unmarked.push(found.place.id(Kind::LogGroup));
            return Ok(());
        }
        self.remove(found).await?;
        remove_log_group(self.aws, found, self.gone).await
    }

    /// Whether a deploy or a migration has taken the mark away, or made the function, since the inventory was taken.
    async fn is_needed_again(&self, found: &Found, bearer: Kind, since: Timestamp) -> Result<bool, AwsError> {
        let place = &found.place;
        if inventory::unneeded_since(self.aws, &place.id(bearer)).await? != Some(since) {
            return Ok(true);
        }
        let was_there = found.has(Kind::Function);
        Ok(!was_there && function_names(self.aws, &place.address.region).await?.contains(&place.name()))
    }

    async fn sweep_table(
        &mut self,
        region: &Region,
        is_needed: bool,
        unneeded: Option<Timestamp>,
    ) -> Result<(), AwsError> {
        let Needed { workflow, deadline, .. } = self.needed;
        let account = self.aws.account().clone();
        let table = Table { account, region: region.clone(), workflow: workflow.clone() };
        let until = unneeded.map(|since| since.plus(*deadline + FAILED_RUNS + GRACE));
        match (is_needed, until) {
            (true, None) => (),
            (true, Some(_)) => {
                table.untag(self.aws, UNNEEDED).await?;
                self.noted.unmarked.push(table.id());
            }
            (false, None) => {
                table.tag(self.aws, UNNEEDED, &seconds(self.aws.clock().now())).await?;
                self.noted.marked.push(table.id());
            }
            (false, Some(until)) if self.aws.clock().now() < until => {
                self.noted.waiting.push(Waiting { id: table.id(), why: Why::Until(until) });
            }
            (false, Some(_)) => {
                // a migration may have come back to the region since the inventory was taken
                let found = inventory::table(self.aws, region, workflow).await?;
                let there = function_names(self.aws, region).await?;
                let is_needed = there.iter().any(|name| is_of(workflow, name));
                if found.and_then(|found| found.unneeded) == unneeded && !is_needed {
                    table.delete(self.aws).await?;
                    self.gone.tell(table.id());
                }
            }
        }
        Ok(())
    }

    /// Removes archives that no function was made from. Lambda keeps a copy of its own.
    async fn sweep_code(&mut self, region: &Region, left: &[&Found]) -> Result<(), AwsError> {
        let used: BTreeSet<String> = left.iter().filter_map(|found| found.sha256.as_ref().map(hex)).collect();
        let prefix = Account::code(&self.needed.workflow);
        let now_s = (self.aws.clock().now().as_millis() / 1000).cast_signed();
        let objects = objects::page(self.aws, region, &prefix).await?.into_iter();
        let is_old = |written_s: i64| now_s - written_s > YOUNG.as_secs().cast_signed();
        let hash = |key: &str| {
            key.strip_prefix(&prefix).and_then(|name| name.strip_suffix(".zip")).map(str::to_owned)
        };
        let unused = objects.filter(|object| {
            is_old(object.written_s) && hash(&object.key).is_some_and(|hash| !used.contains(&hash))
        });
        let keys: Vec<String> = unused.map(|object| object.key).collect();
        if !keys.is_empty() {
            objects::remove(self.aws, region, &keys).await?;
            for key in keys {
                self.gone.tell(Id::new(Kind::Code, region, key));
            }
        }
        Ok(())
    }
}

fn seconds(at: Timestamp) -> String {
    (at.as_millis() / 1000).to_string()
}

fn queue(found: &Found, is_dead: bool) -> Queue {
    Queue { place: found.place.clone(), is_dead, timeout: Duration::ZERO }
}

async fn tag(aws: &Aws, found: &Found, bearer: Kind) -> Result<(), AwsError> {
    tag_since(aws, found, bearer, aws.clock().now()).await
}

async fn tag_since(aws: &Aws, found: &Found, bearer: Kind, since: Timestamp) -> Result<(), AwsError> {
    let (id, since) = (found.place.id(bearer), seconds(since));
    let clients = aws.at(&id.region);
    if bearer == Kind::LogGroup {
        let arn = found.place.account.log_group_arn(&found.place.address);
        let tag = clients.logs.tag_resource().resource_arn(arn).tags(UNNEEDED, since);
        return tag.send().await.map(drop).map_err(id.fault("logs:TagResource"));
    }
    let url = queue(found, bearer == Kind::DeadQueue).url();
    let tag = clients.sqs.tag_queue().queue_url(url).tags(UNNEEDED, since);
    tag.send().await.map(drop).map_err(id.fault("sqs:TagQueue"))
}

async fn untag(aws: &Aws, found: &Found, bearer: Kind) -> Result<(), AwsError> {
    let id = found.place.id(bearer);
    let clients = aws.at(&id.region);
    if bearer == Kind::LogGroup {
        let arn = found.place.account.log_group_arn(&found.place.address);
        let untag = clients.logs.untag_resource().resource_arn(arn).tag_keys(UNNEEDED);
        return untag.send().await.map(drop).map_err(id.fault("logs:UntagResource"));
    }
    let url = queue(found, bearer == Kind::DeadQueue).url();
    let untag = clients.sqs.untag_queue().queue_url(url).tag_keys(UNNEEDED);
    untag.send().await.map(drop).map_err(id.fault("sqs:UntagQueue"))
}

/// Letters in both queues of a function: those that wait, those that are parked, those that are being read.
async fn letters(aws: &Aws, found: &Found) -> Result<u64, AwsError> {
    const COUNTS: [Attribute; 3] = [
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesDelayed,
        Attribute::ApproximateNumberOfMessagesNotVisible,
    ];
    let mut letters = 0;
    for is_dead in [false, true] {
        let queue = queue(found, is_dead);
        let id = queue.id();
        let get = aws.at(&id.region).sqs.get_queue_attributes().queue_url(queue.url());
        let asked = get.set_attribute_names(Some(COUNTS.to_vec())).send().await;
        let found = optional(asked.map_err(id.fault("sqs:GetQueueAttributes")))?;
        let attributes = found.and_then(|found| found.attributes).unwrap_or_default();
        letters += attributes.values().filter_map(|count| count.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(letters)
}
