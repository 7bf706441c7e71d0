//! One attempt at one node, and the line of telemetry it leaves.

use std::time::Duration;

use caribou_model::{AttemptOutcome, ClientRecord, NodeId, Region, StageRecord, SuccessorRecord, Timestamp};

use super::claim::Outcome;
use super::deliver::Sent;
use super::event::Event;
use super::hold::Hold;
use super::ledger::Ledger;
use super::{Inner, Shim};
use crate::Pin;
use crate::key::Place;
use crate::message::MapItem;

/// What is known of an attempt while it is made.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Attempt<'a> {
    pub(crate) shim: &'a Inner,
    pub(crate) event: &'a Event,
    pub(crate) ledger: Ledger<'a>,
    pub(crate) pin: &'a Pin,
    pub(crate) node: NodeId,
    /// The item that it is for, at a map.
    pub(crate) item: Option<MapItem>,
    /// It is made at home for a region that takes no messages any more.
    pub(crate) displaced: bool,
    /// Hops of the message so far.
    pub(crate) hops: u16,
    /// From 1.
    pub(crate) number: u32,
    /// How many attempts were made before the run was taken up again.
    pub(crate) before: u32,
    /// When the predecessor sent the message.
    pub(crate) sent: Option<Timestamp>,
    pub(crate) bytes_in: u64,
    pub(crate) client: Option<ClientRecord>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) duration: Duration,
    pub(crate) cpu_before: Option<Duration>,
    /// Its event came back as a dead letter: whoever recorded an outcome may not have told of it.
    pub(crate) returned: bool,
    /// Its function failed for good, and the failure goes on as a value.
    pub(crate) caught: bool,
    /// It stands for attempts that came to no outcome, and calls no function.
    pub(crate) given_up: bool,
}

impl Shim {
    /// The version of the telemetry format.
    pub(crate) const TELEMETRY_FORMAT: u8 = 1;
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(shim: &'a Inner, event: &'a Event, pin: &'a Pin, node: NodeId) -> Self {
        Self {
            shim,
            event,
            ledger: Ledger::new(&shim.ports, event.deadline),
            pin,
            node,
            item: None,
            displaced: false,
            hops: 0,
            number: 1,
            before: 0,
            sent: None,
            bytes_in: event.body.len() as u64,
            client: None,
            started: None,
            duration: Duration::ZERO,
            cpu_before: shim.ports.meter.cpu_time(),
            returned: false,
            caught: false,
            given_up: false,
        }
    }

    /// The same attempt in a run that was pinned so by the first entry.
    pub(crate) fn with_pin<'b>(&self, pin: &'b Pin) -> Attempt<'b>
    where
        'a: 'b,
    {
        let Self { shim, event, node, item, hops, number, sent, bytes_in, client, .. } = *self;
        Attempt { item, hops, number, sent, bytes_in, client, ..Attempt::new(shim, event, pin, node) }
    }

    /// Where it claims and records.
    pub(crate) fn place(&self) -> Place {
        Place { node: self.node, item: self.item.map(|item| item.index) }
    }

    pub(crate) fn stage(&self) -> &'a str {
        self.shim.name_of(self.node)
    }

    pub(crate) fn region(&self) -> &'a Region {
        &self.shim.deployment.region
    }

    /// Where the claim and the arrivals of the node lie, and how far its dispatch is: with the function, unless it is
    /// displaced.
    pub(crate) fn seat(&self) -> &'a Region {
        let (pin, shim) = (self.pin, self.shim);
        let pinned = || pin.placement.region_of_node(&shim.graph, self.node, &pin.home);
        self.displaced.then(pinned).flatten().unwrap_or(&shim.deployment.region)
    }

    /// Goes on as the attempt that has the claim in the hold.
    pub(crate) fn hold_on(&mut self, hold: &Hold) {
        self.number = hold.claim.attempt;
        self.before = hold.claim.before;
    }

    /// How many attempts there may have been when the last is made.
    pub(crate) fn attempts(&self) -> u32 {
        self.before.saturating_add(self.shim.function.attempts())
    }

    /// Writes the line of telemetry.
    pub(crate) fn record(&self, outcome: AttemptOutcome, successors: Vec<SuccessorRecord>) {
        let meter = &self.shim.ports.meter;
        let cpu = meter.cpu_time().zip(self.cpu_before).map(|(now, before)| now.saturating_sub(before));
        let now = self.shim.ports.clock.now();
        let function = &self.shim.function;
        self.shim.ports.telemetry.record(&StageRecord {
            format: Shim::TELEMETRY_FORMAT,
            run: self.pin.run.clone(),
            workflow: self.pin.workflow.clone(),
            version: self.pin.version.clone(),
            node: self.node,
            stage: self.stage().to_owned(),
            item: self.place().item,
            function: function.name.clone(),
            attempt: self.number,
            outcome,
            region: self.region().clone(),
            epoch: self.pin.epoch,
            hour: self.pin.hour,
            probe: self.pin.probe,
            forwarded: self.pin.forwarded,
            resumed: self.pin.resumed,
            sent: self.sent,
            received: self.event.received,
            started: self.started.unwrap_or(now),
            duration_ms: milliseconds(self.duration),
            billed_ms: milliseconds(now.since(self.event.received)),
            cpu_ms: cpu.map(milliseconds),
            cpu_model: meter.cpu_model(),
            peak_memory_mb: meter.peak_memory_mb(),
            memory_mb: function.memory_mb,
            architecture: function.architecture,
            cold: self.event.cold,
            bytes_in: self.bytes_in,
            user_network_bytes: None,
            store_reads: self.ledger.reads(),
            store_writes: self.ledger.writes(),
            client: self.client,
            successors,
        });
    }

    /// What became of every edge that leaves the node.
    pub(crate) fn successors(&self, outcome: &Outcome, sent: &[Sent]) -> Vec<SuccessorRecord> {
        let along = |to, slot| {
            let same = |delivery: &super::claim::StoredDelivery| delivery.to == to && delivery.slot == slot;
            outcome.deliveries.iter().position(same).and_then(|index| sent.get(index))
        };
        let edges = self.shim.graph.edges_from(self.node);
        edges
            .map(|edge| {
                let sent = along(edge.to, edge.slot).filter(|sent| sent.taken);
                SuccessorRecord {
                    to: edge.to,
                    slot: edge.slot,
                    taken: sent.is_some(),
                    region: sent.map(|sent| sent.region.clone()),
                    bytes: sent.map_or(0, |sent| sent.bytes),
                    sent: sent.map(|sent| sent.at),
                }
            })
            .collect()
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
