//! The functions' logs in CloudWatch, of all regions in one stream.

use std::collections::BTreeSet;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use caribou_model::{Graph, Region, Timestamp};
use caribou_runtime::aws::Account;
use caribou_runtime::port::StageAddress;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::connection::Aws;
use super::error::{AwsError, Fault};
use crate::log::{LogLine, in_order};

/// The logs of some functions of a workflow.
#[derive(Clone, Debug)]
pub struct Logs {
    aws: Aws,
    sources: Vec<StageAddress>,
}

/// Which lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those of telemetry.
    Telemetry,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// In the order of time.
    pub lines: Vec<LogLine>,
    /// Whether there are more than were asked for.
    pub cut: bool,
}

/// How many logs are read at the same time. CloudWatch takes five such calls a second in a region, and is asked again when
/// that is too many.
const AT_A_TIME: usize = 8;
/// What only lines of telemetry match.
const TELEMETRY: &str = "{ $.caribou = 1 }";

impl Logs {
    /// The logs of a version of a workflow that there are in these regions. A region that is not enabled has none.
    ///
    /// # Errors
    ///
    /// [`AwsError`] if CloudWatch does not answer.
    pub async fn find(aws: &Aws, graph: &Graph, regions: &[Region]) -> Result<Self, AwsError> {
        let looks = regions.iter().map(|region| groups(aws, graph, region));
        let found: Vec<Vec<StageAddress>> = stream::iter(looks).buffered(AT_A_TIME).try_collect().await?;
        Ok(Self { aws: aws.clone(), sources: found.into_iter().flatten().collect() })
    }

    /// Leaves out those that a condition does not hold of.
    pub fn keep(&mut self, wanted: impl FnMut(&StageAddress) -> bool) {
        self.sources.retain(wanted);
    }

    /// Whose logs they are.
    pub fn sources(&self) -> &[StageAddress] {
        &self.sources
    }

    /// The lines that were printed from one instant to another, without the latter: at most about `most` of them.
    ///
    /// # Errors
    ///
    /// [`AwsError`] if CloudWatch does not answer.
    pub async fn read(
        &self,
        which: Which,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Lines, AwsError> {
        if from >= to {
            return Ok(Lines::default());
        }
        let reads = self.sources.iter().map(|source| self.of(source, which, from, to, most));
        let read: Vec<Lines> = stream::iter(reads).buffered(AT_A_TIME).try_collect().await?;
        let mut all = Lines::default();
        for Lines { lines, cut } in read {
            all.lines.extend(lines);
            all.cut |= cut;
        }
        in_order(&mut all.lines);
        Ok(all)
    }

    async fn of(
        &self,
        source: &StageAddress,
        which: Which,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Lines, AwsError> {
        let clients = self.aws.at(&source.region);
        let group = Account::log_group(source);
        let mut read = Lines::default();
        let mut next = None;
        loop {
            let answer = clients
                .logs
                .filter_log_events()
                .log_group_name(&group)
                .start_time(millis(from))
                // CloudWatch counts the last instant in
                .end_time(millis(to).saturating_sub(1))
                .set_filter_pattern((which == Which::Telemetry).then(|| TELEMETRY.to_owned()))
                .set_next_token(next)
                .send()
                .await;
            let page = match answer {
                Ok(page) => page,
                // it was removed meanwhile
                Err(error) if is_absent(&error) => return Ok(read),
                Err(error) => {
                    let group = format!("log group {group}");
                    return Err(AwsError::call("logs:FilterLogEvents", &source.region, &group, &error));
                }
            };
            next = page.next_token;
            for event in page.events.unwrap_or_default() {
                let text = event.message.unwrap_or_default();
                read.lines.push(LogLine {
                    at: Timestamp::from_millis(
                        event.timestamp.and_then(|at| at.try_into().ok()).unwrap_or(0),
                    ),
                    region: source.region.clone(),
                    function: source.function.clone(),
                    instance: event.log_stream_name.unwrap_or_default(),
                    text: text.trim_end().to_owned(),
                });
            }
            if next.is_none() {
                return Ok(read);
            }
            if read.lines.len() >= most {
                read.cut = true;
                return Ok(read);
            }
        }
    }
}

/// The functions of a version of a workflow that have a log in a region.
async fn groups(aws: &Aws, graph: &Graph, region: &Region) -> Result<Vec<StageAddress>, AwsError> {
    let address = |function: &str| StageAddress {
        workflow: graph.workflow.clone(),
        version: graph.version.clone(),
        function: function.to_owned(),
        region: region.clone(),
    };
    // with an empty name it is what the names of all begin with
    let prefix = Account::log_group(&address(""));
    let clients = aws.at(region);
    let mut pages = clients.logs.describe_log_groups().log_group_name_prefix(&prefix).into_paginator().send();
    let mut there = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let operation = "logs:DescribeLogGroups";
                let error = AwsError::call(operation, region, &format!("log groups {prefix}*"), &error);
                return if error.fault() == Some(Fault::RegionNotEnabled) {
                    Ok(Vec::new())
                } else {
                    Err(error)
                };
            }
        };
        there
            .extend(page.log_groups.unwrap_or_default().into_iter().filter_map(|group| group.log_group_name));
    }
    let functions = graph.functions.iter().map(|spec| address(&spec.name));
    Ok(functions.filter(|address| there.contains(&Account::log_group(address))).collect())
}

fn is_absent<E: ProvideErrorMetadata, R>(
    error: &aws_smithy_runtime_api::client::result::SdkError<E, R>,
) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ResourceNotFoundException")
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}
