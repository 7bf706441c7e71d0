//! The answer: for each hour where every stage should run, and what that is worth.

use caribou_model::manifest::Weights;
use caribou_model::{Epoch, Hour, Metric, Placement, Plan, Region, Statistic, Timestamp, Transmission};
use serde::{Deserialize, Serialize};

use crate::algorithm::Method;
use crate::estimate::Estimate;

/// What was found, for 24 hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// The workflow.
    pub workflow: String,
    /// Its version.
    pub version: String,
    /// The home region.
    pub home: Region,
    /// The month whose grids were used, 1 to 12.
    pub month: u8,
    /// How it was searched for.
    pub algorithm: Method,
    /// The metrics, most important first.
    pub priority: Vec<Metric>,
    /// Their weights, where the weighted sum was minimised first, and then the metrics without a weight in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
    /// The transmission case that was optimised.
    pub transmission: Transmission,
    /// Runs that were drawn.
    pub samples: usize,
    /// Placements that were scored, by all searches together.
    pub placements: u64,
    /// By UTC hour.
    pub hours: Vec<HourSolution>,
}

/// What was found for one hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HourSolution {
    /// The hour.
    pub hour: Hour,
    /// Where every stage should run.
    pub placement: Placement,
    /// What is expected of it.
    pub expected: Figures,
    /// What is expected of the home plan.
    pub at_home: Figures,
    /// By how much of its value the first objective could still fall at most: 0 where the placement is proven best. What
    /// a tolerance gave to the next objective is no part of it; in an hour that a smooth day changed, everything is by
    /// which the placement is above what is proven for the hour.
    pub gap: f64,
    /// Soft limits that the placement breaks.
    pub broken_soft_limits: u32,
    /// Why every stage stays at home, if it does.
    pub stays_home: Option<StaysHome>,
}

/// Every metric of a placement, per run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// gCO2eq, with the best case of transmission.
    pub carbon_best: Estimate,
    /// gCO2eq, with the worst case of transmission.
    pub carbon_worst: Estimate,
    /// USD.
    pub cost: Estimate,
    /// Seconds from the request's receipt to the result.
    pub runtime: Estimate,
}

impl Figures {
    /// The carbon of a transmission case.
    pub fn carbon(&self, case: Transmission) -> &Estimate {
        match case {
            Transmission::Best => &self.carbon_best,
            Transmission::Worst => &self.carbon_worst,
        }
    }

    /// The estimate of a metric; carbon for a transmission case.
    pub fn metric(&self, metric: Metric, case: Transmission) -> &Estimate {
        match metric {
            Metric::Carbon => self.carbon(case),
            Metric::Cost => &self.cost,
            Metric::Runtime => &self.runtime,
        }
    }
}

/// Why every stage stays at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaysHome {
    /// The hour was not asked for.
    NotAsked,
    /// Moving would be better in the first objective, but by so little that the tolerance leaves it to a later one.
    Tolerance,
    /// No other region is permitted to any stage.
    NothingElsePermitted,
    /// No placement that was found is better than home.
    NothingBetter,
    /// Another placement is better, but moving there and back is not worth it.
    Smoothness,
    /// The best placement that was found without hard limits breaks one.
    LimitForbids {
        /// What is limited.
        metric: Metric,
        /// Of what statistic of it.
        statistic: Statistic,
    },
}

impl std::fmt::Display for StaysHome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAsked => f.write_str("this hour was not asked for"),
            Self::Tolerance => {
                f.write_str("what moving gains is within the tolerance, and home is better in another metric")
            }
            Self::NothingElsePermitted => f.write_str("no other region is permitted"),
            Self::NothingBetter => f.write_str("no other placement is better"),
            Self::Smoothness => f.write_str("to move for so few hours is not worth it"),
            Self::LimitForbids { metric, statistic } => {
                write!(f, "better placements break the hard limit on {statistic} {metric}")
            }
        }
    }
}

impl Solution {
    /// The deployment plan of this solution.
    pub fn plan(&self, epoch: Epoch, expires: Timestamp) -> Plan {
        Plan {
            workflow: self.workflow.clone(),
            version: self.version.clone(),
            epoch,
            expires,
            home: self.home.clone(),
            hours: self.hours.iter().map(|hour| hour.placement.clone()).collect(),
        }
    }
}
