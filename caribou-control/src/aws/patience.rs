//! Waiting for AWS, which does not see at once what it did itself.

use std::time::Duration;

use caribou_runtime::port::Clock;

use super::error::{AwsError, Fault};
use super::resource::Id;

/// How long something is waited for, and how often it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) within: Duration,
    pub(super) every: Duration,
}

/// Until a new role is known to Lambda everywhere, and what it may do is known to SQS.
pub(super) const ROLE: Patience = Patience { within: Duration::from_secs(90), every: Duration::from_secs(2) };
/// Until a function is made, or its code or configuration changed.
pub(super) const FUNCTION: Patience =
    Patience { within: Duration::from_mins(3), every: Duration::from_secs(1) };
/// Until a table is made, changed or removed.
pub(super) const TABLE: Patience = Patience { within: Duration::from_mins(3), every: Duration::from_secs(2) };
/// Until a mapping is made, changed or removed.
pub(super) const MAPPING: Patience =
    Patience { within: Duration::from_mins(3), every: Duration::from_secs(2) };
/// Until the name of a removed queue can be given again: 60 s.
pub(super) const QUEUE: Patience =
    Patience { within: Duration::from_secs(90), every: Duration::from_secs(5) };
/// Until what was written is read: SQS and IAM may take some seconds.
pub(super) const SEEN: Patience = Patience { within: Duration::from_secs(30), every: Duration::from_secs(3) };
/// Until somebody else's change of a bucket is through.
pub(super) const BUCKET: Patience =
    Patience { within: Duration::from_mins(1), every: Duration::from_secs(2) };

/// What a look gave.
pub(super) enum Seen<T> {
    /// It is ready.
    Ready(T),
    /// It is not, but in this state.
    NotYet(String),
}

/// Looks until it is ready.
pub(super) async fn until<T, F, Fut>(
    clock: &dyn Clock,
    id: &Id,
    patience: Patience,
    mut look: F,
) -> Result<T, AwsError>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<Seen<T>, AwsError>> + Send,
    T: Send,
{
    let begun = clock.now();
    loop {
        let state = match look().await? {
            Seen::Ready(found) => return Ok(found),
            Seen::NotYet(state) => state,
        };
        let waited_s = clock.now().since(begun).as_secs();
        if waited_s >= patience.within.as_secs() {
            return Err(AwsError::NotReady { id: id.clone(), state, waited_s });
        }
        clock.sleep(patience.every).await;
    }
}

/// Asks again as long as the answer is one that passes. The last answer counts when patience is at its end.
pub(super) async fn insist<T, F, Fut>(
    clock: &dyn Clock,
    patience: Patience,
    passes: fn(&AwsError) -> bool,
    mut ask: F,
) -> Result<T, AwsError>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<T, AwsError>> + Send,
    T: Send,
{
    let begun = clock.now();
    loop {
        let error = match ask().await {
            Err(error) if passes(&error) => error,
            answer => return answer,
        };
        if clock.now().since(begun) >= patience.within {
            return Err(error);
        }
        tracing::debug!(%error, "waiting for AWS");
        clock.sleep(patience.every).await;
    }
}

/// A role that was just made or changed is not known everywhere yet.
pub(super) fn role_is_new(error: &AwsError) -> bool {
    /// In the words of Lambda itself, of KMS as it is given the variables, and of what checks a failure destination.
    const SAID: [&str; 4] = [
        "cannot be assumed by Lambda",
        "does not have permissions to call",
        "is invalid for CreateGrant",
        "The destination ARN",
    ];
    SAID.iter().any(|words| error.said().contains(words))
}

/// Somebody changes the same thing.
pub(super) fn is_busy(error: &AwsError) -> bool {
    let said = error.said();
    error.fault() == Some(Fault::Conflict)
        && !said.contains("already exist")
        && ["in progress", "currently", "InUse", "Pending", "Aborted", "ConcurrentModification"]
            .iter()
            .any(|word| said.contains(word))
}

