//! Region tables as this project's facts.

use caribou_model::{CarbonProfile, LatencyTable, Prices, Region, RegionFacts, RoundTrip, Seconds};

use super::table::region::Row;
use crate::facts;

/// Prices of blobs in `us-east-1`, in USD, for a region that the embedded table does not have; the original's tables
/// have no such price.
const BLOB_USD: [f64; 2] = [5e-6, 4e-7];

/// Facts of every region. A speed is the home region's time over the region's.
pub(super) fn facts(rows: &[Row], home: &Region) -> Vec<RegionFacts> {
    let home_time = rows.iter().find(|row| row.region == *home).map_or(1.0, |row| row.relative_time);
    rows.iter().map(|row| of_row(row, home_time)).collect()
}

fn of_row(row: &Row, home_time: f64) -> RegionFacts {
    let embedded = facts::embedded().region(&row.region);
    let charges = &row.charges;
    let [blob_write, blob_read] =
        embedded.map_or(BLOB_USD, |facts| [facts.prices.usd_per_blob_write, facts.prices.usd_per_blob_read]);
    RegionFacts {
        region: row.region.clone(),
        name: row.name.clone(),
        latitude: row.latitude,
        longitude: row.longitude,
        grid_zone: embedded.map_or_else(|| "unknown".into(), |facts| facts.grid_zone.clone()),
        carbon: CarbonProfile { months: vec![row.intensities.to_vec(); 12] },
        pue: charges.pue,
        carbon_free: charges.cfe,
        prices: Prices {
            x86_usd_per_gb_s: charges.gb_s[0],
            arm_usd_per_gb_s: charges.gb_s[1],
            usd_per_request: charges.request[0],
            usd_per_message: charges.message,
            usd_per_write: charges.write,
            usd_per_read: charges.read,
            usd_per_blob_write: blob_write,
            usd_per_blob_read: blob_read,
            usd_per_gb_between_regions: charges.gb_between_regions,
            usd_per_gb_to_internet: charges.gb_to_internet,
        },
        relative_speed: home_time / row.relative_time,
    }
}

/// Round trips as measured: median and 90th percentile.
pub(super) fn latencies(rows: &[Row]) -> LatencyTable {
    table(rows, |row, to| {
        let mut sorted = row.round_trips_s.get(to)?.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| sorted.get((share * (sorted.len() - 1) as f64).round() as usize).copied();
        Some([at(0.5)?, at(0.9)?])
    })
}

/// What the original adds to a latency that was measured at home: the mean between two regions less that within home.
pub(super) fn excess(rows: &[Row], home: &Region) -> LatencyTable {
    let within = rows.iter().find(|row| row.region == *home).and_then(|row| mean(row, home)).unwrap_or(0.0);
    table(rows, |row, to| mean(row, to).map(|mean| [(mean - within).max(0.0); 2]))
}

fn mean(row: &Row, to: &Region) -> Option<f64> {
    let seconds = row.round_trips_s.get(to)?;
    Some(seconds.iter().sum::<f64>() / seconds.len() as f64)
}

fn table(rows: &[Row], of: impl Fn(&Row, &Region) -> Option<[f64; 2]>) -> LatencyTable {
    let mut table = LatencyTable::new();
    for row in rows {
        for to in rows {
            if let Some([p50, p90]) = of(row, &to.region) {
                let round_trip = RoundTrip { p50: Seconds(p50), p90: Seconds(p90) };
                table.insert(row.region.clone(), to.region.clone(), round_trip);
            }
        }
    }
    table
}
