//! What there is of a workflow in a region, by listing: so that nothing is needed to find it but its name.
//!
//! A name alone is not proof: `press-0_1_0-resize` could be anybody's. At least one thing of a name must carry the workflow's
//! tag; then all things of that name are the workflow's.

use std::collections::{BTreeMap, BTreeSet};

use caribou_model::{Region, Timestamp};
use caribou_runtime::aws::Account;
use caribou_runtime::port::StageAddress;

use super::archive::from_base64;
use super::connection::Aws;
use super::error::{AwsError, Fault};
use super::place::{FUNCTION, Place, UNNEEDED, VERSION, WORKFLOW};
use super::policy::is_of;
use super::resource::{Id, Kind, optional};
use super::together::{Work, all};

/// What there is of a workflow in a region.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) places: Vec<Found>,
    /// The table, if it is there.
    pub(super) table: Option<FoundTable>,
    /// Whether the account has its bucket.
    pub(super) bucket: bool,
    /// Whether the account has enabled the region: if not, nothing is known of what is there.
    pub(super) is_enabled: bool,
    /// Names that look like the workflow's and carry no tag.
    pub(super) strange: Vec<Id>,
}

/// The table of a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundTable {
    /// Since when it is not needed.
    pub(super) unneeded: Option<Timestamp>,
}

/// What there is of one function.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    /// The kinds of thing that are there.
    pub(super) kinds: BTreeSet<Kind>,
    /// Since when it is not needed, as its queue is marked, or what is there in its place.
    pub(super) unneeded: Option<Timestamp>,
    /// The hash of the function's code.
    pub(super) sha256: Option<[u8; 32]>,
    /// How long runs of its version may take, in seconds.
    pub(super) deadline_s: Option<u64>,
}

/// A function as the list has it.
#[derive(Default)]
struct Listed {
    kinds: BTreeSet<Kind>,
    sha256: Option<[u8; 32]>,
    deadline_s: Option<u64>,
}

type Tags = BTreeMap<String, String>;

impl Inventory {
    /// Looks at everything of a workflow in a region. A region that the account has not enabled has nothing.
    pub(super) async fn of(aws: &Aws, region: &Region, workflow: &str) -> Result<Self, AwsError> {
        match aws.require_enabled(region).await {
            Err(error) if error.fault() == Some(Fault::RegionNotEnabled) => Ok(Self::default()),
            enabled => {
                enabled?;
                Self::list(aws, region, workflow).await
            }
        }
    }

    async fn list(aws: &Aws, region: &Region, workflow: &str) -> Result<Self, AwsError> {
        let mut listed: BTreeMap<String, Listed> = functions(aws, region, workflow).await?;
        let lists: Vec<Work<'_, Vec<(Kind, String)>>> = vec![
            Box::pin(queues(aws, region, workflow)),
            Box::pin(topics(aws, region, workflow)),
            Box::pin(log_groups(aws, region, workflow)),
        ];
        for (kind, name) in all(lists).await?.into_iter().flatten() {
            listed.entry(name).or_default().kinds.insert(kind);
        }
        let mut looks: Vec<Work<'_, Result<Found, Vec<Id>>>> = Vec::new();
        for (name, listed) in listed {
            looks.push(Box::pin(found(aws, region, workflow, name, listed)));
        }
        let mut inventory = Self { is_enabled: true, ..Self::default() };
        for found in all(looks).await? {
            match found {
                Ok(found) => inventory.places.push(found),
                Err(strange) => inventory.strange.extend(strange),
            }
        }
        inventory.table = table(aws, region, workflow).await?;
        let bucket = Id::new(Kind::Bucket, region, aws.account().bucket(region));
        let head = aws.at(region).s3.head_bucket().bucket(&bucket.name);
        let head = head.expected_bucket_owner(aws.account().as_str()).send().await;
        inventory.bucket = optional(head.map_err(bucket.fault("s3:ListBucket")))?.is_some();
        Ok(inventory)
    }
}

impl Found {
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// What bears the mark: the queue, which is there to the end; else what is there in its place.
    pub(super) fn bearer(&self) -> Option<Kind> {
        [Kind::Queue, Kind::DeadQueue, Kind::LogGroup].into_iter().find(|kind| self.has(*kind))
    }
}

/// The instant of a mark.
fn mark(tags: &Tags) -> Option<Timestamp> {
    let seconds: u64 = tags.get(UNNEEDED)?.parse().ok()?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
}

/// When a thing was marked as not needed, as it says now.
pub(super) async fn unneeded_since(aws: &Aws, id: &Id) -> Result<Option<Timestamp>, AwsError> {
    Ok(mark(&tags(aws, id).await?))
}

