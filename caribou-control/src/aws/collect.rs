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

use caribou_model::{Region, Timestamp};
use caribou_runtime::aws::Account;
use caribou_runtime::port::StageAddress;
use serde::Serialize;

use super::archive::hex;
use super::connection::Aws;
use super::deployer::Watch;
use super::error::AwsError;
use super::inventory::{self, Found, FoundTable, Inventory, function_names};
use super::place::UNNEEDED;
use super::policy::{Grant, is_of};
use super::remove::{Gone, everywhere, inventories, remove_empty_bucket, remove_function, remove_log_group};
use super::resource::role;
use super::resource::table::Table;
use super::resource::{Id, Kind, Resource, role_tags};
use super::revoke::{forget, revoke};
use super::{mark, objects};

/// How long an instance uses a plan that it knows.
const PLAN_CACHE: Duration = Duration::from_mins(1);
/// What is waited beyond the last run's deadline.
const GRACE: Duration = Duration::from_mins(10);
/// How long claims and blobs of a failed run are kept after its deadline.
const FAILED_RUNS: Duration = Duration::from_hours(14 * 24);
/// Code that is younger may be of a deployment that is under way.
pub(super) const YOUNG: Duration = Duration::from_hours(24);

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
    let noted = role_tags::regions(aws, &role, &needed.workflow).await?;
    let regions = everywhere(regions, &noted);
    let mut collected = Collected::default();
    let mut stay: BTreeSet<String> = BTreeSet::new();
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
                    stay.insert(version);
                }
            }
        }
        let Collected { marked, unmarked, waiting, .. } = pass.noted;
        (collected.marked, collected.unmarked, collected.waiting) = (marked, unmarked, waiting);
    }
    stay.extend(needed.functions.iter().map(|address| address.version.clone()));
    for (version, removed) in were_removed {
        revoke(aws, needed, &version, removed, stay.contains(&version)).await?;
    }
    if failed.is_none() {
        forget(aws, needed, &stay).await?;
        collected.removed.extend(leave(aws, needed, left, watch).await?);
    }
    failed.map_or(Ok(collected), Err)
}

/// Leaves regions of which nothing is needed and in which nothing is left: the role's tags do not tell of them any more, the functions
/// reach nothing there, and the bucket goes if nobody else uses it. What is there again is not left.
async fn leave(
    aws: &Aws,
    needed: &Needed,
    mut regions: Vec<Region>,
    watch: &mut Watch<'_>,
) -> Result<Vec<Id>, AwsError> {
    let Needed { workflow, home, .. } = needed;
    let role = role::id(home, workflow);
    let again = come_back(aws, workflow, &regions).await?;
    regions.retain(|region| !again.contains(region));
    if regions.is_empty() {
        return Ok(Vec::new());
    }
    role_tags::forget_regions(aws, &role, &regions).await?;
    // whoever looked at the tags before may be in the middle of it
    let again = come_back(aws, workflow, &regions).await?;
    if !again.is_empty() {
        role_tags::note_regions(aws, &role, &again).await?;
        regions.retain(|region| !again.contains(region));
    }
    role::share(aws, &role, workflow, &BTreeSet::new()).await?;
    let mut removed = Vec::new();
    {
        let mut tell = |change: &super::difference::Change| {
            removed.push(change.id.clone());
            watch(change);
        };
        let watch: &mut Watch<'_> = &mut tell;
        let gone = Gone(Mutex::new(watch));
        for region in regions {
            remove_empty_bucket(aws, &region, workflow, &gone).await?;
        }
    }
    Ok(removed)
}

/// Where there is a table or a function of a workflow.
async fn come_back(aws: &Aws, workflow: &str, regions: &[Region]) -> Result<Vec<Region>, AwsError> {
    let mut found = Vec::new();
    for region in regions {
        if has_functions(aws, region, workflow).await?
            || inventory::table(aws, region, workflow).await?.is_some()
        {
            found.push(region.clone());
        }
    }
    Ok(found)
}

async fn has_functions(aws: &Aws, region: &Region, workflow: &str) -> Result<bool, AwsError> {
    Ok(function_names(aws, region).await?.iter().any(|name| is_of(workflow, name)))
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
        Ok(!is_needed && is_empty && self.is_bucket_clear(region, inventory).await?)
    }

    /// Whether nothing of the workflow is in the region's bucket. Its blobs go by themselves.
    async fn is_bucket_clear(&self, region: &Region, inventory: &Inventory) -> Result<bool, AwsError> {
        if inventory.bucket {
            let workflow = &self.needed.workflow;
            for prefix in [Account::code(workflow), Account::blobs(workflow)] {
                if !objects::page(self.aws, region, &prefix).await?.is_empty() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn unmark(&mut self, found: &Found) -> Result<(), AwsError> {
        let (Some(kind), Some(_)) = (found.bearer(), found.unneeded) else { return Ok(()) };
        let id = found.place.id(kind);
        mark::untag(self.aws, found, kind).await?;
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
            mark::tag(self.aws, found, bearer).await?;
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
        let letters = mark::letters(self.aws, found).await?;
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
            mark::tag_since(self.aws, found, Kind::LogGroup, since).await?;
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
                table.tag(self.aws, UNNEEDED, &mark::seconds(self.aws.clock().now())).await?;
                self.noted.marked.push(table.id());
            }
            (false, Some(until)) if self.aws.clock().now() < until => {
                self.noted.waiting.push(Waiting { id: table.id(), why: Why::Until(until) });
            }
            (false, Some(_)) => {
                // a migration may have come back to the region since the inventory was taken
                let found = inventory::table(self.aws, region, workflow).await?;
                let is_needed = has_functions(self.aws, region, workflow).await?;
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
