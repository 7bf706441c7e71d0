//! What observed runs caused, by the solver's models, and planned runs against probes.

use caribou_model::{Graph, Region, RunId, RunSample, Timestamp, Transmission};
use caribou_solver::{Estimate, Figures, ProblemError, price_run};
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::facts::Facts;

/// Carbon, cost and runtime of one observed run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The run.
    pub run: RunId,
    /// When its request was received.
    pub at: Timestamp,
    /// Whether it went wholly to the home region.
    pub probe: bool,
    /// gCO2eq, with the best case of transmission.
    pub carbon_best_g: f64,
    /// gCO2eq, with the worst case of transmission.
    pub carbon_worst_g: f64,
    /// USD.
    pub cost_usd: f64,
    /// From the receipt of the request to the record of the result, in seconds.
    pub runtime_s: f64,
}

impl Account {
    /// Prices one run at the grid of its own month and hour.
    ///
    /// # Errors
    ///
    /// [`ProblemError`] if the run does not fit the graph, or went to a region without facts.
    pub fn of(graph: &Graph, home: &Region, facts: &Facts, run: &RunSample) -> Result<Self, ProblemError> {
        let price = price_run(graph, run, &facts.regions, home, calendar::month(run.at), run.at.hour())?;
        Ok(Self {
            run: run.run.clone(),
            at: run.at,
            probe: run.probe,
            carbon_best_g: price.carbon_best.value(),
            carbon_worst_g: price.carbon_worst.value(),
            cost_usd: price.cost.value(),
            runtime_s: price.runtime.value(),
        })
    }
}

/// A group of runs, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// How many.
    pub runs: usize,
    /// Mean and 95th percentile per run, each with its 95 % interval.
    pub figures: Figures,
}

impl Group {
    /// Sums up a group.
    pub fn of<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Self {
        let accounts: Vec<&Account> = accounts.into_iter().collect();
        let estimate = |metric: fn(&Account) -> f64| {
            Estimate::of(&mut accounts.iter().map(|account| metric(account)).collect::<Vec<_>>())
        };
        Self {
            runs: accounts.len(),
            figures: Figures {
                carbon_best: estimate(|account| account.carbon_best_g),
                carbon_worst: estimate(|account| account.carbon_worst_g),
                cost: estimate(|account| account.cost_usd),
                runtime: estimate(|account| account.runtime_s),
            },
        }
    }
}

/// Runs under a plan against the probes of the same period, which ran wholly at home.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The control group.
    pub probes: Group,
    /// The runs under the plan.
    pub planned: Group,
}

impl Comparison {
    /// Compares the accounts of one period.
    pub fn of(accounts: &[Account]) -> Self {
        Self {
            probes: Group::of(accounts.iter().filter(|account| account.probe)),
            planned: Group::of(accounts.iter().filter(|account| !account.probe)),
        }
    }

    /// By which share of the probes' mean carbon that of the planned runs is lower; negative where it is higher.
    /// `None` where a group is empty.
    pub fn carbon_saved(&self, case: Transmission) -> Option<f64> {
        let [probes, planned] =
            [self.probes, self.planned].map(|group| group.figures.carbon(case).mean.value);
        (self.probes.runs > 0 && self.planned.runs > 0 && probes > 0.0).then(|| 1.0 - planned / probes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOME, diamond, lines};
    use crate::learn::{Limits, learn};
    use crate::telemetry::Log;
    use crate::{facts, fixture};

    fn accounts() -> Vec<Account> {
        let log = Log::read(&diamond(), fixture::lines("r1", 0).iter().map(String::as_str));
        let mut runs = learn(&diamond(), &log, Timestamp::from_millis(0), Limits::default()).workload.runs;
        let mut away = runs[0].clone();
        runs[0].probe = true;
        for stage in away.stages.iter_mut().flatten() {
            stage.region = Region::aws("ca-central-1");
        }
        runs.push(away);
        runs.iter().map(|run| Account::of(&diamond(), &HOME, facts::embedded(), run).unwrap()).collect()
    }

    #[test]
    fn a_run_in_a_clean_grid_causes_less_than_its_probe() {
        let comparison = Comparison::of(&accounts());
        assert_eq!((comparison.probes.runs, comparison.planned.runs), (1, 1));
        assert!(comparison.carbon_saved(Transmission::Best).unwrap() > 0.0);
        assert!(comparison.probes.figures.cost.mean.value > 0.0);
    }

    #[test]
    fn without_probes_nothing_can_be_compared() {
        let planned: Vec<Account> = accounts().into_iter().filter(|account| !account.probe).collect();
        assert_eq!(Comparison::of(&planned).carbon_saved(Transmission::Best), None);
    }

    #[test]
    fn a_run_in_a_region_without_facts_is_an_error_that_names_it() {
        let log = Log::read(&diamond(), lines("r1", 0).iter().map(String::as_str));
        let mut run =
            learn(&diamond(), &log, Timestamp::from_millis(0), Limits::default()).workload.runs.remove(0);
        run.stages.iter_mut().flatten().for_each(|stage| stage.region = Region::aws("mars-1"));
        let error = Account::of(&diamond(), &HOME, facts::embedded(), &run).unwrap_err();
        assert!(error.to_string().contains("mars-1"), "{error}");
    }
}
