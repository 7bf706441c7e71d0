//! What to minimise.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ManifestError;

/// What to minimise: metrics in order of priority, or their weighted sum.
///
/// ```
/// use caribou_model::Manifest;
///
/// let manifest: Manifest = toml::from_str(r#"
///     home = "us-east-1"
///
///     [objectives]
///     priority = ["carbon", "cost"]
///     tolerance = 0.01              # carbon may be 1 % above the least if that lowers the cost
///     smoothness = 0.005            # to move all stages from one hour to the next must be worth 0.5 % of home
///     count_carbon_free_energy = true
///     count_free_tier = true
///
///     [runs]
///     expected_per_month = 200_000  # without it, no free tier can be counted
/// "#)?;
/// manifest.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objectives {
    /// The metrics, most important first; those left out follow in the order carbon, cost, runtime.
    pub priority: Vec<Metric>,
    /// By what share (0 to 1) a more important metric may be above its least value so that a less important one can be
    /// lower.
    pub tolerance: f64,
    /// Instead of a priority: the least sum of the metrics, each divided by the home plan's value at that hour and
    /// multiplied by its weight. Metrics without a weight decide, in the order carbon, cost, runtime, between placements
    /// of the same sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
    /// What all stages together must gain to move from one hour to the next, as a share (0 to 1) of the home plan's first
    /// objective; 0 for nothing.
    ///
    /// The plan of a day is the one with the least sum, over its 24 hours, of the first objective and of
    /// `smoothness x (home's mean objective over the day) x (stages that run somewhere else than in the hour before) /
    /// (number of stages)`, the first hour following the last. Its hours choose among the placements that are best in any
    /// of them, and home.
    pub smoothness: f64,
    /// Whether the carbon-free energy that providers match their use with lowers the carbon of their regions.
    pub count_carbon_free_energy: bool,
    /// Whether what a provider gives for nothing each month is left out of the cost. That depends on how much is used, so
    /// `[runs] expected_per_month` must be given.
    pub count_free_tier: bool,
    /// Which transmission energy the solver optimises. Both are always reported.
    pub transmission: Transmission,
}

impl Objectives {
    /// The metrics, most important first, each once.
    pub fn priority(&self) -> Vec<Metric> {
        let mut priority = self.priority.clone();
        priority.extend(Metric::ALL.iter().filter(|metric| !self.priority.contains(metric)));
        priority
    }

    pub(super) fn validate(&self) -> Result<(), ManifestError> {
        let out_of_range = |field, value: f64, range| {
            Err(ManifestError::OutOfRange { field, value: value.to_string(), range })
        };
        let priority = &self.priority;
        if (1..priority.len()).any(|index| priority[..index].contains(&priority[index])) {
            return Err(ManifestError::DuplicateMetric);
        }
        if !(0.0..=1.0).contains(&self.tolerance) {
            return out_of_range("objectives.tolerance", self.tolerance, "0 to 1, as a share: 0.01 is 1 %");
        }
        if !(0.0..=1.0).contains(&self.smoothness) {
            return out_of_range("objectives.smoothness", self.smoothness, "0 to 1, as a share: 0.01 is 1 %");
        }
        let Some(weights) = self.weights else { return Ok(()) };
        if !priority.is_empty() || self.tolerance > 0.0 {
            return Err(ManifestError::WeightsAndPriority);
        }
        let each = Metric::ALL.map(|metric| weights.of(metric));
        if let Some(&wrong) = each.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return out_of_range("objectives.weights", wrong, "numbers of 0 or more");
        }
        if each.iter().all(|weight| *weight == 0.0) {
            return out_of_range("objectives.weights", 0.0, "at least one weight above 0");
        }
        Ok(())
    }
}

/// How much each metric counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Of carbon.
    pub carbon: f64,
    /// Of cost.
    pub cost: f64,
    /// Of the end-to-end runtime.
    pub runtime: f64,
}

impl Weights {
    /// The weight of a metric.
    pub fn of(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Carbon => self.carbon,
            Metric::Cost => self.cost,
            Metric::Runtime => self.runtime,
        }
    }
}

/// What a plan is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Operational carbon per run, in gCO2eq.
    Carbon,
    /// Cost per run, in USD.
    Cost,
    /// End-to-end runtime, in seconds.
    Runtime,
}

impl Metric {
    /// All three, in the default order of priority.
    pub const ALL: [Self; 3] = [Self::Carbon, Self::Cost, Self::Runtime];
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Carbon => "carbon",
            Self::Cost => "cost",
            Self::Runtime => "runtime",
        })
    }
}

/// The two published bounds for the energy of moving data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transmission {
    /// 0.001 kWh/GB everywhere.
    #[default]
    Best,
    /// 0.005 kWh/GB between regions, nothing within one.
    Worst,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Objectives, String> {
        let objectives: Objectives = toml::from_str(text).map_err(|error| error.to_string())?;
        objectives.validate().map(|()| objectives).map_err(|error| error.to_string())
    }

    #[test]
    fn metrics_left_out_of_the_priority_follow_in_the_default_order() {
        let objectives = checked("priority = ['cost']").unwrap();
        assert_eq!(objectives.priority(), [Metric::Cost, Metric::Carbon, Metric::Runtime]);
        assert_eq!(checked("").unwrap().priority(), Metric::ALL);
    }

    #[test]
    fn weights_left_out_are_nothing() {
        let weights = checked("weights = { carbon = 1, cost = 0.5 }").unwrap().weights.unwrap();
        assert_eq!(weights, Weights { carbon: 1.0, cost: 0.5, runtime: 0.0 });
    }

    #[test]
    fn what_contradicts_itself_or_is_out_of_range_is_refused_by_its_name() {
        for (text, name) in [
            ("priority = ['cost', 'cost']", "twice"),
            ("priority = ['cost']\nweights = { carbon = 1 }", "not both"),
            ("tolerance = 0.1\nweights = { carbon = 1 }", "not both"),
            ("weights = {}", "objectives.weights"),
            ("weights = { carbon = 1, cost = -1 }", "objectives.weights is -1"),
            ("weights = { carbon = 1, cost = nan }", "objectives.weights is NaN"),
            ("weights = { carbon = inf }", "objectives.weights is inf"),
            ("tolerance = 5", "objectives.tolerance is 5"),
            ("tolerance = nan", "objectives.tolerance is NaN"),
            ("smoothness = -0.1", "objectives.smoothness is -0.1"),
            ("smoothness = nan", "objectives.smoothness is NaN"),
        ] {
            let error = checked(text).unwrap_err();
            assert!(error.contains(name), "{text}: {error}");
        }
    }
}
