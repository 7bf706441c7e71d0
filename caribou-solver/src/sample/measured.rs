//! What runs did not measure, drawn from the runs that did.
//!
//! Telemetry has gaps: an edge's latency is known only of the edge that arrived last at a sync node, CPU time and the
//! network bytes of the user's code only where the platform tells. A run that lacks one of them borrows it from a run that
//! has it, of the same edge or stage: so gaps change neither the mean nor the spread. CPU time is borrowed as utilisation,
//! since it goes with the run's own duration. Which run it borrows from is a hash of its id, so it is the same for every
//! seed, every plan and whatever else was drawn.

use caribou_model::{RunSample, StageSample};

use super::draw::overhead;
use crate::model::power;
use crate::problem::{EdgeKind, Problem};

/// What was measured, in ascending order.
pub(super) struct Measured {
    /// Seconds within a region, by edge.
    latency_s: Vec<Vec<f64>>,
    /// The same of all edges together.
    any_latency_s: Vec<f64>,
    /// CPU time as a share of what the vCPUs could do in the billed time, by stage.
    utilisation: Vec<Vec<f64>>,
    /// Network bytes of the user's code, by stage.
    network_bytes: Vec<Vec<f64>>,
}

impl Measured {
    pub(super) fn of(problem: &Problem) -> Self {
        let runs = problem.runs();
        let sorted = |mut values: Vec<f64>| {
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let latency_s: Vec<Vec<f64>> = (0..problem.edges().len())
            .map(|edge| sorted(runs.iter().filter_map(|run| overhead(problem, run, edge)).collect()))
            .collect();
        let stages = problem.graph().stages().enumerate();
        let (utilisation, network_bytes) = stages
            .map(|(stage, (_, spec))| {
                let samples = || runs.iter().filter_map(move |run| run.stages[stage].as_ref());
                let utilisation = samples().filter_map(|sample| {
                    let limit = power::vcpus(spec) * sample.billed_s.max(sample.duration_s);
                    sample.cpu_s.filter(|_| limit > 0.0).map(|cpu| (cpu / limit).min(1.0))
                });
                let network =
                    samples().filter_map(|sample| sample.user_network_bytes.map(|bytes| bytes as f64));
                (sorted(utilisation.collect()), sorted(network.collect()))
            })
            .unzip();
        Self { any_latency_s: sorted(latency_s.concat()), latency_s, utilisation, network_bytes }
    }

    /// Seconds of an edge within a region, for a run that took but did not measure it: of another edge if none did, and
    /// nothing if no edge was measured at all. The run record is written by its sender: nothing.
    pub(super) fn latency_s(&self, problem: &Problem, run: &RunSample, edge: usize) -> f64 {
        let of_edge = borrow(&self.latency_s[edge], run, edge);
        match problem.edges()[edge].kind {
            EdgeKind::Record => of_edge.unwrap_or(0.0),
            _ => of_edge.or_else(|| borrow(&self.any_latency_s, run, edge)).unwrap_or(0.0),
        }
    }

    /// A stage's sample with its gaps filled, as far as any run measured what it lacks.
    pub(super) fn complete(
        &self,
        problem: &Problem,
        run: &RunSample,
        [stage, node]: [usize; 2],
        sample: &StageSample,
    ) -> StageSample {
        let limit = power::vcpus(problem.spec(node)) * sample.billed_s.max(sample.duration_s);
        let cpu = || borrow(&self.utilisation[stage], run, stage).map(|share| share * limit);
        let network = || borrow(&self.network_bytes[stage], run, stage).map(|bytes| bytes as u64);
        StageSample {
            cpu_s: sample.cpu_s.or_else(cpu),
            user_network_bytes: sample.user_network_bytes.or_else(network),
            ..sample.clone()
        }
    }
}

/// The value that a run borrows.
fn borrow(values: &[f64], run: &RunSample, of: usize) -> Option<f64> {
    let hash = hash(run, of);
    // The high bits are mixed best.
    let at = (u128::from(hash) * values.len() as u128) >> 64;
    values.get(at as usize).copied()
}

/// A number of a run and something in it.
pub(super) fn hash(run: &RunSample, of: usize) -> u64 {
    let bytes = run.run.as_str().bytes().chain(of.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The high bits of FNV-1a are mixed least by the last bytes.
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
