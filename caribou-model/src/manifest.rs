//! The manifest: `caribou.toml` beside the workflow's `Cargo.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FunctionSpec, Region};

/// What the user asks for: home region, allowed regions, objectives, constraints, run settings.
///
/// ```
/// let manifest: caribou_model::Manifest = toml::from_str(r#"
///     home = "aws:us-east-1"
///
///     [regions]
///     allow = ["aws:us-east-1", "aws:us-west-2", "aws:ca-central-1"]
///
///     [objectives]
///     priority = ["carbon", "cost", "runtime"]
///
///     [[constraints]]
///     metric = "runtime"
///     statistic = "p95"
///     limit = { relative_to_home = 1.10 }   # at most 10 % slower than at home
///
///     [runs]
///     probe_share = 0.1
///     deadline_s = 3600
/// "#)?;
/// assert_eq!(manifest.home.code(), "us-east-1");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Where the workflow is deployed first, plans fall back to and probes run.
    pub home: Region,
    /// Regions that every stage may use.
    #[serde(default)]
    pub regions: RegionRules,
    /// What to minimise.
    #[serde(default)]
    pub objectives: Objectives,
    /// What must hold of every plan.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Rules of single functions, by name, on top of those in the code.
    #[serde(default)]
    pub functions: BTreeMap<String, RegionRules>,
    /// How runs are treated.
    #[serde(default)]
    pub runs: RunSettings,
}

/// Allowed and denied regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionRules {
    /// If not empty, the only regions that may be used.
    pub allow: Vec<Region>,
    /// Regions that must not be used.
    pub deny: Vec<Region>,
}

impl RegionRules {
    /// Whether these rules let a stage run in `region`.
    pub fn permit(&self, region: &Region) -> bool {
        (self.allow.is_empty() || self.allow.contains(region)) && !self.deny.contains(region)
    }
}

/// What to minimise, most important first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objectives {
    /// The metrics in order of priority; those left out follow in the order carbon, cost, runtime.
    pub priority: Vec<Metric>,
    /// Which transmission energy the solver optimises. Both are always reported.
    pub transmission: Transmission,
}

impl Default for Objectives {
    fn default() -> Self {
        Self { priority: Metric::ALL.to_vec(), transmission: Transmission::Best }
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

/// One limit that a plan must keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// What is limited.
    pub metric: Metric,
    /// Of what statistic of it.
    #[serde(default)]
    pub statistic: Statistic,
    /// The limit itself.
    pub limit: Limit,
    /// Whether a plan may break it at a price.
    #[serde(default)]
    pub strictness: Strictness,
}

/// A statistic over runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The mean.
    Average,
    /// The 95th percentile.
    #[default]
    P95,
}

/// A limit, absolute or relative to the home plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// In the metric's own unit: gCO2eq, USD or seconds.
    Absolute(f64),
    /// A factor of the home plan's figure: 1.10 is at most 10 % worse.
    RelativeToHome(f64),
}

/// What happens when a limit cannot be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// No plan may break it.
    #[default]
    Hard,
    /// The fewest broken soft limits come first, then the priority order.
    Soft,
}

/// How runs are treated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// Share of runs, 0 to 1, that go wholly to the home region, as probes and control group.
    pub probe_share: f64,
    /// A run that has not ended after this many seconds is reported as failed.
    pub deadline_s: u32,
    /// A plan is used for this many hours after it was made.
    pub plan_lifetime_h: u32,
    /// Expected runs per month, for free tiers and for judging whether solving pays.
    pub expected_per_month: Option<u64>,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self { probe_share: 0.1, deadline_s: 3600, plan_lifetime_h: 7 * 24, expected_per_month: None }
    }
}

/// What is wrong with a manifest that parses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The home region is not among the permitted ones.
    #[error("the home region {0} is denied by [regions]; allow it, or choose another home")]
    HomeDenied(Region),
    /// A number out of its range.
    #[error("{field} is {value}, which is out of range: {range}")]
    OutOfRange {
        /// The field as written in the file.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        range: &'static str,
    },
    /// A metric is listed twice.
    #[error("[objectives] priority lists a metric twice; list each of carbon, cost and runtime at most once")]
    DuplicateMetric,
}

impl Manifest {
    /// A manifest with this home region and every default.
    pub fn at_home(home: Region) -> Self {
        Self {
            home,
            regions: RegionRules::default(),
            objectives: Objectives::default(),
            constraints: Vec::new(),
            functions: BTreeMap::new(),
            runs: RunSettings::default(),
        }
    }

    /// Whether manifest and code let this function run in `region`.
    pub fn permits(&self, function: &FunctionSpec, region: &Region) -> bool {
        self.regions.permit(region)
            && function.may_run_in(region)
            && self.functions.get(&function.name).is_none_or(|rules| rules.permit(region))
    }

    /// The metrics, most important first, each once.
    pub fn priority(&self) -> Vec<Metric> {
        let mut priority = self.objectives.priority.clone();
        priority.extend(Metric::ALL.iter().filter(|metric| !self.objectives.priority.contains(metric)));
        priority
    }

    /// Checks what the file format cannot.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] names the field and its range.
    pub fn validate(&self) -> Result<(), ManifestError> {
        let out_of_range = |field, value: f64, range| {
            Err(ManifestError::OutOfRange { field, value: value.to_string(), range })
        };
        if !self.regions.permit(&self.home) {
            return Err(ManifestError::HomeDenied(self.home.clone()));
        }
        let runs = &self.runs;
        if !(0.0..=1.0).contains(&runs.probe_share) {
            return out_of_range("runs.probe_share", runs.probe_share, "0 to 1");
        }
        if !(1..=14 * 24 * 3600).contains(&runs.deadline_s) {
            return out_of_range("runs.deadline_s", runs.deadline_s.into(), "1 second to 14 days");
        }
        if !(1..=31 * 24).contains(&runs.plan_lifetime_h) {
            return out_of_range("runs.plan_lifetime_h", runs.plan_lifetime_h.into(), "1 hour to 31 days");
        }
        for constraint in &self.constraints {
            let (Limit::Absolute(limit) | Limit::RelativeToHome(limit)) = constraint.limit;
            if !(limit.is_finite() && limit > 0.0) {
                return out_of_range("constraints.limit", limit, "a number above 0");
            }
        }
        let priority = &self.objectives.priority;
        if (1..priority.len()).any(|index| priority[..index].contains(&priority[index])) {
            return Err(ManifestError::DuplicateMetric);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let error = toml::from_str::<Manifest>("home = 'us-east-1'\nhomme = 1").unwrap_err();
        assert!(error.to_string().contains("homme"), "{error}");
    }

    #[test]
    fn metrics_left_out_of_the_priority_follow_in_the_default_order() {
        let mut manifest = Manifest::at_home(Region::aws("us-east-1"));
        manifest.objectives.priority = vec![Metric::Cost];
        assert_eq!(manifest.priority(), [Metric::Cost, Metric::Carbon, Metric::Runtime]);
    }

    #[test]
    fn a_denied_home_is_refused() {
        let mut manifest = Manifest::at_home(Region::aws("us-east-1"));
        manifest.regions.deny.push(Region::aws("us-east-1"));
        assert!(manifest.validate().unwrap_err().to_string().contains("choose another home"));
    }

    #[test]
    fn a_probe_share_of_nan_is_refused() {
        let mut manifest = Manifest::at_home(Region::aws("us-east-1"));
        manifest.runs.probe_share = f64::NAN;
        assert!(manifest.validate().is_err());
    }
}
