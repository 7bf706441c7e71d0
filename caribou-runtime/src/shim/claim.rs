//! Claims and outcomes: who works on a node, and what came of it.

use std::time::Duration;

use caribou_model::{AttemptOutcome, NodeId, Region, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::pin::is_zero;
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
    /// How often the run had been taken up again when the claim was made or renewed.
    #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
    pub(crate) resumed: u32,
    /// How many of the attempts were made before that. They do not count against the budget.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    pub(crate) before: u32,
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
    /// It was moved after the run had been taken up again: the claim lies in the pinned region all the same.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) displaced: bool,
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
    /// The claim is of the time before the run was taken up again, and nobody works on it: take it over with what is
    /// decided, or with a fresh budget where nothing is.
    Renew,
}

/// A delivery that meets a claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit<'a> {
    /// The delivery's id.
    pub(crate) request_id: &'a str,
    /// How often the run had been taken up again when its message was sent.
    pub(crate) resumed: u32,
    /// Whether it was a dead letter.
    pub(crate) again: bool,
    /// How many attempts may be made.
    pub(crate) attempts: u32,
}

/// How long after an invocation's deadline its lease ends, for clocks that differ.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

impl Claim {
    /// The claim of an event's first attempt, in a run that was taken up again so often.
    pub(crate) fn first(event: &Event, resumed: u32) -> Self {
        Self {
            attempt: 1,
            owner: event.request_id.clone(),
            lease: event.deadline.plus(LEASE_MARGIN),
            progress: Progress::Working,
            resumed,
            before: 0,
        }
    }

    /// The claim that a delivery makes of one of an earlier time: what is decided stays, anything else begins anew.
    pub(crate) fn renewed(&self, by: &Self) -> Self {
        let (progress, begun) = match &self.progress {
            Progress::Done(outcome) => (Progress::Done(outcome.clone()), 0),
            Progress::Working | Progress::Failed(_) => (Progress::Working, 1),
        };
        let Self { owner, lease, resumed, .. } = by.clone();
        Self { attempt: self.attempt + begun, before: self.attempt, owner, lease, resumed, progress }
    }

    /// Attempts that count against the budget.
    pub(crate) fn spent(&self) -> u32 {
        self.attempt.saturating_sub(self.before)
    }

    /// What a delivery has to do at `now`.
    pub(crate) fn meet(&self, visit: Visit<'_>, now: Timestamp) -> Meeting {
        let Visit { request_id, resumed, again, attempts } = visit;
        let own = self.owner == request_id;
        match self.progress {
            _ if resumed < self.resumed => Meeting::Drop,
            Progress::Working if resumed > self.resumed && now < self.lease => {
                Meeting::Wait { until: self.lease }
            }
            _ if resumed > self.resumed => Meeting::Renew,
            // One that was parked or a dead letter stands for a delivery that the platform has forgotten. An instance of
            // that one may still have recorded an outcome, frozen until then, and died before its sends.
            Progress::Done(_) | Progress::Failed(_) if own || again => Meeting::Repeat,
            Progress::Done(_) | Progress::Failed(_) => Meeting::Drop,
            Progress::Working if !own && now < self.lease => Meeting::Wait { until: self.lease },
            // A duplicate with the same request id, while the last attempt is alive.
            Progress::Working if self.spent() >= attempts && now < self.lease => {
                Meeting::Wait { until: self.lease }
            }
            Progress::Working if self.spent() >= attempts => Meeting::Exhausted,
            Progress::Working => Meeting::TakeOver { attempt: self.attempt + 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(progress: Progress) -> Claim {
        Claim { attempt: 1, owner: "mine".into(), lease: at(100), progress, resumed: 1, before: 0 }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    const MINE: Visit<'_> = Visit { request_id: "mine", resumed: 1, again: false, attempts: 3 };
    const OTHER: Visit<'_> = Visit { request_id: "other", ..MINE };

    #[test]
    fn the_platforms_retry_takes_over_at_once() {
        assert_eq!(claim(Progress::Working).meet(MINE, at(10)), Meeting::TakeOver { attempt: 2 });
    }

    #[test]
    fn another_delivery_waits_for_the_lease_and_then_takes_over() {
        let claim = claim(Progress::Working);
        assert_eq!(claim.meet(OTHER, at(99)), Meeting::Wait { until: at(100) });
        assert_eq!(claim.meet(OTHER, at(100)), Meeting::TakeOver { attempt: 2 });
    }

    #[test]
    fn finished_work_is_repeated_for_its_own_delivery_and_dropped_for_others() {
        let claim = claim(Progress::Done(Outcome::default()));
        assert_eq!(claim.meet(MINE, at(10)), Meeting::Repeat);
        assert_eq!(claim.meet(OTHER, at(10)), Meeting::Drop);
    }

    #[test]
    fn finished_work_is_repeated_for_what_was_parked_or_a_dead_letter() {
        let claim = claim(Progress::Done(Outcome::default()));
        assert_eq!(claim.meet(Visit { again: true, ..OTHER }, at(10)), Meeting::Repeat);
    }

    #[test]
    fn a_duplicate_of_the_last_attempts_own_delivery_waits_for_its_lease() {
        assert_eq!(
            claim(Progress::Working).meet(Visit { attempts: 1, ..MINE }, at(99)),
            Meeting::Wait { until: at(100) }
        );
    }

    #[test]
    fn there_are_no_more_attempts_than_the_budget_allows() {
        let once = |visit| Visit { attempts: 1, ..visit };
        assert_eq!(claim(Progress::Working).meet(once(MINE), at(100)), Meeting::Exhausted);
        assert_eq!(claim(Progress::Working).meet(once(OTHER), at(100)), Meeting::Exhausted);
    }

    fn failure() -> Progress {
        Progress::Failed(Failure {
            stage: "press".into(),
            item: None,
            region: Region::aws("us-east-1"),
            attempt: 1,
            error: "no".into(),
            input: Vec::new(),
        })
    }

    #[test]
    fn a_message_of_an_earlier_time_does_nothing_whatever_it_meets() {
        for progress in [Progress::Working, Progress::Done(Outcome::default()), failure()] {
            for visit in [MINE, OTHER, Visit { again: true, ..OTHER }] {
                let early = Visit { resumed: 0, ..visit };
                assert_eq!(claim(progress.clone()).meet(early, at(1_000)), Meeting::Drop);
            }
        }
    }

    #[test]
    fn a_claim_of_an_earlier_time_is_renewed_once_nobody_can_be_at_work() {
        let late = Visit { resumed: 2, attempts: 1, ..OTHER };
        assert_eq!(claim(Progress::Working).meet(late, at(99)), Meeting::Wait { until: at(100) });
        for progress in [Progress::Working, Progress::Done(Outcome::default()), failure()] {
            assert_eq!(claim(progress).meet(late, at(100)), Meeting::Renew);
        }
    }

    #[test]
    fn a_renewed_claim_keeps_its_outcome_or_has_a_fresh_budget() {
        let mine = Claim { owner: "late".into(), lease: at(500), resumed: 2, ..claim(Progress::Working) };
        let done = claim(Progress::Done(Outcome::default())).renewed(&mine);
        assert_eq!((done.attempt, done.progress), (1, Progress::Done(Outcome::default())));
        assert_eq!((done.owner.as_str(), done.lease, done.resumed), ("late", at(500), 2));
        for progress in [Progress::Working, failure()] {
            let again = Claim { attempt: 3, ..claim(progress) }.renewed(&mine);
            assert_eq!((again.attempt, again.spent(), &again.progress), (4, 1, &Progress::Working));
        }
    }
}
