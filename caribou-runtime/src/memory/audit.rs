//! What must hold whatever goes wrong, looked at while it happens: one outcome for each stage, seen by all successors.

use std::collections::{HashMap, HashSet};

use caribou_model::{Graph, Region, RunId};

use crate::codec;
use crate::key::{self, Place};
use crate::message::{MapItem, Message};
use crate::port::Item;
use crate::run::{End, RunRecord};
use crate::shim::claim::{Claim, Outcome, Progress};
use crate::shim::sync::Arrival;
use crate::stored::StoredValue;

/// Watches the stores and the transport.
#[derive(Default)]
pub(super) struct Audit {
    /// What was recorded first at a place of a run.
    recorded: HashMap<(RunId, String), Progress>,
    ends: HashMap<RunId, End>,
    /// The slots that are filled, by key.
    filled: HashSet<String>,
    /// Where a message to a place of a run went, and with which values.
    sent: HashMap<(RunId, Place, bool), (Region, Vec<StoredValue>)>,
    pub(super) breaches: Vec<(RunId, String)>,
}

/// The parts of a key that begin with the workflow's name: what it is, the run, the rest.
fn parts(key: &str) -> Option<(&str, RunId, &str)> {
    let mut parts = key.splitn(4, '/').skip(1);
    let (kind, run, rest) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    Some((kind, RunId::try_from(run.to_owned()).ok()?, rest))
}

impl Audit {
    /// An item is written.
    pub(super) fn written(&mut self, key: &str, value: &[u8]) {
        let Some((kind, run, place)) = parts(key) else { return };
        match kind {
            "claim" => {
                if let Ok(claim) = codec::decode::<Claim>(value) {
                    self.forgive(&run, place, &claim);
                    self.judge(run, place.to_owned(), claim.progress, false);
                }
            }
            "run" => {
                let Ok(record) = RunRecord::decode(value) else { return };
                let over = record.end.is_some();
                self.end(&run, record.end);
                self.forgive(&run, "0", &record.entry);
                self.judge(run, "0".into(), record.entry.progress, over);
            }
            "arrival" => {
                self.filled.insert(key.to_owned());
            }
            _ => {}
        }
    }

    /// An item is not written, because of what is there.
    pub(super) fn refused(&mut self, key: &str, value: &[u8], there: Option<&Item>) {
        let (Some(("arrival", run, _)), Some(there)) = (parts(key), there) else { return };
        let decode = |bytes| codec::decode::<Arrival>(bytes).ok();
        let filling = |arrival: Arrival| (arrival.values, arrival.items);
        if decode(value).map(filling) != decode(&there.value).map(filling) {
            self.breach(&run, format!("two different values were to fill `{key}`"));
        }
    }

    /// A message is accepted.
    pub(super) fn sent(&mut self, message: &Message, region: &Region) {
        let item = message.item.map(|MapItem { index, .. }| index);
        let place = Place { node: message.to, item };
        let run = &message.pin.run;
        let first = self.sent.entry((run.clone(), place, message.fires));
        let (first_region, values) = first.or_insert_with(|| (region.clone(), message.values.clone()));
        // What is displaced is claimed where the placement says, wherever it runs.
        if first_region != region && message.pin.resumed == 0 {
            let what = format!("messages to {place} went to {first_region} and to {region}");
            self.breach(run, what);
        } else if *values != message.values {
            self.breach(run, format!("messages with different values went to {place}"));
        }
    }

    /// The run has ended, or has no end, be it that it was taken up again.
    fn end(&mut self, run: &RunId, end: Option<End>) {
        let first = self.ends.get(run);
        match end {
            None if matches!(first, Some(End::Succeeded { .. })) => {
                self.breach(run, "it had succeeded, and was taken up again".into());
            }
            None => drop(self.ends.remove(run)),
            Some(end) if first == Some(&end) => {}
            Some(end) if end.may_follow(first) => drop(self.ends.insert(run.clone(), end)),
            Some(_) => self.breach(run, "it ended twice".into()),
        }
    }

    /// A failure is none any more where a claim is renewed, because the run was taken up again.
    fn forgive(&mut self, run: &RunId, place: &str, claim: &Claim) {
        let at = (run.clone(), place.to_owned());
        let failed = matches!(self.recorded.get(&at), Some(Progress::Failed(_)));
        if failed && claim.resumed > 0 && claim.progress == Progress::Working {
            self.recorded.remove(&at);
        }
    }

    fn breach(&mut self, run: &RunId, what: String) {
        self.breaches.push((run.clone(), what));
    }

    /// Holds what is recorded at a place against what was recorded there first.
    fn judge(&mut self, run: RunId, place: String, progress: Progress, over: bool) {
        let at = (run, place);
        let same = match (self.recorded.get(&at), &progress) {
            (None, Progress::Working) => return,
            (None, _) => {
                self.recorded.insert(at, progress);
                return;
            }
            (Some(Progress::Done(first)), Progress::Done(now)) => {
                is_same(first, now) || (over && now.values.is_empty())
            }
            (Some(first), now) => first == now,
        };
        if !same {
            let what = format!("two different outcomes were recorded at {}", at.1);
            self.breach(&at.0, what);
        }
    }

    /// What a run that succeeded has left undone, if anything.
    pub(super) fn undone(&self, graph: &Graph, run: &RunId) -> Option<String> {
        let is_done =
            |place: String| matches!(self.recorded.get(&(run.clone(), place)), Some(Progress::Done(_)));
        for ((_, place), progress) in self.recorded.iter().filter(|((of, _), _)| of == run) {
            let Progress::Done(outcome) = progress else {
                return Some(format!("it succeeded, though {place} failed"));
            };
            let (node, item) = place
                .split_once('.')
                .map_or((place.as_str(), None), |(node, item)| (node, item.parse::<u32>().ok()));
            for delivery in &outcome.deliveries {
                let to = delivery.to;
                if to.to_string() == node || (to == graph.result() && !graph.is_sync(to)) {
                    continue;
                }
                let filled = |slot| self.filled.contains(&key::arrival(&graph.workflow, run, to, slot));
                let arrived = match (graph.is_sync(to), item) {
                    (false, _) => true,
                    (true, None) => filled(delivery.slot),
                    (true, Some(item)) => {
                        let key = key::item_arrival(&graph.workflow, run, to, delivery.slot, item);
                        self.filled.contains(&key)
                    }
                };
                // A sync node in an arm that is not taken never gets all that it waits for.
                let starts =
                    !graph.is_sync(to) || graph.node(to).is_some_and(|node| (0..node.slots).all(filled));
                let done = match &delivery.items {
                    Some(items) => (0..items.count).all(|item| is_done(format!("{to}.{item}"))),
                    None => !starts || is_done(to.to_string()),
                };
                if !arrived || !done {
                    return Some(format!("it succeeded, and what {place} sent to {to} came to nothing"));
                }
            }
        }
        None
    }
}

/// Whether two outcomes decide the same.
fn is_same(a: &Outcome, b: &Outcome) -> bool {
    let same = |(a, b): (&crate::shim::claim::StoredDelivery, &crate::shim::claim::StoredDelivery)| {
        a.to == b.to && a.slot == b.slot && a.values == b.values && a.items == b.items
    };
    a.caught == b.caught
        && a.values == b.values
        && a.deliveries.len() == b.deliveries.len()
        && a.deliveries.iter().zip(&b.deliveries).all(same)
}
