//! What is not needed any more bears a mark: a tag with the second since when.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use caribou_model::Timestamp;

use super::connection::Aws;
use super::error::AwsError;
use super::inventory::Found;
use super::place::UNNEEDED;
use super::resource::queue::Queue;
use super::resource::{Kind, Resource, optional};

pub(super) fn seconds(at: Timestamp) -> String {
    (at.as_millis() / 1000).to_string()
}

fn queue(found: &Found, is_dead: bool) -> Queue {
    Queue { place: found.place.clone(), is_dead, timeout: Duration::ZERO }
}

pub(super) async fn tag(aws: &Aws, found: &Found, bearer: Kind) -> Result<(), AwsError> {
    tag_since(aws, found, bearer, aws.clock().now()).await
}

pub(super) async fn tag_since(
    aws: &Aws,
    found: &Found,
    bearer: Kind,
    since: Timestamp,
) -> Result<(), AwsError> {
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

pub(super) async fn untag(aws: &Aws, found: &Found, bearer: Kind) -> Result<(), AwsError> {
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
pub(super) async fn letters(aws: &Aws, found: &Found) -> Result<u64, AwsError> {
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