/// Either of them.
pub(super) fn role_is_new_or_busy(error: &AwsError) -> bool {
    role_is_new(error) || is_busy(error)
}

/// A queue of this name was removed less than a minute ago.
pub(super) fn was_just_removed(error: &AwsError) -> bool {
    error.said().contains("QueueDeletedRecently")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use caribou_model::{Region, Timestamp};

    use super::super::resource::Kind;
    use super::*;

    /// Who waits by it does not wait.
    #[derive(Default)]
    struct Swift(AtomicU64);

    #[async_trait]
    impl Clock for Swift {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }

        async fn sleep(&self, duration: Duration) {
            self.0.fetch_add(duration.as_millis() as u64, Ordering::Relaxed);
        }
    }

    fn id() -> Id {
        Id::new(Kind::Function, &Region::aws("us-east-1"), "press-0_1_0-resize")
    }

    fn refused(said: &str, fault: Fault) -> AwsError {
        AwsError::refused("lambda:CreateFunction", &id().region, "function f", fault, said.into())
    }

    #[tokio::test]
    async fn what_becomes_ready_is_waited_for_and_what_does_not_is_given_up_with_its_state() {
        let clock = Swift::default();
        let looks = AtomicU64::new(0);
        let look = |ready_at| {
            let looked = looks.fetch_add(1, Ordering::Relaxed);
            async move {
                Ok(if looked >= ready_at { Seen::Ready(looked) } else { Seen::NotYet("pending".into()) })
            }
        };
        assert_eq!(until(&clock, &id(), FUNCTION, || look(5)).await.unwrap(), 5);
        assert_eq!(clock.now(), Timestamp::from_millis(5000));
        let error = until(&clock, &id(), FUNCTION, || look(u64::MAX)).await.unwrap_err().to_string();
        assert!(
            error.contains("press-0_1_0-resize in aws:us-east-1 is still pending after 180 s"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn only_an_answer_that_passes_is_asked_for_again_and_not_for_ever() {
        let clock = Swift::default();
        let asked = AtomicU64::new(0);
        let ask = |answer: fn(u64) -> Result<u64, AwsError>| {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            async move { answer(number) }
        };
        let third = |number| if number < 3 { Err(refused(NEW, Fault::Other)) } else { Ok(number) };
        assert_eq!(insist(&clock, ROLE, role_is_new, || ask(third)).await.unwrap(), 3);
        let other = |_| Err(refused("InvalidParameterValueException: unknown runtime", Fault::Other));
        insist(&clock, ROLE, role_is_new, || ask(other)).await.unwrap_err();
        assert_eq!(asked.load(Ordering::Relaxed), 5, "another error is told at once");
        let begun = clock.now();
        let never = |_| Err(refused(NEW, Fault::Other));
        let error = insist(&clock, ROLE, role_is_new, || ask(never)).await.unwrap_err();
        assert!(error.to_string().contains(NEW), "{error}");
        assert_eq!(clock.now().since(begun), Duration::from_secs(90));
    }

    const NEW: &str =
        "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.";

    #[test]
    fn only_a_change_that_is_under_way_is_waited_for() {
        let update = "ResourceConflictException: The operation cannot be performed at this time. An update is in progress for \
                      resource: arn";
        assert!(is_busy(&refused(update, Fault::Conflict)));
        assert!(!is_busy(&refused("ResourceConflictException: Function already exist: f", Fault::Conflict)));
        let table = |said: &str| refused(&format!("ResourceInUseException: {said}"), Fault::Conflict);
        assert!(is_busy(&table(
            "Attempt to change a resource which is still in use: Table is being deleted: t"
        )));
        assert!(!is_busy(&table("Table already exists: t")));
        let role = "ConcurrentModification: The request was rejected because multiple requests to change this object were submitted";
        assert!(is_busy(&refused(role, Fault::Conflict)));
        assert!(was_just_removed(&refused(
            "AWS.SimpleQueueService.QueueDeletedRecently: You must wait",
            Fault::Other
        )));
    }
}
