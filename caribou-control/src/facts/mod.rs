//! Facts about regions: the embedded tables of grids, prices and distances, and what a user may change in them.
//!
//! The figures stand in `caribou-control/data`, each table with its source and terms in its first lines:
//!
//! | table | what it holds | how it was derived |
//! |---|---|---|
//! | `regions.csv` | coordinates, grid zone, PUE | as published; [`UNKNOWN_PUE`] where AWS publishes none |
//! | `carbon.csv` | gCO2eq/kWh by zone, month and UTC hour | hourly series of 2022, averaged |
//! | `prices.csv` | USD by region | list prices; the column `assumed` names those taken from elsewhere |
//! | `latency_ms.csv` | round trips by pair | median and 90th percentile over a year |
//!
//! `cargo run -p caribou-control --example region_tables` writes them anew from their sources.
//!
//! ```
//! use caribou_control::facts;
//! use caribou_model::{Hour, Region};
//!
//! let home = Region::aws("us-east-1");
//! let facts = facts::embedded().select(&[home.clone(), Region::aws("ca-central-1")])?;
//! let noon_in_june = |region| facts.region(region).and_then(|r| r.carbon.at(6, Hour::new(12)?));
//! assert!(noon_in_june(&home) > noon_in_june(&Region::aws("ca-central-1")));
//! # Ok::<(), facts::FactsError>(())
//! ```

use std::sync::LazyLock;

use caribou_model::{LatencyTable, Region, RegionFacts};

mod carbon;
mod error;
mod latency;
mod nearest;
mod regions;
mod table;

pub use carbon::{grid_zones, profile};
pub use error::FactsError;
pub use regions::UNKNOWN_PUE;

/// Regions and the distances between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// What is known of each region.
    pub regions: Vec<RegionFacts>,
    /// Round trips between every two of them.
    pub latencies: LatencyTable,
}

/// The facts that come with Caribou: every AWS region whose grid, prices and latencies are known.
///
/// The zone of `us-west-2` is disputed: Electricity Maps puts it in `US-NW-PACW`, which is used here, the Green
/// Software Foundation in `US-NW-BPAT`, less than half as carbon-intensive. [`Facts::with_grid_zone`] chooses.
pub fn embedded() -> &'static Facts {
    static EMBEDDED: LazyLock<Facts> = LazyLock::new(|| {
        Facts::parse().unwrap_or_else(|fault| unreachable!("a table that the tests have read: {fault}"))
    });
    &EMBEDDED
}

impl Facts {
    fn parse() -> Result<Self, FactsError> {
        Ok(Self { regions: regions::parse()?, latencies: latency::parse()? })
    }

    /// What is known of a region.
    pub fn region(&self, region: &Region) -> Option<&RegionFacts> {
        self.regions.iter().find(|facts| facts.region == *region)
    }

    /// The facts of these regions only, in this order, each once.
    ///
    /// # Errors
    ///
    /// [`FactsError::UnknownRegion`] names the first region that is not known, and the nearest name that is.
    pub fn select(&self, regions: &[Region]) -> Result<Self, FactsError> {
        let mut selected: Vec<RegionFacts> = Vec::with_capacity(regions.len());
        for region in regions {
            let facts = self.known(region)?;
            if !selected.iter().any(|other| other.region == *region) {
                selected.push(facts.clone());
            }
        }
        let mut latencies = LatencyTable::new();
        for from in regions {
            for to in regions {
                if let Some(round_trip) = self.latencies.round_trip(from, to) {
                    latencies.insert(from.clone(), to.clone(), round_trip);
                }
            }
        }
        Ok(Self { regions: selected, latencies })
    }

