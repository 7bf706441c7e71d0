//! Glue that gives another value each time it is evaluated.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use caribou::prelude::*;
use serde::{Deserialize, Serialize};

static TICKETS: AtomicU64 = AtomicU64::new(0);

/// A ticket that nobody had before: a number, a time, and a random word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Counts the tickets of this process.
    pub number: u64,
    /// When it was drawn, in nanoseconds since 1970.
    pub drawn_ns: u64,
    /// A random number.
    pub random: u64,
}

impl Ticket {
    /// Draws one.
    pub fn draw() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let number = TICKETS.fetch_add(1, Ordering::Relaxed);
        Self { number, drawn_ns: since.as_nanos() as u64, random: RandomState::new().hash_one(number) }
    }

    /// How many were drawn in this process.
    pub fn drawn() -> u64 {
        TICKETS.load(Ordering::Relaxed)
    }
}

/// Shows the ticket that it was given.
#[caribou::function]
pub async fn stamp(ticket: Ticket) -> Result<Ticket> {
    Ok(ticket)
}

/// The same, elsewhere.
#[caribou::function]
pub async fn punch(ticket: Ticket, _after: Ticket) -> Result<Ticket> {
    Ok(ticket)
}

/// What everybody saw of the tickets: one drawn from the input, one where a stage has ended, one where two have.
#[caribou::workflow]
pub async fn tickets(seats: u64) -> Result<Vec<Vec<Ticket>>> {
    let early = Ticket::draw();
    let left = stamp(early.clone()).await?;
    let right = stamp(early.clone()).await?;
    let late = if seats > 1 { Ticket::draw() } else { left.clone() };
    let third = punch(late.clone(), left.clone()).await?;
    let both = Ticket { number: Ticket::draw().number, ..right.clone() };
    let (fourth, fifth) = tokio::try_join!(punch(both.clone(), left.clone()), stamp(both.clone()))?;
    Ok(vec![vec![early, left, right], vec![late, third], vec![both, fourth, fifth]])
}
