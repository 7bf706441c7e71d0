//! Faults on demand.

use std::collections::BTreeSet;
use std::time::Duration;

use caribou_model::Region;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// What shall go wrong. Faults last until they are replaced, or the cloud ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Regions that are down: they accept no call, and start no function.
    pub down: BTreeSet<Region>,
    /// Probability that a message is delivered twice, 0 to 1.
    pub duplicate: f64,
    /// Probability that the instance of an event is killed while it handles it, 0 to 1: as it starts, at one of
    /// its calls to the cloud (some time after it has started, if it calls AWS instead), or as it reports that it has
    /// finished.
    pub kill: f64,
    /// What the draws start from: the same seed gives the same sequence of draws.
    pub seed: u64,
}

/// How often something went wrong because it was asked for, since the cloud was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCounts {
    /// Messages that were delivered twice.
    pub duplicated: u64,
    /// Instances that were killed while they handled an event.
    pub killed: u64,
    /// Calls to a region that was down, and so were refused.
    pub refused: u64,
}

impl Faults {
    /// What is wrong with these numbers, if anything.
    pub(crate) fn mistake(&self) -> Option<String> {
        let wrong = |name: &str, value: f64| {
            let fits = (0.0..=1.0).contains(&value);
            (!fits).then(|| format!("`{name}` is {value}; a probability is from 0 to 1"))
        };
        wrong("duplicate", self.duplicate).or_else(|| wrong("kill", self.kill))
    }
}

/// When an instance is killed: after so many of its calls to the cloud, or else when it reports its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) after_calls: u32,
}

impl Kill {
    /// When an instance is killed whose calls the cloud does not see: so long after it got its event.
    pub(crate) fn after(self) -> Duration {
        A_CALL * self.after_calls
    }
}

/// The calls after which an instance may be killed: 0 to this, exclusively. A stage makes about half as many.
const CALLS: u32 = 8;
/// About what a call takes.
const A_CALL: Duration = Duration::from_millis(8);

/// The faults in force and their draws.
pub(crate) struct Dice {
    pub(crate) faults: Faults,
    pub(crate) counts: FaultCounts,
    random: Pcg64,
}

impl Dice {
    pub(crate) fn new(faults: Faults) -> Self {
        let random = Pcg64::seed_from_u64(faults.seed);
        Self { faults, counts: FaultCounts::default(), random }
    }

    /// Other faults, and draws from their seed. What has happened stays counted.
    pub(crate) fn replace(&mut self, faults: Faults) {
        *self = Self { counts: self.counts, ..Self::new(faults) };
    }

    /// Whether a region is down, for somebody who calls it.
    pub(crate) fn refuses(&mut self, region: &Region) -> bool {
        let refuses = self.faults.down.contains(region);
        self.counts.refused += u64::from(refuses);
        refuses
    }

    /// Whether the next message is delivered twice.
    pub(crate) fn duplicate(&mut self) -> bool {
        let twice = self.faults.duplicate > 0.0 && self.random.random_bool(self.faults.duplicate);
        self.counts.duplicated += u64::from(twice);
        twice
    }

    /// Whether and when the instance of the next event is killed.
    pub(crate) fn kill(&mut self) -> Option<Kill> {
        let killed = self.faults.kill > 0.0 && self.random.random_bool(self.faults.kill);
        self.counts.killed += u64::from(killed);
        killed.then(|| Kill { after_calls: self.random.random_range(0..CALLS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let faults = Faults { kill: 0.5, duplicate: 0.5, seed: 7, ..Faults::default() };
        let draw = || {
            let mut dice = Dice::new(faults.clone());
            (0..50).map(|_| (dice.duplicate(), dice.kill())).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        assert!(draw().iter().any(|(duplicate, _)| *duplicate));
        assert!(draw().iter().any(|(_, kill)| kill.is_some()));
    }

    #[test]
    fn what_went_wrong_is_counted_and_stays_so_when_other_faults_are_asked_for() {
        let home = Region::aws("us-east-1");
        let down = [home.clone()].into();
        let mut dice = Dice::new(Faults { kill: 1.0, duplicate: 1.0, down, ..Faults::default() });
        assert!(dice.duplicate() && dice.kill().is_some() && dice.refuses(&home));
        dice.replace(Faults::default());
        assert!(!dice.duplicate() && dice.kill().is_none() && !dice.refuses(&home));
        assert_eq!(dice.counts, FaultCounts { duplicated: 1, killed: 1, refused: 1 });
    }

    #[test]
    fn a_number_that_is_no_probability_is_named() {
        let faults = Faults { kill: 1.5, ..Faults::default() };
        assert!(faults.mistake().unwrap().contains("`kill` is 1.5"));
    }
}