    /// The same facts with a region fed by another grid zone, with that zone's carbon profile.
    ///
    /// # Errors
    ///
    /// [`FactsError::UnknownRegion`] or [`FactsError::UnknownZone`], each with the nearest name that is known.
    pub fn with_grid_zone(mut self, region: &Region, zone: &str) -> Result<Self, FactsError> {
        self.known(region)?;
        let carbon = profile(zone).ok_or_else(|| FactsError::UnknownZone {
            zone: zone.to_owned(),
            nearest: nearest::nearest(zone, grid_zones()),
        })?;
        for facts in self.regions.iter_mut().filter(|facts| facts.region == *region) {
            zone.clone_into(&mut facts.grid_zone);
            facts.carbon = carbon.clone();
        }
        Ok(self)
    }

    fn known(&self, region: &Region) -> Result<&RegionFacts, FactsError> {
        self.region(region).ok_or_else(|| FactsError::UnknownRegion {
            region: region.clone(),
            nearest: nearest::nearest(region.code(), self.regions.iter().map(|facts| facts.region.code())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caribou_model::Hour;

    #[test]
    fn every_table_parses_and_every_region_is_complete() {
        let facts = Facts::parse().unwrap();
        assert!(facts.regions.len() >= 20);
        for from in &facts.regions {
            assert_eq!(from.carbon.months.len(), 12, "{}", from.region);
            for to in &facts.regions {
                let round_trip = facts.latencies.round_trip(&from.region, &to.region).unwrap();
                let longest = if from.region == to.region { 0.05 } else { 0.6 };
                assert!(
                    round_trip.p50.0 > 0.0 && round_trip.p50.0 < longest,
                    "{} {}",
                    from.region,
                    to.region
                );
                assert!(round_trip.p90.0 >= round_trip.p50.0);
            }
        }
    }

    #[test]
    fn the_regions_that_the_documentation_names_are_known() {
        for code in [
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
            "ca-central-1",
            "eu-west-1",
            "eu-central-1",
            "eu-north-1",
            "eu-west-3",
            "ap-southeast-2",
            "ap-northeast-1",
            "sa-east-1",
        ] {
            assert!(embedded().region(&Region::aws(code)).is_some(), "{code}");
        }
    }

    #[test]
    fn quebec_is_at_least_five_times_cleaner_than_virginia_at_every_hour_of_the_year() {
        let at = |code, month, hour| {
            embedded().region(&Region::aws(code)).unwrap().carbon.at(month, hour).unwrap()
        };
        for month in 1..=12 {
            for hour in Hour::all() {
                let (virginia, quebec) = (at("us-east-1", month, hour), at("ca-central-1", month, hour));
                assert!(virginia.0 > 5.0 * quebec.0, "month {month}, {hour}: {virginia} and {quebec}");
            }
        }
    }

    #[test]
    fn a_misspelt_region_is_refused_with_the_name_that_was_meant() {
        let error = embedded().select(&["us-esat-1".parse().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("us-esat-1") && error.contains("us-east-1"), "{error}");
    }

    #[test]
    fn a_selection_keeps_the_order_and_every_pair() {
        let [a, b] = [Region::aws("us-west-2"), Region::aws("us-east-1")];
        let facts = embedded().select(&[a.clone(), b.clone(), a.clone()]).unwrap();
        assert_eq!(facts.regions.iter().map(|r| &r.region).collect::<Vec<_>>(), [&a, &b]);
        assert!(facts.latencies.round_trip(&a, &b).is_some());
        assert!(facts.latencies.round_trip(&a, &Region::aws("eu-west-1")).is_none());
    }

    #[test]
    fn the_zone_of_oregon_can_be_chosen() {
        let oregon = Region::aws("us-west-2");
        let before = embedded().region(&oregon).unwrap();
        assert_eq!(before.grid_zone, "US-NW-PACW");
        let facts = embedded().clone().with_grid_zone(&oregon, "US-NW-BPAT").unwrap();
        let after = facts.region(&oregon).unwrap();
        assert!(after.carbon.at(1, Hour::new(0).unwrap()) < before.carbon.at(1, Hour::new(0).unwrap()));
        let error = facts.with_grid_zone(&oregon, "US-NW-BAPT").unwrap_err().to_string();
        assert!(error.contains("US-NW-BPAT"), "{error}");
    }
}
