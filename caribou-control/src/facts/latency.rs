//! Round trips between regions.

use caribou_model::{LatencyTable, RoundTrip, Seconds};

use super::FactsError;
use super::table::Table;

pub(super) fn parse() -> Result<LatencyTable, FactsError> {
    let table = Table::parse("latency_ms.csv", include_str!("../../data/latency_ms.csv"))?;
    let mut latencies = LatencyTable::new();
    for row in table.rows() {
        let seconds = |column| row.number(column, &(0.1..=1000.0)).map(|ms| Seconds(ms / 1e3));
        let round_trip = RoundTrip { p50: seconds("p50")?, p90: seconds("p90")? };
        latencies.insert(row.region("from")?, row.region("to")?, round_trip);
    }
    Ok(latencies)
}