/// What there is under a name, if it is the workflow's; else its things.
async fn found(
    aws: &Aws,
    region: &Region,
    workflow: &str,
    name: String,
    listed: Listed,
) -> Result<Result<Found, Vec<Id>>, AwsError> {
    // the place is not known before its tags are; its names are
    let id = |kind: Kind| {
        let name = match kind {
            Kind::LogGroup => format!("/aws/lambda/{name}"),
            Kind::DeadQueue => format!("{name}-dead"),
            _ => name.clone(),
        };
        Id::new(kind, region, name)
    };
    let order = [Kind::Queue, Kind::DeadQueue, Kind::LogGroup, Kind::Function, Kind::Topic];
    let mut first = None;
    for kind in order.into_iter().filter(|kind| listed.kinds.contains(kind)) {
        let tags = tags(aws, &id(kind)).await?;
        if tags.get(WORKFLOW).is_some_and(|found| found == workflow) {
            first = Some(tags);
            break;
        }
    }
    let Some(tags) = first else { return Ok(Err(listed.kinds.into_iter().map(id).collect())) };
    let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
    let address = StageAddress {
        workflow: workflow.to_owned(),
        version: tag(VERSION),
        function: tag(FUNCTION),
        region: region.clone(),
    };
    if address.deployed_name() != name {
        return Ok(Err(listed.kinds.into_iter().map(id).collect()));
    }
    let place = Place { account: aws.account().clone(), address };
    let Listed { kinds, sha256, deadline_s } = listed;
    Ok(Ok(Found { place, kinds, unneeded: mark(&tags), sha256, deadline_s }))
}

/// The tags of a thing; none if it is gone.
async fn tags(aws: &Aws, id: &Id) -> Result<Tags, AwsError> {
    let (clients, account) = (aws.at(&id.region), aws.account());
    let arn = |service: &str, rest: &str| {
        // an account's bucket is in its partition, and so is everything else of it
        let bucket = account.bucket_arn(&id.region);
        let partition = bucket.split(':').nth(1).unwrap_or("aws").to_owned();
        format!("arn:{partition}:{service}:{}:{account}:{rest}{}", id.region.code(), id.name)
    };
    let tags: Option<Vec<(String, String)>> = match id.kind {
        Kind::Function => {
            let asked = clients.lambda.list_tags().resource(arn("lambda", "function:")).send().await;
            let found = optional(asked.map_err(id.fault("lambda:ListTags")))?;
            found.and_then(|found| found.tags).map(|tags| tags.into_iter().collect())
        }
        Kind::Queue | Kind::DeadQueue => {
            let asked = clients.sqs.list_queue_tags().queue_url(queue_url(aws, id)).send().await;
            let found = optional(asked.map_err(id.fault("sqs:ListQueueTags")))?;
            found.and_then(|found| found.tags).map(|tags| tags.into_iter().collect())
        }
        Kind::LogGroup => {
            let asked = clients.logs.list_tags_for_resource().resource_arn(arn("logs", "log-group:"));
            let found = optional(asked.send().await.map_err(id.fault("logs:ListTagsForResource")))?;
            found.and_then(|found| found.tags).map(|tags| tags.into_iter().collect())
        }
        Kind::Topic => {
            let asked = clients.sns.list_tags_for_resource().resource_arn(arn("sns", "")).send().await;
            let found = optional(asked.map_err(id.fault("sns:ListTagsForResource")))?;
            let tags = found.and_then(|found| found.tags);
            tags.map(|tags| tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
        }
        _ => None,
    };
    Ok(tags.unwrap_or_default().into_iter().collect())
}

fn queue_url(aws: &Aws, id: &Id) -> String {
    // an address of which only the region and the deployed name count
    let any = StageAddress {
        workflow: String::new(),
        version: String::new(),
        function: String::new(),
        region: id.region.clone(),
    };
    let url = aws.account().queue_url(&any);
    let start = url.rsplit_once('/').map_or(url.as_str(), |(start, _)| start);
    format!("{start}/{}", id.name)
}

async fn functions(aws: &Aws, region: &Region, workflow: &str) -> Result<BTreeMap<String, Listed>, AwsError> {
    let id = Id::new(Kind::Function, region, "*");
    let mut pages = aws.at(region).lambda.list_functions().into_paginator().send();
    let mut functions = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(id.fault("lambda:ListFunctions"))?;
        for function in page.functions.unwrap_or_default() {
            let Some(name) = function.function_name.clone().filter(|name| is_of(workflow, name)) else {
                continue;
            };
            let variables = function.environment().and_then(|environment| environment.variables());
            let deadline = variables.and_then(|variables| variables.get("CARIBOU_RUN_DEADLINE_S"));
            let listed = Listed {
                kinds: [Kind::Function].into(),
                sha256: function.code_sha256().and_then(from_base64),
                deadline_s: deadline.and_then(|deadline| deadline.parse().ok()),
            };
            functions.insert(name, listed);
        }
    }
    Ok(functions)
}

