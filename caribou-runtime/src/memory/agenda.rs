//! What is due when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use caribou_model::{RunId, Timestamp};

use crate::key::Place;
use crate::port::StageAddress;

/// Something that is due. What is due at the same time comes in an order that the seed draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// An event that is being handled goes on.
    Event(usize),
    /// A message is delivered.
    Message(usize),
    /// The one who runs the simulation does something.
    Change(usize),
}

/// A message in the queue.
#[derive(Clone)]
pub(super) struct Envelope {
    pub(super) to: Arc<StageAddress>,
    pub(super) body: Arc<str>,
    /// The delivery's number.
    pub(super) delivery: u64,
    pub(super) tries: u32,
    /// Why the platform gave it up, if it did.
    pub(super) reason: Option<String>,
    /// What it is about, if that can be read.
    pub(super) about: Option<(RunId, Place)>,
}

/// Everything that is due, by time.
#[derive(Default)]
pub(super) struct Agenda {
    due: BinaryHeap<Reverse<(Timestamp, u32, Due)>>,
    messages: Vec<Option<Envelope>>,
}

impl Agenda {
    pub(super) fn push(&mut self, at: Timestamp, chance: u32, due: Due) {
        self.due.push(Reverse((at, chance, due)));
    }

    pub(super) fn post(&mut self, at: Timestamp, chance: u32, envelope: Envelope) {
        self.push(at, chance, Due::Message(self.messages.len()));
        self.messages.push(Some(envelope));
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }

    pub(super) fn pop(&mut self) -> Option<(Timestamp, Due)> {
        self.due.pop().map(|Reverse((at, _, due))| (at, due))
    }

    /// Takes a message out of the queue.
    pub(super) fn take(&mut self, message: usize) -> Option<Envelope> {
        self.messages.get_mut(message).and_then(Option::take)
    }

    /// Takes every message, in the order in which they were sent.
    pub(super) fn take_all(&mut self) -> Vec<Envelope> {
        self.due.retain(|Reverse((_, _, due))| !matches!(due, Due::Message(_)));
        self.messages.drain(..).flatten().collect()
    }
}
