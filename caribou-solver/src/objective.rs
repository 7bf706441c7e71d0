//! What a search minimises.

use caribou_model::{HOURS, Metric, Statistic};

use crate::score::{Evaluation, Means};

/// A weighted sum of mean carbon, cost and runtime per run. A single metric is the sum with one weight.
///
/// A solution with several objectives by priority is found one after the other: each search minimises one of them, and
/// what it reached bounds the searches that follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Per gCO2eq, by hour: the home plan's carbon, which weights are relative to, changes over the day.
    carbon: [f64; HOURS],
    /// Per USD.
    cost: f64,
    /// Per second.
    runtime: f64,
}

impl Objective {
    /// One metric, in its own unit.
    pub fn of(metric: Metric) -> Self {
        let weight = |of| f64::from(u8::from(metric == of));
        Self {
            carbon: [weight(Metric::Carbon); HOURS],
            cost: weight(Metric::Cost),
            runtime: weight(Metric::Runtime),
        }
    }

    /// Weights of carbon, cost and runtime, each relative to the home plan's mean. A metric that is nothing at home
    /// has no weight.
    pub fn weighted(weights: [f64; 3], home: &mut Evaluation<'_>) -> Self {
        let relative = |weight: f64, at_home: f64| if at_home > 0.0 { weight / at_home } else { 0.0 };
        let [carbon, cost, runtime] = weights;
        Self {
            carbon: std::array::from_fn(|hour| relative(carbon, home.means().carbon[hour])),
            cost: relative(cost, home.means().cost),
            runtime: relative(runtime, home.value(Metric::Runtime, Statistic::Average, 0)),
        }
    }

    /// The weight of a metric at an hour.
    pub fn weight(&self, metric: Metric, hour: usize) -> f64 {
        match metric {
            Metric::Carbon => self.carbon[hour],
            Metric::Cost => self.cost,
            Metric::Runtime => self.runtime,
        }
    }

    /// Whether it asks for the runtime, which only the samples tell.
    pub fn needs_runtime(&self) -> bool {
        self.runtime > 0.0
    }

    /// Its value for a placement at an hour.
    pub fn value(&self, placement: &mut Evaluation<'_>, hour: usize) -> f64 {
        let known = self.known_part(placement.means(), hour);
        if self.needs_runtime() {
            known + self.runtime * placement.value(Metric::Runtime, Statistic::Average, hour)
        } else {
            known
        }
    }

    /// The part of its value that needs no samples: a lower bound of the whole.
    pub fn known_part(&self, means: &Means, hour: usize) -> f64 {
        self.carbon[hour] * means.carbon[hour] + self.cost * means.cost
    }
}
