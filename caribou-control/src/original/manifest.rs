//! Home, regions, priorities and limits, as a manifest of this project.

use caribou_model::{Constraint, Limit, Manifest, Statistic, Strictness};

use super::table::config::{Bound, Config, Metric};

/// The original holds hard limits against the 95th percentile and soft ones against the average.
pub(super) fn manifest(config: &Config) -> Manifest {
    let mut manifest = Manifest::at_home(config.home.clone());
    manifest.regions.allow = config.rules.allow.iter().cloned().map(Into::into).collect();
    manifest.regions.deny = config.rules.deny.iter().cloned().map(Into::into).collect();
    if !config.priority.is_empty() {
        manifest.objectives.priority.clone_from(&config.priority);
    }
    let hard = config.hard.iter().map(|bound| constraint(bound, Statistic::P95, Strictness::Hard));
    let soft = config.soft.iter().map(|bound| constraint(bound, Statistic::Average, Strictness::Soft));
    manifest.constraints = hard.chain(soft).collect();
    manifest.runs.expected_per_month = config.calls_in_one_month;
    manifest
}

fn constraint(
    &(metric, bound): &(Metric, Bound),
    statistic: Statistic,
    strictness: Strictness,
) -> Constraint {
    let limit = match bound {
        Bound::Absolute(limit) => Limit::Absolute(limit),
        Bound::Percent(of_home) => Limit::RelativeToHome(of_home / 100.0),
    };
    Constraint { metric, statistic, limit, strictness }
}
