//! Does what a difference tells.

use caribou_model::Region;
use futures_util::StreamExt;

use super::connection::Aws;
use super::deployer::Watch;
use super::difference::{Action, Change, Difference, change};
use super::error::{AwsError, Fault};
use super::resource::Resource;
use super::together::{Work, each};

/// Does what the `difference` tells, whose changes are those of the `resources` in the same order: home first, then all other
/// regions together; in a region first what others need.
pub(super) async fn apply(
    aws: &Aws,
    home: &Region,
    resources: &[Box<dyn Resource>],
    difference: &Difference,
    watch: &mut Watch<'_>,
) -> Result<(), AwsError> {
    let mut steps: Vec<(&dyn Resource, &Change)> =
        resources.iter().map(|resource| &**resource).zip(&difference.changes).collect();
    let order = |change: &Change| (change.id.region != *home, change.id.kind.rank());
    steps.retain(|(_, change)| change.action != Action::Keep);
    steps.sort_by_key(|(_, change)| order(change));
    for together in steps.chunk_by(|(_, a), (_, b)| order(a) == order(b)) {
        let mut work: Vec<Work<'_, &Change>> = Vec::new();
        for &(resource, change) in together {
            work.push(Box::pin(async move { perform(aws, resource, &change.action).await.map(|()| change) }));
        }
        let mut done = each(work);
        let mut failed = None;
        // what was begun is finished, so that as little as possible is left in the middle
        while let Some(result) = done.next().await {
            match result {
                Ok(change) => watch(change),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(())
}

async fn perform(aws: &Aws, resource: &dyn Resource, action: &Action) -> Result<(), AwsError> {
    match action {
        Action::Keep => Ok(()),
        Action::Delete => resource.delete(aws).await,
        Action::Update(differing) => resource.update(aws, differing).await,
        Action::Create => match resource.create(aws).await {
            // the answer to an attempt before was lost, or somebody else was faster: it is there, and may differ
            Err(error) if error.fault() == Some(Fault::Conflict) => match change(aws, resource).await?.action
            {
                Action::Keep => Ok(()),
                Action::Update(differing) => resource.update(aws, &differing).await,
                Action::Create | Action::Delete => Err(error),
            },
            result => result,
        },
    }
}
