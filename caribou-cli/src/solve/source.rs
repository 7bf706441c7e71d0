//! What is solved for: runs of a deployed workflow, or the tables of the Python original.

use caribou_control::facts::{self, Facts};
use caribou_control::original::{Case, Imported, Model};
use caribou_model::{Graph, Manifest, Workload};
use caribou_solver::{Problem, Samples, Settings, Solution};

use crate::error::CliError;

/// A workflow, what was learned of it, and what its users ask for.
pub(super) struct Source {
    pub(super) manifest: Manifest,
    of: Of,
}

enum Of {
    Runs { graph: Graph, workload: Workload, month: u8 },
    Tables { imported: Box<Imported>, model: Model, samples: usize, seed: u64 },
}

/// A problem that a source poses. Without samples they are drawn from the problem's runs.
pub(super) struct Posed {
    pub(super) problem: Problem,
    samples: Option<Samples>,
}

impl Source {
    pub(super) fn runs(graph: Graph, manifest: Manifest, workload: Workload, month: u8) -> Self {
        Self { manifest, of: Of::Runs { graph, workload, month } }
    }

    pub(super) fn tables(imported: Imported, model: Model, settings: &Settings) -> Self {
        let (manifest, imported) = (imported.manifest().clone(), Box::new(imported));
        let (samples, seed) = (settings.samples, settings.seed);
        Self { manifest, of: Of::Tables { imported, model, samples, seed } }
    }

    pub(super) fn graph(&self) -> &Graph {
        match &self.of {
            Of::Runs { graph, .. } => graph,
            Of::Tables { imported, .. } => imported.graph(),
        }
    }

    /// Every region of which something is known here.
    pub(super) fn facts(&self) -> Facts {
        match &self.of {
            Of::Runs { .. } => facts::embedded().clone(),
            Of::Tables { imported, .. } => {
                Facts { regions: imported.regions().to_vec(), latencies: imported.latencies().clone() }
            }
        }
    }

    /// The problem under a manifest.
    pub(super) fn pose(&self, manifest: &Manifest) -> Result<Posed, CliError> {
        match &self.of {
            Of::Runs { graph, workload, month } => {
                let Facts { regions, latencies } = facts::embedded();
                let problem = Problem::new(graph, workload, regions, latencies, manifest, *month)?;
                Ok(Posed { problem, samples: None })
            }
            Of::Tables { imported, model, samples, seed } => {
                let mut imported = imported.clone();
                imported.manifest_mut().clone_from(manifest);
                let Case { problem, samples } = imported.case(model, *samples, *seed)?;
                Ok(Posed { problem, samples: Some(samples) })
            }
        }
    }

    /// The workload, where it was learned from runs.
    pub(super) fn into_workload(self) -> Option<Workload> {
        match self.of {
            Of::Runs { workload, .. } => Some(workload),
            Of::Tables { .. } => None,
        }
    }
}

impl Posed {
    pub(super) fn solve(&self, settings: &Settings) -> Result<Solution, CliError> {
        Ok(match &self.samples {
            None => caribou_solver::solve(&self.problem, settings)?,
            Some(samples) => caribou_solver::solve::solve_samples(&self.problem, samples, settings)?,
        })
    }
}

