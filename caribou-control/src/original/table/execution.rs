//! Measured executions of an instance.

use std::collections::BTreeMap;

use caribou_model::Region;

use super::latency::known_region;
use crate::original::OriginalError;
use crate::original::document::Value;

/// Executions of an instance, by region.
#[derive(Clone, Debug)]
pub(in crate::original) struct Executions {
    /// CPU time over the vCPUs' time, over all regions.
    pub(in crate::original) utilisation: f64,
    pub(in crate::original) at: BTreeMap<Region, Execution>,
    /// Where a row of auxiliary data has the traffic of user code in GB.
    traffic: Option<usize>,
    /// Where it has the seconds to the invocation of each instance.
    invocations: Vec<(String, usize)>,
}

/// Executions in one region.
#[derive(Clone, Debug)]
pub(in crate::original) struct Execution {
    utilisation: Option<f64>,
    pub(in crate::original) durations_s: Vec<f64>,
    /// Rows by duration in started hundredths of a second.
    auxiliary: BTreeMap<u64, Vec<Vec<f64>>>,
}

const TRAFFIC: &str = "data_transfer_during_execution_gb";
/// The original's utilisation where none was measured.
const UTILISATION: f64 = 0.5;

impl Executions {
    /// Reads an instance's summary.
    pub(in crate::original) fn parse(value: &Value<'_>, known: &[Region]) -> Result<Self, OriginalError> {
        let remedy = "collect the workflow's executions again";
        let executions = value.get("executions", remedy)?;
        let translation = executions.get("auxiliary_index_translation", remedy)?;
        let (mut traffic, mut invocations) = (None, Vec::new());
        for (key, index) in translation.members()? {
            let position = index.number(0.0, 1e4)? as usize;
            if key == TRAFFIC {
                traffic = Some(position);
            } else {
                invocations.push((key.to_owned(), position));
            }
        }
        let columns =
            invocations.iter().map(|(_, index)| index + 1).chain(traffic.map(|index| index + 1)).max();
        let mut at = BTreeMap::new();
        for (key, execution) in executions.get("at_region", remedy)?.members()? {
            let region = known_region(key, &execution, known)?;
            at.insert(region, Execution::parse(&execution, columns.unwrap_or(0))?);
        }
        let utilisation =
            value.find("cpu_utilization").map_or(Ok(UTILISATION), |share| share.number(0.0, 1.0))?;
        Ok(Self { utilisation, at, traffic, invocations })
    }

    /// CPU time over the vCPUs' time in a region.
    pub(in crate::original) fn utilisation_at(&self, region: &Region) -> f64 {
        self.at.get(region).and_then(|execution| execution.utilisation).unwrap_or(self.utilisation)
    }

    /// GB that the user's code moved, from a row.
    pub(in crate::original) fn traffic_gb(&self, row: &[f64]) -> f64 {
        self.traffic.map_or(0.0, |index| row[index])
    }

    /// Seconds from the start to the invocation of an instance, from a row; `None` where it was not measured.
    pub(in crate::original) fn invocation_s(&self, row: &[f64], instance: &str) -> Option<f64> {
        self.invocations.iter().find(|(name, _)| name == instance).map(|(_, index)| row[*index])
    }
}

impl Execution {
    fn parse(value: &Value<'_>, columns: usize) -> Result<Self, OriginalError> {
        let remedy = "collect the workflow's executions again";
        let durations = value.get("durations_s", remedy)?;
        let durations_s = durations.samples(0.0)?;
        let data = value.get("auxiliary_data", remedy)?;
        let mut auxiliary = BTreeMap::new();
        for (key, rows) in data.members()? {
            let seconds = key.parse::<f64>().ok().filter(|seconds| (0.0..1e6).contains(seconds));
            let seconds = seconds.ok_or_else(|| rows.bad("under a key that is a duration in seconds"))?;
            let mut parsed = Vec::new();
            for row in rows.items()? {
                let numbers = row.numbers(0.0)?;
                if numbers.len() < columns {
                    return Err(
                        row.bad(format!("a list of {columns} numbers, as auxiliary_index_translation says"))
                    );
                }
                parsed.push(numbers);
            }
            if parsed.is_empty() {
                return Err(rows.bad("a list of at least one row"));
            }
            auxiliary.insert((seconds * 100.0).round() as u64, parsed);
        }
        let execution = Self {
            utilisation: value.find("cpu_utilization").map(|share| share.number(0.0, 1.0)).transpose()?,
            durations_s,
            auxiliary,
        };
        match execution.durations_s.iter().find(|&&duration| execution.rows(duration).is_empty()) {
            Some(duration) => {
                Err(data.bad(format!("rows for the duration of {duration} s, rounded up to 10 ms")))
            }
            None => Ok(execution),
        }
    }

    /// The rows that were measured with a duration.
    pub(in crate::original) fn rows(&self, duration_s: f64) -> &[Vec<f64>] {
        let class = (duration_s * 1000.0 / 10.0).ceil() as u64;
        self.auxiliary.get(&class).map_or(&[], Vec::as_slice)
    }
}
