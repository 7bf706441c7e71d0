//! Claims and outcomes: who works on a node, and what came of it.

use std::time::Duration;

use caribou_model::{AttemptOutcome, NodeId, Region, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::run::Failure;
use crate::stored::StoredValue;

/// Who works on a node, and how far it is. One item of the store, written twice in an undisturbed run: when the
/// work begins, and when its outcome is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// Which attempt it is, from 1.
    #[serde(rename = "a")]
    pub(crate) attempt: u32,
    /// The delivery that made the attempt.
    #[serde(rename = "o")]
    pub(crate) owner: String,
    /// Until then the attempt may be alive.
    #[serde(rename = "l")]
    pub(crate) lease: Timestamp,
    #[serde(rename = "p")]
    pub(crate) progress: Progress,
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Progress {
    #[serde(rename = "w")]
    Working,
    #[serde(rename = "d")]
    Done(Outcome),
    #[serde(rename = "f")]
    Failed(Failure),
}

/// What an attempt decided: the deliveries that all successors see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// When the user's function was started.
    #[serde(rename = "s")]
    pub(crate) started: Timestamp,
    /// Its wall time.
    #[serde(rename = "t")]
    pub(crate) duration_ms: f64,
    #[serde(rename = "d")]
    pub(crate) deliveries: Vec<StoredDelivery>,
    /// Every value of the deliveries once.
    #[serde(rename = "v")]
    pub(crate) values: Vec<StoredValue>,
    /// The function failed for good, and the deliveries tell of it.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) caught: bool,
    /// It may have been sent by more than the attempt that recorded it: nothing of it moves any more.
    #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) settled: bool,
}

/// A delivery at rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredDelivery {
    #[serde(rename = "n")]
    pub(crate) to: NodeId,
    #[serde(rename = "s")]
    pub(crate) slot: u8,
    /// Indices into [`Outcome::values`].
    #[serde(rename = "v")]
    pub(crate) values: Vec<u32>,
    /// Of a map: what is sent to each item.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<StoredItems>,
    /// Where it went instead of the pinned region, after that was certain not to have accepted it.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved: Option<Region>,
}

/// The items of a map at rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredItems {
    #[serde(rename = "n")]
    pub(crate) count: u32,
    /// For each argument of the function, whether all items share it.
    #[serde(rename = "a")]
    pub(crate) shared: Vec<bool>,
    /// Where in [`Outcome::values`] the values are that are not shared: one list for each item.
    #[serde(rename = "l")]
    pub(crate) own: u32,
}

impl Outcome {
    /// How an attempt ended that recorded it.
    pub(crate) fn kind(&self) -> AttemptOutcome {
        if self.caught { AttemptOutcome::Caught } else { AttemptOutcome::Succeeded }
    }

    /// The values of one of its deliveries.
    pub(crate) fn values_of(&self, delivery: &StoredDelivery) -> Vec<StoredValue> {
        let value = |index: &u32| self.values.get(*index as usize).cloned();
        delivery.values.iter().filter_map(value).collect()
    }
}

/// What a delivery that meets a claim has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// Go on with this attempt: the platform's retry, or the lease has ended.
    TakeOver { attempt: u32 },
    /// Another delivery may be at work until then.
    Wait { until: Timestamp },
    /// The work is done, by this very delivery or by one that is forgotten: what it sent may be missing.
    Repeat,
    /// The work is done by another delivery, which is alive or will be retried, and sees to its sends.
    Drop,
    /// As many attempts were made as the function may have, and none can come to an outcome any more.
    Exhausted,
}

/// How long after an invocation's deadline its lease ends, for clocks that differ.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

impl Claim {
    /// The claim of an event's first attempt.
    pub(crate) fn first(event: &Event) -> Self {
        Self {
            attempt: 1,
            owner: event.request_id.clone(),
            lease: event.deadline.plus(LEASE_MARGIN),
            progress: Progress::Working,
        }
    }

    /// What the delivery `request_id` has to do at `now`, if `attempts` may be made. A delivery that was
    /// parked or a dead letter comes `again`.
    pub(crate) fn meet(&self, request_id: &str, again: bool, now: Timestamp, attempts: u32) -> Meeting {
        let own = self.owner == request_id;
        match self.progress {
            // One that was parked or a dead letter stands for a delivery that the platform has forgotten. An instance of
            // that one may still have recorded an outcome, frozen until then, and died before its sends.
            Progress::Done(_) | Progress::Failed(_) if own || again => Meeting::Repeat,
            Progress::Done(_) | Progress::Failed(_) => Meeting::Drop,
            Progress::Working if !own && now < self.lease => Meeting::Wait { until: self.lease },
            // A duplicate with the same request id, while the last attempt is alive.
            Progress::Working if self.attempt >= attempts && now < self.lease => {
                Meeting::Wait { until: self.lease }
            }
            Progress::Working if self.attempt >= attempts => Meeting::Exhausted,
            Progress::Working => Meeting::TakeOver { attempt: self.attempt + 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(progress: Progress) -> Claim {
        Claim { attempt: 1, owner: "mine".into(), lease: at(100), progress }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_platforms_retry_takes_over_at_once() {
        assert_eq!(claim(Progress::Working).meet("mine", false, at(10), 3), Meeting::TakeOver { attempt: 2 });
    }

    #[test]
    fn another_delivery_waits_for_the_lease_and_then_takes_over() {
        let claim = claim(Progress::Working);
        assert_eq!(claim.meet("other", false, at(99), 3), Meeting::Wait { until: at(100) });
        assert_eq!(claim.meet("other", false, at(100), 3), Meeting::TakeOver { attempt: 2 });
    }

    #[test]
    fn finished_work_is_repeated_for_its_own_delivery_and_dropped_for_others() {
        let claim = claim(Progress::Done(Outcome::default()));
        assert_eq!(claim.meet("mine", false, at(10), 3), Meeting::Repeat);
        assert_eq!(claim.meet("other", false, at(10), 3), Meeting::Drop);
    }

    #[test]
    fn finished_work_is_repeated_for_what_was_parked_or_a_dead_letter() {
        let claim = claim(Progress::Done(Outcome::default()));
        assert_eq!(claim.meet("other", true, at(10), 3), Meeting::Repeat);
    }

    #[test]
    fn a_duplicate_of_the_last_attempts_own_delivery_waits_for_its_lease() {
        assert_eq!(claim(Progress::Working).meet("mine", false, at(99), 1), Meeting::Wait { until: at(100) });
    }

    #[test]
    fn there_are_no_more_attempts_than_the_budget_allows() {
        assert_eq!(claim(Progress::Working).meet("mine", false, at(100), 1), Meeting::Exhausted);
        assert_eq!(claim(Progress::Working).meet("other", false, at(100), 1), Meeting::Exhausted);
    }
}
