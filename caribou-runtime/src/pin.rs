//! What is fixed for a run when its request is received.

use std::time::Duration;

use caribou_model::{Epoch, Hour, Placement, Region, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything that the first entry fixes for a run. It is kept in the run record and travels in every message, so
/// that no later stage looks up a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version.
    pub version: String,
    /// What the graph of that version is, in short: one version has one graph.
    pub graph: u32,
    /// The run.
    pub run: RunId,
    /// The plan that it follows.
    pub epoch: Epoch,
    /// The hour of the plan that it follows.
    pub hour: Hour,
    /// Whether it goes wholly to the home region.
    pub probe: bool,
    /// Whether its request was received elsewhere than where its first stage runs.
    pub forwarded: bool,
    /// When it must have ended.
    pub deadline: Timestamp,
    /// The home region.
    pub home: Region,
    /// Where its stages run.
    pub placement: Placement,
    /// The W3C `traceparent`, if the caller sent one.
    pub traceparent: Option<String>,
    /// How often the run was taken up again after it had failed: 0 at first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumed: u32,
}

pub(crate) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// How long items and large values of a run are kept after its deadline: a run that failed can be looked at and taken
/// up again for that long, and at the time of a write nobody knows whether its run will fail.
const KEPT: Duration = Duration::from_hours(14 * 24);

impl Pin {
    /// Until when the items and the large values of the run are kept: 14 days after its deadline.
    pub(crate) fn kept_until(&self) -> Timestamp {
        self.deadline.plus(KEPT)
    }

    /// A number from 0 up to 1 that is the same for every look at one run: the probe draw.
    pub fn draw(run: &RunId) -> f64 {
        (hash(run.as_str().as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A well mixed hash that is the same in every process: FNV-1a, finished as in `SplitMix64`.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (folded ^ (folded >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_draw_is_even() {
        let below = |share: f64| {
            let draws = (0..10_000).map(|n| Pin::draw(&format!("run-{n}").parse().unwrap()));
            draws.filter(|draw| *draw < share).count()
        };
        assert!((900..1100).contains(&below(0.1)), "{}", below(0.1));
        assert_eq!((below(0.0), below(1.0)), (0, 10_000));
    }
}