async fn queues(aws: &Aws, region: &Region, workflow: &str) -> Result<Vec<(Kind, String)>, AwsError> {
    let id = Id::new(Kind::Queue, region, format!("{workflow}-*"));
    let list = aws.at(region).sqs.list_queues().queue_name_prefix(format!("{workflow}-"));
    let mut pages = list.max_results(1000).into_paginator().send();
    let mut queues = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(id.fault("sqs:ListQueues"))?;
        let urls = page.queue_urls.unwrap_or_default();
        let names = urls.iter().filter_map(|url| url.rsplit('/').next()).filter(|name| is_of(workflow, name));
        queues.extend(names.map(|name| match name.strip_suffix("-dead") {
            Some(name) => (Kind::DeadQueue, name.to_owned()),
            None => (Kind::Queue, name.to_owned()),
        }));
    }
    Ok(queues)
}

async fn topics(aws: &Aws, region: &Region, workflow: &str) -> Result<Vec<(Kind, String)>, AwsError> {
    let id = Id::new(Kind::Topic, region, "*");
    let mut pages = aws.at(region).sns.list_topics().into_paginator().send();
    let mut topics = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(id.fault("sns:ListTopics"))?;
        let arns = page.topics.unwrap_or_default().into_iter().filter_map(|topic| topic.topic_arn);
        let names = arns.filter_map(|arn| arn.rsplit(':').next().map(str::to_owned));
        topics.extend(names.filter(|name| is_of(workflow, name)).map(|name| (Kind::Topic, name)));
    }
    Ok(topics)
}

async fn log_groups(aws: &Aws, region: &Region, workflow: &str) -> Result<Vec<(Kind, String)>, AwsError> {
    const FOLDER: &str = "/aws/lambda/";
    let prefix = format!("{FOLDER}{workflow}-");
    let id = Id::new(Kind::LogGroup, region, format!("{prefix}*"));
    let list = aws.at(region).logs.describe_log_groups().log_group_name_prefix(prefix);
    let mut pages = list.into_paginator().send();
    let mut groups = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(id.fault("logs:DescribeLogGroups"))?;
        let names = page.log_groups.unwrap_or_default().into_iter().filter_map(|group| group.log_group_name);
        let names = names.filter_map(|name| name.strip_prefix(FOLDER).map(str::to_owned));
        groups.extend(names.filter(|name| is_of(workflow, name)).map(|name| (Kind::LogGroup, name)));
    }
    Ok(groups)
}

/// The workflow's table, if it is its own.
pub(super) async fn table(
    aws: &Aws,
    region: &Region,
    workflow: &str,
) -> Result<Option<FoundTable>, AwsError> {
    let id = Id::new(Kind::Table, region, Account::table_name(workflow));
    let arn = aws.account().table_arn(workflow, region);
    let asked = aws.at(region).dynamodb.list_tags_of_resource().resource_arn(arn).send().await;
    let Some(found) = optional(asked.map_err(id.fault("dynamodb:ListTagsOfResource")))? else {
        return Ok(None);
    };
    let tags: Tags = found.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok(tags
        .get(WORKFLOW)
        .is_some_and(|found| found == workflow)
        .then(|| FoundTable { unneeded: mark(&tags) }))
}

/// The names of all functions in a region; none in one that is not enabled.
pub(super) async fn function_names(aws: &Aws, region: &Region) -> Result<BTreeSet<String>, AwsError> {
    match aws.require_enabled(region).await {
        Err(error) if error.fault() == Some(Fault::RegionNotEnabled) => return Ok(BTreeSet::new()),
        enabled => enabled?,
    }
    let id = Id::new(Kind::Function, region, "*");
    let mut pages = aws.at(region).lambda.list_functions().into_paginator().send();
    let mut names = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(id.fault("lambda:ListFunctions"))?;
        names.extend(page.functions.unwrap_or_default().into_iter().filter_map(|found| found.function_name));
    }
    Ok(names)
}

/// The names of all tables in a region.
pub(super) async fn table_names(aws: &Aws, region: &Region) -> Result<Vec<String>, AwsError> {
    let id = Id::new(Kind::Table, region, "*");
    let mut pages = aws.at(region).dynamodb.list_tables().into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.extend(page.map_err(id.fault("dynamodb:ListTables"))?.table_names.unwrap_or_default());
    }
    Ok(names)
}
