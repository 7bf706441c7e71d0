//! What goes wrong in a simulation.

use std::collections::BTreeSet;
use std::time::Duration;

use caribou_model::Region;

/// What goes wrong, and how often. By default nothing does.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// How likely a message is delivered twice, 0 to 1.
    pub duplicate: f64,
    /// The longest delay of a message; shorter ones are as likely, so that messages overtake each other.
    pub delay: Duration,
    /// How likely an instance crashes before, and as likely after, each port call, 0 to 1. The platform delivers again.
    pub crash: f64,
    /// How likely an instance freezes in a port call until after its lease, 0 to 1. The platform gives the attempt up
    /// and delivers again; the frozen instance goes on later.
    pub freeze: f64,
    /// How likely the answer of a store write or a send is lost, though it had its effect, 0 to 1.
    pub lost_answer: f64,
    /// Regions that accept and answer nothing.
    pub down: BTreeSet<Region>,
    /// Deliveries of one message that the platform makes before it gives it up as a dead letter.
    pub platform_attempts: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            duplicate: 0.0,
            delay: Duration::ZERO,
            crash: 0.0,
            freeze: 0.0,
            lost_answer: 0.0,
            down: BTreeSet::new(),
            platform_attempts: 3,
        }
    }
}

impl Faults {
    /// A bad day: a little of everything but regions that are down.
    pub fn some() -> Self {
        Self {
            duplicate: 0.1,
            delay: Duration::from_secs(2),
            crash: 0.01,
            freeze: 0.003,
            lost_answer: 0.01,
            ..Self::default()
        }
    }
}
