//! Regions with their grids and prices.

use caribou_model::{Prices, RegionFacts};

use super::table::{Row, Table};
use super::{FactsError, carbon};

/// Power usage effectiveness of a region for which AWS publishes none: the figure of Caribou's documentation.
pub const UNKNOWN_PUE: f64 = 1.11;

pub(super) fn parse() -> Result<Vec<RegionFacts>, FactsError> {
    let table = Table::parse("regions.csv", include_str!("../../data/regions.csv"))?;
    let price_table = Table::parse("prices.csv", include_str!("../../data/prices.csv"))?;
    let profiles = carbon::parse()?;
    let mut regions = Vec::new();
    for row in table.rows() {
        let zone = row.text("grid_zone")?;
        let missing = || FactsError::MissingRow { table: "carbon.csv", key: zone.to_owned() };
        let carbon = profiles.get(zone).ok_or_else(missing)?.clone();
        let pue = if row.text("pue")?.is_empty() { UNKNOWN_PUE } else { row.number("pue", &(1.0..=2.0))? };
        regions.push(RegionFacts {
            region: row.region("region")?,
            name: row.text("name")?.to_owned(),
            latitude: row.number("latitude", &(-90.0..=90.0))?,
            longitude: row.number("longitude", &(-180.0..=180.0))?,
            grid_zone: zone.to_owned(),
            carbon,
            pue,
            prices: prices(price_table.find("region", row.text("region")?)?)?,
            carbon_free: 0.0,
            relative_speed: 1.0,
        });
    }
    Ok(regions)
}

fn prices(row: Row<'_, '_>) -> Result<Prices, FactsError> {
    let time = 1e-6..=1e-4;
    let request = 1e-8..=1e-4;
    let gigabyte = 0.0..=1.0;
    Ok(Prices {
        x86_usd_per_gb_s: row.number("x86_gb_s", &time)?,
        arm_usd_per_gb_s: row.number("arm_gb_s", &time)?,
        usd_per_request: row.number("request", &request)?,
        usd_per_message: row.number("message", &request)?,
        usd_per_write: row.number("write", &request)?,
        usd_per_read: row.number("read", &request)?,
        usd_per_blob_write: row.number("blob_write", &request)?,
        usd_per_blob_read: row.number("blob_read", &request)?,
        usd_per_gb_between_regions: row.number("gb_between_regions", &gigabyte)?,
        usd_per_gb_to_internet: row.number("gb_to_internet", &gigabyte)?,
    })
}
