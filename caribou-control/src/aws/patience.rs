//! Waiting for AWS, which does not see at once what it did itself.

use std::time::Duration;

use super::connection::Aws;
use super::error::{AwsError, Fault};
use super::resource::Id;

/// How long something is waited for, and how often it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    within: Duration,
    every: Duration,
}

/// Until a new role is known to Lambda everywhere, and what it may do is known to SQS.
pub(super) const ROLE: Patience = Patience { within: Duration::from_secs(90), every: Duration::from_secs(2) };
/// Until a function is made, or its code or configuration changed.
pub(super) const FUNCTION: Patience =
    Patience { within: Duration::from_secs(180), every: Duration::from_secs(1) };
/// Until a table is made, changed or removed.
pub(super) const TABLE: Patience =
    Patience { within: Duration::from_secs(180), every: Duration::from_secs(2) };
/// Until a mapping is made, changed or removed.
pub(super) const MAPPING: Patience =
    Patience { within: Duration::from_secs(180), every: Duration::from_secs(2) };
/// Until the name of a removed queue can be given again: 60 s.
pub(super) const QUEUE: Patience =
    Patience { within: Duration::from_secs(90), every: Duration::from_secs(5) };
/// Until somebody else's change of a bucket is through.
pub(super) const BUCKET: Patience =
    Patience { within: Duration::from_secs(60), every: Duration::from_secs(2) };

/// What a look gave.
pub(super) enum Seen<T> {
    /// It is ready.
    Ready(T),
    /// It is not, but in this state.
    NotYet(String),
}

/// Looks until it is ready.
pub(super) async fn until<T, F, Fut>(
    aws: &Aws,
    id: &Id,
    patience: Patience,
    mut look: F,
) -> Result<T, AwsError>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<Seen<T>, AwsError>> + Send,
    T: Send,
{
    let begun = aws.clock().now();
    loop {
        let state = match look().await? {
            Seen::Ready(found) => return Ok(found),
            Seen::NotYet(state) => state,
        };
        let waited_s = aws.clock().now().since(begun).as_secs();
        if waited_s >= patience.within.as_secs() {
            return Err(AwsError::NotReady { id: id.clone(), state, waited_s });
        }
        aws.clock().sleep(patience.every).await;
    }
}

/// Asks again as long as the answer is one that passes. The last answer counts when patience is at its end.
pub(super) async fn insist<T, F, Fut>(
    aws: &Aws,
    patience: Patience,
    passes: fn(&AwsError) -> bool,
    mut ask: F,
) -> Result<T, AwsError>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<T, AwsError>> + Send,
    T: Send,
{
    let begun = aws.clock().now();
    loop {
        let error = match ask().await {
            Err(error) if passes(&error) => error,
            answer => return answer,
        };
        if aws.clock().now().since(begun) >= patience.within {
            return Err(error);
        }
        tracing::debug!(%error, "waiting for AWS");
        aws.clock().sleep(patience.every).await;
    }
}

/// A role that was just made or changed is not known everywhere yet.
pub(super) fn role_is_new(error: &AwsError) -> bool {
    let said = error.said();
    said.contains("cannot be assumed by Lambda") || said.contains("does not have permissions to call")
}

/// Somebody changes the same thing.
pub(super) fn is_busy(error: &AwsError) -> bool {
    let said = error.said();
    error.fault() == Some(Fault::Conflict)
        && ["in progress", "currently", "InUse", "Pending", "Aborted"].iter().any(|word| said.contains(word))
}

/// Either of them.
pub(super) fn role_is_new_or_busy(error: &AwsError) -> bool {
    role_is_new(error) || is_busy(error)
}

/// A queue of this name was removed less than a minute ago.
pub(super) fn was_just_removed(error: &AwsError) -> bool {
    error.said().contains("QueueDeletedRecently")
}
