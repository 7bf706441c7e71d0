//! How long a call between regions takes.

use std::time::Duration;

use caribou_model::Region;

use crate::{CloudError, Config};

/// Round trips between the regions of a cloud, scaled.
pub(crate) struct Distances {
    config: Config,
}

impl Distances {
    /// The distances of a configuration, checked: every pair is known.
    pub(crate) fn new(config: &Config) -> Result<Self, CloudError> {
        if !config.latency_scale.is_finite() || config.latency_scale < 0.0 {
            let wrong = format!("the latency scale is {}; it must be 0 or more", config.latency_scale);
            return Err(CloudError::Config(wrong));
        }
        if config.latency_scale > 0.0 {
            for from in &config.regions {
                for to in config.regions.iter().filter(|to| *to != from) {
                    if config.latencies.round_trip(from, to).is_none() {
                        return Err(CloudError::UnknownLatency(from.clone(), to.clone()));
                    }
                }
            }
        }
        Ok(Self { config: config.clone() })
    }

    /// One way from a caller to a region: half the median round trip; nothing within a region whose own round trip
    /// is not in the table, and nothing for a caller outside.
    pub(crate) fn one_way(&self, from: Option<&Region>, to: &Region) -> Duration {
        let round_trip = from.and_then(|from| self.config.latencies.round_trip(from, to));
        let seconds = round_trip.map_or(0.0, |known| known.p50.value() / 2.0 * self.config.latency_scale);
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use caribou_model::{LatencyTable, RoundTrip, Seconds};

    use super::*;

    fn config(scale: f64) -> Config {
        let (east, west) = (Region::aws("us-east-1"), Region::aws("us-west-2"));
        let mut latencies = LatencyTable::new();
        let round_trip = RoundTrip { p50: Seconds(0.060), p90: Seconds(0.090) };
        latencies.insert(east.clone(), west.clone(), round_trip);
        let regions = vec![east, west];
        Config { state: "x".into(), port: 0, regions, latencies, latency_scale: scale, most_instances: 1 }
    }

    #[test]
    fn one_way_is_half_of_the_scaled_round_trip_and_nothing_from_outside() {
        let (east, west) = (Region::aws("us-east-1"), Region::aws("us-west-2"));
        let distances = Distances::new(&config(0.5)).unwrap();
        assert_eq!(distances.one_way(Some(&west), &east), Duration::from_millis(15));
        assert_eq!(distances.one_way(Some(&east), &east), Duration::ZERO);
        assert_eq!(distances.one_way(None, &east), Duration::ZERO);
    }

    #[test]
    fn a_pair_without_a_round_trip_is_refused_unless_there_is_no_delay() {
        let mut unknown = config(1.0);
        unknown.regions.push(Region::aws("eu-north-1"));
        assert!(matches!(Distances::new(&unknown), Err(CloudError::UnknownLatency(..))));
        unknown.latency_scale = 0.0;
        assert!(Distances::new(&unknown).is_ok());
    }
}
