//! What cold starts add to a stage, and which samples have one.

use caribou_model::RunSample;

use super::measured::hash;
use crate::model::cold::{IDLE_LIFETIME, probability};
use crate::problem::Problem;
use crate::usage::NodeUse;

/// With fewer cold or warm samples of a stage than this, its samples stay as they were observed.
const ENOUGH: usize = 5;

/// The cold starts of one stage. Its samples are taken as they would have been warm; what a cold start adds on average is
/// then given back to as many as are to be expected, the same in every region where as many are expected.
pub(super) struct ColdStarts {
    /// What a cold start adds: only times are not nothing.
    extra: NodeUse,
    /// The share of requests that runs of the workflow make of this stage.
    share: f64,
    /// Of each sample: whether it was cold, and a number from 0 up to 1 that is below the probability if it is to be cold.
    samples: Vec<(bool, f64)>,
}

impl ColdStarts {
    /// Of a stage, from what each sample used; `None` if too little is known to tell.
    pub(super) fn of(stage: usize, runs: &[&RunSample], used: &[Vec<f64>; NodeUse::LEN]) -> Option<Self> {
        let samples: Vec<Option<bool>> =
            runs.iter().map(|run| run.stages[stage].as_ref().map(|sample| sample.cold)).collect();
        let count = |cold: bool| samples.iter().filter(|sample| **sample == Some(cold)).count();
        let (cold, warm) = (count(true), count(false));
        if cold < ENOUGH || warm < ENOUGH {
            return None;
        }
        let extra = std::array::from_fn(|quantity| {
            if !NodeUse::IS_TIME[quantity] {
                return 0.0;
            }
            let sum = |cold: bool| -> f64 {
                let is_one = used[quantity].iter().zip(&samples).filter(|(_, sample)| **sample == Some(cold));
                is_one.map(|(seconds, _)| seconds).sum()
            };
            (sum(true) / cold as f64 - sum(false) / warm as f64).max(0.0)
        });
        let drawn = |run: &&RunSample| hash(run, stage) as f64 / 2.0_f64.powi(64);
        Some(Self {
            extra: NodeUse::from_array(extra),
            share: (cold + warm) as f64 / runs.len().max(1) as f64,
            samples: samples.iter().zip(runs).map(|(cold, run)| (*cold == Some(true), drawn(run))).collect(),
        })
    }

    /// What each sample uses if so many runs a month of the workflow go where the stage is.
    pub(super) fn expected(
        &self,
        runs_per_month: f64,
        used: &[Vec<f64>; NodeUse::LEN],
    ) -> [Vec<f64>; NodeUse::LEN] {
        let probability = probability(runs_per_month * self.share, IDLE_LIFETIME);
        let mut expected = used.clone();
        for (column, extra) in expected.iter_mut().zip(self.extra.to_array()) {
            if extra == 0.0 {
                continue;
            }
            for ((value, &(was_cold, drawn)), ran) in column.iter_mut().zip(&self.samples).zip(&used[0]) {
                let warm = if was_cold { (*value - extra).max(0.0) } else { *value };
                *value = if drawn < probability { warm + extra * ran } else { warm };
            }
        }
        expected
    }
}

/// Runs a month that a plan sends to a region: probes go home.
pub(super) fn runs_to(problem: &Problem, at_home: bool, runs_per_month: f64) -> f64 {
    if at_home { runs_per_month } else { runs_per_month * (1.0 - problem.probe_share()) }
}
