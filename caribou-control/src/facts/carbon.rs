//! Carbon profiles of grid zones.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use caribou_model::{CarbonProfile, HOURS};

use super::FactsError;
use super::table::Table;

static PROFILES: LazyLock<BTreeMap<String, CarbonProfile>> = LazyLock::new(|| {
    parse().unwrap_or_else(|fault| unreachable!("a table that the tests have read: {fault}"))
});

/// The carbon profile of a grid zone, as Electricity Maps names zones: the mean of 2022 for each month and UTC hour.
pub fn profile(zone: &str) -> Option<CarbonProfile> {
    PROFILES.get(zone).cloned()
}

/// The grid zones with a known profile.
pub fn grid_zones() -> impl Iterator<Item = &'static str> {
    PROFILES.keys().map(String::as_str)
}

pub(super) fn parse() -> Result<BTreeMap<String, CarbonProfile>, FactsError> {
    let table = Table::parse("carbon.csv", include_str!("../../data/carbon.csv"))?;
    let columns: Vec<String> = (0..HOURS).map(|hour| format!("h{hour:02}")).collect();
    let mut profiles: BTreeMap<String, CarbonProfile> = BTreeMap::new();
    for row in table.rows() {
        let zone = row.text("zone")?;
        let profile = profiles.entry(zone.to_owned()).or_insert(CarbonProfile { months: Vec::new() });
        let next = profile.months.len() as f64 + 1.0;
        row.number("month", &(next..=next))?;
        let day: Result<Vec<f64>, FactsError> =
            columns.iter().map(|column| row.number(column, &(1.0..=1500.0))).collect();
        profile.months.push(day?);
    }
    match profiles.iter().find(|(_, profile)| profile.months.len() != 12) {
        Some((zone, _)) => {
            Err(FactsError::MissingRow { table: "carbon.csv", key: format!("{zone}, December") })
        }
        None => Ok(profiles),
    }
}
