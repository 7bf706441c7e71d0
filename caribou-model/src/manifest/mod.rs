//! The manifest: `caribou.toml` beside the workflow's `Cargo.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FunctionSpec, Region};

mod aws;
mod constraint;
mod objective;
mod rules;

pub use aws::{AwsFault, AwsFunction, AwsSettings, FunctionUrl};
pub use constraint::{Constraint, InvalidStatistic, Limit, Statistic, Strictness};
pub use objective::{Metric, Objectives, Transmission, Weights};
pub use rules::{RegionPattern, RegionRules};

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
    /// How it is deployed to AWS.
    #[serde(default, skip_serializing_if = "AwsSettings::is_default")]
    pub aws: AwsSettings,
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
    /// Expected runs per month, 1 or more: for free tiers, for cold starts (without it they are taken as observed), and for
    /// judging whether solving pays.
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
    /// A function, or the whole workflow, is pinned away from home.
    #[error(
        "[{table}] pin is {pin}, but plans fall back to the home region {home} and probes run there; pin to {home}, or \
         choose {pin} as home"
    )]
    PinnedAway {
        /// The table in the file.
        table: String,
        /// Where it is pinned to.
        pin: Region,
        /// The home region.
        home: Region,
    },
    /// Both ways to say what counts.
    #[error("[objectives] has weights, and a priority or tolerance; give weights or a priority, not both")]
    WeightsAndPriority,
    /// A free tier of an unknown number of runs.
    #[error(
        "[objectives] counts the free tier, but how much of it is used is unknown; set expected_per_month in [runs], or \
         leave count_free_tier out"
    )]
    FreeTierOfUnknownRuns,
    /// A metric is listed twice.
    #[error("[objectives] priority lists a metric twice; list each of carbon, cost and runtime at most once")]
    DuplicateMetric,
    /// Something that AWS would refuse.
    #[error(transparent)]
    Aws(#[from] AwsFault),
}

impl Manifest {
    /// The most soft limits: every set of them may have to be tried.
    pub const MOST_SOFT_LIMITS: usize = 8;

    /// A manifest with this home region and every default.
    pub fn at_home(home: Region) -> Self {
        Self {
            home,
            regions: RegionRules::default(),
            objectives: Objectives::default(),
            constraints: Vec::new(),
            functions: BTreeMap::new(),
            runs: RunSettings::default(),
            aws: AwsSettings::default(),
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
        self.objectives.priority()
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
        let of_functions = self.functions.iter().map(|(name, rules)| (format!("functions.{name}"), rules));
        for (table, rules) in std::iter::once(("regions".to_owned(), &self.regions)).chain(of_functions) {
            if let Some(pin) = rules.pin.as_ref().filter(|pin| **pin != self.home) {
                let (pin, home) = (pin.clone(), self.home.clone());
                return Err(ManifestError::PinnedAway { table, pin, home });
            }
        }
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
        if runs.expected_per_month == Some(0) {
            return out_of_range(
                "runs.expected_per_month",
                0.0,
                "1 or more; leave it out if it is not known",
            );
        }
        if self.objectives.count_free_tier && runs.expected_per_month.is_none() {
            return Err(ManifestError::FreeTierOfUnknownRuns);
        }
        let soft =
            self.constraints.iter().filter(|constraint| constraint.strictness == Strictness::Soft).count();
        if soft > Self::MOST_SOFT_LIMITS {
            return out_of_range("constraints (soft ones)", soft as f64, "at most 8 soft limits");
        }
        for constraint in &self.constraints {
            if let Statistic::Percentile(percent) = constraint.statistic
                && !(1..=99).contains(&percent)
            {
                let range = "`p1` to `p99`, or `average`";
                return out_of_range("constraints.statistic", percent.into(), range);
            }
            let (Limit::Absolute(limit) | Limit::RelativeToHome(limit)) = constraint.limit;
            if !(limit.is_finite() && limit > 0.0) {
                return out_of_range("constraints.limit", limit, "a number above 0");
            }
        }
        self.aws.validate()?;
        self.objectives.validate()
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
    fn a_denied_home_is_refused() {
        let mut manifest = Manifest::at_home(Region::aws("us-east-1"));
        manifest.regions.deny.push(Region::aws("us-east-1").into());
        assert!(manifest.validate().unwrap_err().to_string().contains("choose another home"));
    }

    #[test]
    fn a_probe_share_of_nan_is_refused() {
        let mut manifest = Manifest::at_home(Region::aws("us-east-1"));
        manifest.runs.probe_share = f64::NAN;
        assert!(manifest.validate().is_err());
    }

    #[test]
    fn a_free_tier_needs_a_number_of_runs_and_that_number_is_one_or_more() {
        let checked = |text: &str| {
            let manifest: Manifest = toml::from_str(&format!("home = 'us-east-1'\n{text}")).unwrap();
            manifest.validate().map_err(|error| error.to_string())
        };
        let counted = "[objectives]\ncount_free_tier = true\ncount_carbon_free_energy = true\n";
        let error = checked(counted).unwrap_err();
        assert!(error.contains("set expected_per_month in [runs]"), "{error}");
        assert_eq!(checked(&format!("{counted}[runs]\nexpected_per_month = 1")), Ok(()));
        let error = checked("[runs]\nexpected_per_month = 0").unwrap_err();
        assert!(error.contains("runs.expected_per_month is 0") && error.contains("leave it out"), "{error}");
    }

    #[test]
    fn a_percentile_that_no_text_can_name_is_refused_too() {
        for (percent, is_sound) in [(0, false), (1, true), (99, true), (100, false), (255, false)] {
            let mut manifest = Manifest::at_home(Region::aws("us-east-1"));
            manifest.constraints.push(Constraint {
                metric: Metric::Cost,
                statistic: Statistic::Percentile(percent),
                limit: Limit::RelativeToHome(1.1),
                strictness: Strictness::Hard,
            });
            assert_eq!(manifest.validate().is_ok(), is_sound, "{percent}");
        }
    }

    #[test]
    fn a_function_is_pinned_to_home_and_nowhere_else() {
        let pinned_to = |region| {
            let mut manifest = Manifest::at_home(Region::aws("us-east-1"));
            let pin = Some(Region::aws(region));
            manifest.functions.insert("press".into(), RegionRules { pin, ..RegionRules::default() });
            manifest
        };
        let home = pinned_to("us-east-1");
        home.validate().unwrap();
        let press = FunctionSpec::new("press");
        assert!(home.permits(&press, &home.home) && !home.permits(&press, &Region::aws("us-west-1")));
        let error = pinned_to("us-west-1").validate().unwrap_err().to_string();
        assert!(error.contains("[functions.press] pin is aws:us-west-1"), "{error}");
    }
}
