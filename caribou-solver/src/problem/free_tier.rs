//! What a provider gives for nothing each month.

use caribou_model::FreeTier;

use super::{EdgeKind, Problem, ProblemError};
use crate::model::power;
use crate::usage::EdgeUse;

/// Mean billed quantities of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Billed {
    gb_s: f64,
    requests: f64,
    messages: f64,
}

impl Problem {
    /// The same problem with a free tier counted, if so many runs a month are to be [expected](Self::expecting) and the
    /// account has no other use for it.
    ///
    /// The tier is one for all regions. What the expected runs use of it beyond its allowance is paid for, so every unit
    /// costs `1 - allowance / (runs x mean use of a run)` of its price, and nothing within the allowance. The mean use is
    /// that of the observed runs.
    ///
    /// # Errors
    ///
    /// [`ProblemError::BadExpectation`] if no number of runs is expected, [`ProblemError::BadFreeTier`] if an allowance
    /// is no number of 0 or more, [`ProblemError::NoRuns`] if the problem is [without runs](Self::without_runs).
    pub fn counting_free_tier(mut self, tier: &FreeTier) -> Result<Self, ProblemError> {
        let runs_per_month = self.runs_per_month.ok_or(ProblemError::BadExpectation(0.0))?;
        if self.runs.is_empty() {
            return Err(ProblemError::NoRuns { workflow: self.graph.workflow.clone() });
        }
        let used = self.mean_billed();
        let paid = |allowance: f64, used: f64| {
            if !(allowance >= 0.0 && allowance.is_finite()) {
                return Err(ProblemError::BadFreeTier(allowance));
            }
            let used = runs_per_month * used;
            Ok(if used > allowance { 1.0 - allowance / used } else { 0.0 })
        };
        let time = paid(tier.gb_s, used.gb_s)?;
        let requests = paid(tier.requests, used.requests)?;
        let messages = paid(tier.messages, used.messages)?;
        for facts in &mut self.regions {
            facts.prices.x86_usd_per_gb_s *= time;
            facts.prices.arm_usd_per_gb_s *= time;
            facts.prices.usd_per_request *= requests;
            facts.prices.usd_per_message *= messages;
        }
        Ok(self)
    }

    fn mean_billed(&self) -> Billed {
        let mut sum = Billed::default();
        for run in &self.runs {
            for ((_, spec), stage) in self.graph.stages().zip(&run.stages) {
                let Some(stage) = stage else { continue };
                sum.gb_s += power::memory_gb(spec) * stage.billed_s.max(stage.duration_s);
                sum.requests += f64::from(stage.attempts);
            }
            for (edge, sample) in self.edges.iter().zip(&run.edges) {
                let Some(sample) = sample else { continue };
                sum.messages += EdgeUse::of_edge(sample, edge.kind).messages;
            }
            for node in 0..self.nodes() {
                let mut into = self.edges_into(node);
                let arrival = into.find(|(edge, _)| run.edges[*edge].is_some());
                let kind = arrival.map(|(_, edge)| edge.kind);
                let runs = node == 0 || matches!(kind, Some(EdgeKind::Message | EdgeKind::Sync));
                sum.requests += f64::from(u8::from(runs && !self.is_stage(node)));
                sum.messages += f64::from(u8::from(kind == Some(EdgeKind::Sync)));
            }
        }
        let runs = self.runs.len().max(1) as f64;
        Billed { gb_s: sum.gb_s / runs, requests: sum.requests / runs, messages: sum.messages / runs }
    }
}
