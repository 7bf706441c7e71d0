//! The score of one placement.

use caribou_model::{HOURS, Metric, Statistic};

use super::{Means, Scorer, Scratch, combine};
use crate::estimate::share;
use crate::model::runtime;

/// The score of one placement: what needs the samples is computed when it is first asked for.
#[derive(Debug)]
pub struct Evaluation<'s> {
    scorer: &'s Scorer<'s>,
    placement: &'s [u8],
    scratch: &'s mut Scratch,
    means: Means,
    /// Whether the runtimes are in the scratch, and their mean.
    runtime: Option<f64>,
    /// The last percentile of runtime and of cost: the statistic and its value.
    runtime_tail: Option<(Statistic, f64)>,
    cost_tail: Option<(Statistic, f64)>,
    /// The same of carbon, by hour.
    carbon_tail: [Option<(Statistic, f64)>; HOURS],
    /// Hours of which a percentile of carbon was asked for. From the second on the energy by region is kept.
    carbon_hours: u32,
}

impl<'s> Evaluation<'s> {
    pub(super) fn new(
        scorer: &'s Scorer<'s>,
        placement: &'s [u8],
        scratch: &'s mut Scratch,
        means: Means,
    ) -> Self {
        Self {
            scorer,
            placement,
            scratch,
            means,
            runtime: None,
            runtime_tail: None,
            cost_tail: None,
            carbon_tail: [None; HOURS],
            carbon_hours: 0,
        }
    }

    /// The means that cost nothing.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// A statistic of a metric at an hour (0 to 23).
    pub fn value(&mut self, metric: Metric, statistic: Statistic, hour: usize) -> f64 {
        match (metric, statistic) {
            (Metric::Carbon, Statistic::Average) => self.means.carbon[hour],
            (Metric::Cost, Statistic::Average) => self.means.cost,
            (Metric::Runtime, Statistic::Average) => self.mean_runtime(),
            (Metric::Carbon, _) => match self.carbon_tail[hour] {
                Some((known, value)) if known == statistic => value,
                _ => {
                    let value = self.carbon(statistic, hour);
                    self.carbon_tail[hour] = Some((statistic, value));
                    value
                }
            },
            (Metric::Cost, _) => match self.cost_tail {
                Some((known, value)) if known == statistic => value,
                _ => {
                    self.scorer.fill_cost(self.placement, self.scratch);
                    let Scratch { row, cost, .. } = &mut *self.scratch;
                    let value = cost.percentile(row, share(statistic), self.means.cost);
                    self.cost_tail = Some((statistic, value));
                    value
                }
            },
            (Metric::Runtime, _) => match self.runtime_tail {
                Some((known, value)) if known == statistic => value,
                _ => {
                    let mean = self.mean_runtime();
                    let Scratch { runtimes, runtime, .. } = &mut *self.scratch;
                    let value = runtime.percentile(runtimes, share(statistic), mean);
                    self.runtime_tail = Some((statistic, value));
                    value
                }
            },
        }
    }

    fn mean_runtime(&mut self) -> f64 {
        *self.runtime.get_or_insert_with(|| {
            let Scorer { problem, samples, .. } = self.scorer;
            runtime::of_placement(problem, samples, self.placement, self.scratch);
            combine::mean(&self.scratch.runtimes)
        })
    }

    fn carbon(&mut self, statistic: Statistic, hour: usize) -> f64 {
        let case = self.scorer.problem.transmission();
        match self.carbon_hours {
            0 => self.scorer.fill_carbon(self.placement, case, hour, self.scratch),
            seen => {
                if seen == 1 {
                    self.scorer.fill_energy(self.placement, case, self.scratch);
                }
                self.scorer.price_energy(hour, self.scratch);
            }
        }
        self.carbon_hours += 1;
        let Scratch { row, carbon, .. } = &mut *self.scratch;
        carbon.percentile(row, share(statistic), self.means.carbon[hour])
    }
}
