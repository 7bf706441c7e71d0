//! Facts about regions: grids, prices, distances. The types; the tables are `caribou-control`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{GramsPerKwh, HOURS, Hour, Region, Seconds};

/// What is known of one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionFacts {
    /// The region.
    pub region: Region,
    /// Its name for people, for example `Canada (Central)`.
    pub name: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// The grid zone that feeds it, as Electricity Maps names zones.
    pub grid_zone: String,
    /// The grid's carbon intensity by month and hour.
    pub carbon: CarbonProfile,
    /// Share of the data centres' energy that its provider matches with carbon-free energy, 0 to 1. It counts only where
    /// the user says so: the grid delivers what it delivers.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub carbon_free: f64,
    /// Power usage effectiveness of the data centres: total energy over computing energy, 1.0 or more.
    pub pue: f64,
    /// What the provider charges there.
    pub prices: Prices,
    /// Speed of its processors relative to the home region's; 1.0 where nothing else is known.
    pub relative_speed: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_nothing(share: &f64) -> bool {
    share.to_bits() == 0
}

/// Average carbon intensity of a grid for each hour (UTC) of the day, month by month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarbonProfile {
    /// 12 months of 24 hours, in gCO2eq/kWh; January first.
    pub months: Vec<Vec<f64>>,
}

impl CarbonProfile {
    /// The same intensity at all times.
    pub fn constant(intensity: GramsPerKwh) -> Self {
        Self { months: vec![vec![intensity.0; HOURS]; 12] }
    }

    /// The intensity in a month (1 to 12) at an hour. `None` if the profile does not have that month.
    pub fn at(&self, month: u8, hour: Hour) -> Option<GramsPerKwh> {
        let month = self.months.get(usize::from(month.checked_sub(1)?))?;
        month.get(hour.index()).copied().map(GramsPerKwh)
    }
}

/// What a provider charges in one region, in USD.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Function time on x86, per GB-second.
    pub x86_usd_per_gb_s: f64,
    /// Function time on Arm, per GB-second.
    pub arm_usd_per_gb_s: f64,
    /// Per function request.
    pub usd_per_request: f64,
    /// Per message, for each started 64 KiB.
    pub usd_per_message: f64,
    /// Per store write of up to 1 KiB.
    pub usd_per_write: f64,
    /// Per store read of up to 4 KiB, strongly consistent.
    pub usd_per_read: f64,
    /// Per blob written.
    pub usd_per_blob_write: f64,
    /// Per blob read.
    pub usd_per_blob_read: f64,
    /// Per GB sent to another region of the same provider.
    pub usd_per_gb_between_regions: f64,
    /// Per GB sent to the internet.
    pub usd_per_gb_to_internet: f64,
}

/// What a provider gives for nothing each month, in all regions together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FreeTier {
    /// GB-seconds of function time.
    pub gb_s: f64,
    /// Function requests.
    pub requests: f64,
    /// Messages.
    pub messages: f64,
}

impl FreeTier {
    /// What AWS always gives: 400,000 GB-seconds and a million requests of Lambda, and a million requests of SNS (their
    /// price lists). What it gives only in an account's first year is left out.
    pub const AWS: Self = Self { gb_s: 400_000.0, requests: 1e6, messages: 1e6 };
}

/// Round-trip times between regions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyTable {
    round_trips: BTreeMap<Region, BTreeMap<Region, RoundTrip>>,
}

/// A round trip between two regions, as observed over a long time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundTrip {
    /// Median, in seconds.
    pub p50: Seconds,
    /// 90th percentile, in seconds.
    pub p90: Seconds,
}

impl LatencyTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the round trip from one region to another.
    pub fn insert(&mut self, from: Region, to: Region, round_trip: RoundTrip) {
        self.round_trips.entry(from).or_default().insert(to, round_trip);
    }

    /// The round trip from one region to another; the way back counts where only that is known.
    pub fn round_trip(&self, from: &Region, to: &Region) -> Option<RoundTrip> {
        let known = |a, b| self.round_trips.get(a)?.get(b).copied();
        known(from, to).or_else(|| known(to, from))
    }
}
