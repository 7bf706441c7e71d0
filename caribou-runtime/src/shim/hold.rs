//! The item that holds a node's claim, as one delivery sees it.

use bytes::Bytes;
use caribou_model::{Region, RunId, Timestamp};

use super::claim::{Claim, Meeting, Progress, Visit};
use super::error::{HandleError, Refusal};
use super::ledger::Ledger;
use crate::key::Place;
use crate::port::{Condition, Item, Put};
use crate::run::RunRecord;
use crate::{Pin, codec, key};

/// The item with the claim: an item of its own for a stage or gate, the run record for the entry.
#[derive(Clone)]
pub(crate) struct Hold {
    region: Region,
    key: String,
    expires: Timestamp,
    condition: Condition,
    /// Nobody claims the node: its item only counts failures, until there is an outcome.
    unclaimed: bool,
    pub(crate) claim: Claim,
    /// For the entry: the run record around the claim.
    pub(crate) run: Option<RunRecord>,
}

/// What a delivery may do with the node it is for.
pub(crate) enum Claimed {
    /// Do the work.
    Mine(Hold),
    /// Do what an attempt decided, again.
    Repeat(Hold),
    /// Nothing.
    Drop,
    /// Come back later.
    Wait { until: Timestamp },
    /// Give up.
    Exhausted(Hold),
}

/// How often a claim that changes under one's hands is looked at again.
pub(super) const LOOKS: usize = 16;

impl Hold {
    /// A first claim on a stage or gate, not written yet.
    pub(crate) fn of_node(
        pin: &Pin,
        place: Place,
        region: &Region,
        expires: Timestamp,
        claim: Claim,
    ) -> Self {
        let key = key::claim(&pin.workflow, &pin.run, place);
        Self {
            region: region.clone(),
            key,
            expires,
            condition: Condition::Absent,
            unclaimed: false,
            claim,
            run: None,
        }
    }

    /// A first claim on the entry, not written yet.
    pub(crate) fn of_entry(record: RunRecord, expires: Timestamp) -> Self {
        Self {
            region: record.pin.home.clone(),
            key: key::run(&record.pin.workflow, &record.pin.run),
            expires,
            condition: Condition::Absent,
            unclaimed: false,
            claim: record.entry.clone(),
            run: Some(record),
        }
    }

    /// The same for a node that nobody claims.
    pub(crate) fn unclaimed(self) -> Self {
        Self { unclaimed: true, ..self }
    }

    /// Notes that one more attempt at an unclaimed node has failed. Tells how many have; `None` if there is an
    /// outcome, or the run was taken up again since.
    pub(crate) async fn count(&mut self, ledger: &Ledger<'_>) -> Result<Option<u32>, HandleError> {
        let mine = self.claim.clone();
        for _ in 0..LOOKS {
            if self.write(ledger, self.claim.clone()).await? {
                return Ok(Some(self.claim.attempt));
            }
            if self.claim.progress != Progress::Working || self.claim.resumed > mine.resumed {
                return Ok(None);
            }
            self.claim = Claim { attempt: self.claim.attempt + 1, ..mine.clone() };
        }
        Err(HandleError::Contended { key: self.key.clone() })
    }

    /// The claim on the entry as it stands in the run record. `None` if home knows of no such run.
    pub(crate) async fn of_run(
        ledger: &Ledger<'_>,
        workflow: &str,
        run: &RunId,
        home: &Region,
    ) -> Result<Option<Self>, HandleError> {
        let key = key::run(workflow, run);
        let Some(item) = ledger.get(home, &key).await? else { return Ok(None) };
        match RunRecord::decode(&item.value) {
            Ok(record) => {
                let expires = record.pin.kept_until();
                let condition = Condition::Revision(item.revision);
                Ok(Some(Self { condition, ..Self::of_entry(record, expires) }))
            }
            Err(cause) => Err(HandleError::Item { key, cause }),
        }
    }

