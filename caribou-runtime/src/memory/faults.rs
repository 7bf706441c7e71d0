//! What goes wrong in a simulation.

use std::collections::BTreeSet;
use std::time::Duration;

use caribou_model::Region;

use super::Outage;

/// What goes wrong, and how often. By default nothing does.
///
/// ```
/// use std::time::Duration;
///
/// use caribou_runtime::memory::Faults;
///
/// let stormy = Faults { duplicate: 0.5, clock_skew: Duration::from_secs(8), ..Faults::some() };
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// How likely a message is delivered twice, as two deliveries, 0 to 1.
    pub duplicate: f64,
    /// The longest delay of a message; shorter ones are as likely, so that messages overtake each other.
    pub delay: Duration,
    /// How likely a delivery vanishes, 0 to 1: on its way to an instance, or, as likely, its acknowledgement on the way
    /// back. The platform delivers it again, under the same request id, after [`redelivery`](Self::redelivery).
    pub vanish: f64,
    /// How long the platform waits for a delivery that vanished.
    pub redelivery: Duration,
    /// How likely an instance crashes before, and as likely after, each port call and each function, 0 to 1. The platform
    /// delivers again.
    pub crash: f64,
    /// How likely an instance freezes before, and as likely after, each port call and each function, 0 to 1, until 5 s
    /// to 30 s after its time is over. The platform gives the attempt up and delivers again; the frozen instance goes on
    /// later.
    pub freeze: f64,
    /// How likely an instance goes on, 0 to 1, whose function or port call took longer than its timeout, after the
    /// platform has given it up; otherwise it ends there. One that froze always goes on.
    pub outlive: f64,
    /// How likely the request of a port call is lost, 0 to 1: the call times out and had no effect.
    pub lost_request: f64,
    /// How likely the answer of a port call is lost, 0 to 1: the call times out, though it had its effect.
    pub lost_answer: f64,
    /// The longest time until a call times out whose request or answer is lost; shorter ones are as likely.
    pub patience: Duration,
    /// Regions that accept and answer nothing, all the time. That they accept nothing is certain to whoever asks them.
    pub down: BTreeSet<Region>,
    /// Times in which regions are cut off.
    pub outages: Vec<Outage>,
    /// The share of the time in which each region is cut off besides, 0 up to 1, in outages that the seed draws.
    pub outage: f64,
    /// The longest of these outages; shorter ones are as likely.
    pub longest_outage: Duration,
    /// The most that an instance's clock is ahead or behind. Each has an error of its own, any one as likely. Leases bear
    /// 5 s between two clocks; with more, attempts overlap.
    pub clock_skew: Duration,
    /// Deliveries of one message that the platform makes before it gives it up as a dead letter, 1 or more.
    pub platform_attempts: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            duplicate: 0.0,
            delay: Duration::ZERO,
            vanish: 0.0,
            redelivery: Duration::from_secs(30),
            crash: 0.0,
            freeze: 0.0,
            outlive: 0.0,
            lost_request: 0.0,
            lost_answer: 0.0,
            patience: Duration::from_secs(2),
            down: BTreeSet::new(),
            outages: Vec::new(),
            outage: 0.0,
            longest_outage: Duration::from_secs(20),
            clock_skew: Duration::ZERO,
            platform_attempts: 3,
        }
    }
}

impl Faults {
    /// A bad day: a little of everything but regions that are down for good.
    ///
    /// | fault | rate |
    /// |---|---|
    /// | messages delivered twice | 10 % |
    /// | delay of a message | up to 2 s |
    /// | deliveries that vanish | 1 %, for 30 s |
    /// | crashes | 1 % at each port call and function, before and after |
    /// | freezes | 0.3 % there |
    /// | instances that outlive their timeout | every second |
    /// | requests lost, answers lost | 1 % of the port calls each, noticed after up to 2 s |
    /// | regions cut off | 1 % of the time, up to 20 s |
    /// | clocks | up to 1 s ahead or behind |
    pub fn some() -> Self {
        Self {
            duplicate: 0.1,
            delay: Duration::from_secs(2),
            vanish: 0.01,
            crash: 0.01,
            freeze: 0.003,
            outlive: 0.5,
            lost_request: 0.01,
            lost_answer: 0.01,
            outage: 0.01,
            clock_skew: Duration::from_secs(1),
            ..Self::default()
        }
    }
}
