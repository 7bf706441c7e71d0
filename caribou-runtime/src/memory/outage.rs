//! Regions that are cut off for a while.

use std::collections::HashMap;
use std::time::Duration;

use caribou_model::{Region, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::Faults;
use super::world::BEGINNING;

/// A time in which a region is cut off: calls from and to other regions fail, and what lies in its queue waits. What was
/// under way when it began had its effect, and its answer is lost.
///
/// A call that fails is certain to have had no effect, or, as likely, leaves a doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The region.
    pub region: Region,
    /// When it begins, from the beginning of the simulation.
    pub from: Duration,
    /// When it ends, from the beginning of the simulation.
    pub until: Duration,
    /// What becomes of the instances in the region.
    pub inside: Inside,
}

/// What instances in a region do that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// They go on, and reach their own region only.
    GoOn,
    /// They stand still until it is over. Their time runs out all the same.
    StandStill,
}

impl Outage {
    /// An outage during which instances in the region go on, and reach their own region only.
    pub const fn new(region: Region, from: Duration, until: Duration) -> Self {
        Self { region, from, until, inside: Inside::GoOn }
    }

    /// The same, but instances in the region stand still.
    #[must_use]
    pub const fn standing_still(mut self) -> Self {
        self.inside = Inside::StandStill;
        self
    }
}

/// A time in which a region is cut off, as instants.
#[derive(Clone, Copy)]
struct Window {
    from: Timestamp,
    until: Timestamp,
    inside: Inside,
}

/// All outages of a simulation.
#[derive(Default)]
pub(super) struct Outages {
    windows: HashMap<Region, Vec<Window>>,
}

impl Outages {
    /// Those that the faults name, and those that the seed draws for these regions until `end`.
    pub(super) fn of(faults: &Faults, regions: &[Region], seed: u64, end: Timestamp) -> Self {
        let mut windows: HashMap<Region, Vec<Window>> = HashMap::new();
        for Outage { region, from, until, inside } in faults.outages.iter().cloned() {
            let (from, until) = (BEGINNING.plus(from), BEGINNING.plus(until));
            windows.entry(region).or_default().push(Window { from, until, inside });
        }
        let longest = faults.longest_outage.as_millis() as u64;
        if faults.outage > 0.0 && longest > 0 {
            // A source of its own: the rest of the schedule does not depend on where the regions are.
            let mut random = Pcg64::seed_from_u64(seed ^ 0x6f75_7461_6765);
            // Between two outages as much time passes on average as the share asks for.
            let pause = (longest as f64 * (1.0 - faults.outage) / faults.outage) as u64;
            for region in regions {
                let mut from = BEGINNING.plus(Duration::from_millis(random.random_range(0..=pause / 2)));
                while from < end {
                    let until = from.plus(Duration::from_millis(random.random_range(1..=longest)));
                    let inside = if random.random_bool(0.5) { Inside::GoOn } else { Inside::StandStill };
                    windows.entry(region.clone()).or_default().push(Window { from, until, inside });
                    from = until.plus(Duration::from_millis(random.random_range(0..=pause)));
                }
            }
        }
        Self { windows }
    }

    fn at<'a>(&'a self, region: &Region, now: Timestamp) -> impl Iterator<Item = &'a Window> {
        let windows = self.windows.get(region).into_iter().flatten();
        windows.filter(move |window| window.from <= now && now < window.until)
    }

    /// Until when a region is cut off, if it is.
    pub(super) fn until(&self, region: &Region, now: Timestamp) -> Option<Timestamp> {
        self.at(region, now).map(|window| window.until).max()
    }

    /// Until when instances of a region stand still, if they do.
    pub(super) fn still_until(&self, region: &Region, now: Timestamp) -> Option<Timestamp> {
        let still = self.at(region, now).filter(|window| window.inside == Inside::StandStill);
        still.map(|window| window.until).max()
    }
}