    /// Whether it is known here that the run has ended: what the entry decided may have no values any more.
    pub(crate) fn is_over(&self) -> bool {
        self.run.as_ref().is_some_and(|record| record.end.is_some())
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Claims the node for the delivery that the claim names, unless another has it. One whose own lease would be over takes
    /// nothing over: it was frozen, and the platform has given it up.
    pub(crate) async fn claim(
        mut self,
        ledger: &Ledger<'_>,
        again: bool,
        now: Timestamp,
        attempts: u32,
    ) -> Result<Claimed, HandleError> {
        let mine = self.claim.clone();
        for _ in 0..LOOKS {
            if self.write(ledger, self.claim.clone()).await? {
                return Ok(match self.claim.progress {
                    Progress::Working => Claimed::Mine(self),
                    Progress::Done(_) | Progress::Failed(_) => Claimed::Repeat(self),
                });
            }
            if self.is_over() {
                return Ok(Claimed::Drop);
            }
            let Claim { resumed, ref owner, .. } = mine;
            let visit = Visit { request_id: owner, resumed, again, attempts };
            match self.claim.meet(visit, now) {
                Meeting::TakeOver { .. } | Meeting::Exhausted | Meeting::Renew
                    if ledger.now() >= mine.lease =>
                {
                    return Err(HandleError::Late);
                }
                Meeting::TakeOver { attempt } => {
                    self.claim = Claim { attempt, before: self.claim.before, ..mine.clone() };
                }
                Meeting::Renew => self.claim = self.claim.renewed(&mine),
                Meeting::Wait { until } => return Ok(Claimed::Wait { until }),
                Meeting::Repeat => return Ok(Claimed::Repeat(self)),
                Meeting::Drop => return Ok(Claimed::Drop),
                Meeting::Exhausted => return Ok(Claimed::Exhausted(self)),
            }
        }
        Err(HandleError::Contended { key: self.key })
    }

    /// Writes another run record, with the claim that is in it, if nobody else has written since it was seen. If somebody
    /// has, what they wrote is seen.
    pub(crate) async fn rewrite(
        &mut self,
        ledger: &Ledger<'_>,
        record: RunRecord,
    ) -> Result<bool, HandleError> {
        self.expires = record.pin.kept_until();
        let claim = record.entry.clone();
        self.run = Some(record);
        self.write(ledger, claim).await
    }

    /// Reads the claim as it stands. `None` if there is none.
    pub(crate) async fn load(mut self, ledger: &Ledger<'_>) -> Result<Option<Self>, HandleError> {
        let Some(item) = ledger.get(&self.region, &self.key).await? else { return Ok(None) };
        self.see(&item)?;
        Ok(Some(self))
    }

    /// Writes the claim if nobody else has written since it was seen. If somebody has, what they wrote is seen.
    pub(crate) async fn write(&mut self, ledger: &Ledger<'_>, claim: Claim) -> Result<bool, HandleError> {
        let value = self.encoded(&claim)?;
        match ledger.put(&self.region, &self.key, value, self.condition, self.expires).await? {
            Put::Written(revision) => {
                self.condition = Condition::Revision(revision);
                if let Some(record) = &mut self.run {
                    record.entry = claim.clone();
                }
                self.claim = claim;
                Ok(true)
            }
            Put::Refused(Some(item)) => {
                self.see(&item)?;
                Ok(false)
            }
            Put::Refused(None) => Err(HandleError::Gone { key: self.key.clone() }),
        }
    }

    /// Writes how far the attempt is. At a node that nobody claims, it is written over what others count.
    pub(crate) async fn advance(
        &mut self,
        ledger: &Ledger<'_>,
        progress: Progress,
    ) -> Result<bool, HandleError> {
        let mine = Claim { progress, ..self.claim.clone() };
        for _ in 0..LOOKS {
            let attempt = self.claim.attempt.max(mine.attempt);
            if self.write(ledger, Claim { attempt, ..mine.clone() }).await? {
                return Ok(true);
            }
            let theirs = self.claim.progress != Progress::Working || self.claim.resumed > mine.resumed;
            if !self.unclaimed || theirs {
                return Ok(false);
            }
        }
        Err(HandleError::Contended { key: self.key.clone() })
    }

    fn see(&mut self, item: &Item) -> Result<(), HandleError> {
        let unreadable = |cause| HandleError::Item { key: self.key.clone(), cause };
        if let Some(own) = &self.run {
            let record = RunRecord::decode(&item.value).map_err(unreadable)?;
            let Pin { workflow, version, graph, .. } = &own.pin;
            check_pin(&record.pin, workflow, version, *graph)?;
            self.claim = record.entry.clone();
            self.run = Some(record);
        } else {
            self.claim = codec::decode(&item.value).map_err(unreadable)?;
        }
        self.condition = Condition::Revision(item.revision);
        Ok(())
    }

    fn encoded(&self, claim: &Claim) -> Result<Bytes, HandleError> {
        let encoded = match &self.run {
            Some(record) => codec::encode(&RunRecord { entry: claim.clone(), ..record.clone() }),
            None => codec::encode(claim),
        };
        encoded.map(Bytes::from).map_err(|cause| HandleError::Item { key: self.key.clone(), cause })
    }
}

/// A run id names one run of one version, and a version is one graph.
pub(super) fn check_pin(pinned: &Pin, workflow: &str, version: &str, graph: u32) -> Result<(), Refusal> {
    let (workflow, version) = (workflow.to_owned(), version.to_owned());
    if pinned.version != version {
        let (run, pinned) = (pinned.run.clone(), pinned.version.clone());
        return Err(Refusal::RunOfAnotherVersion { run, pinned, served: version });
    }
    if pinned.graph == graph { Ok(()) } else { Err(Refusal::Graph { workflow, version }) }
}
