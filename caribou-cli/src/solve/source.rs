//! What is solved for: runs of a deployed workflow, or the tables of the Python original.

use caribou_control::facts::{self, Facts};
use caribou_control::original::{Case, Imported, Model};
use caribou_model::{Graph, Manifest, Workload};
use caribou_solver::{Problem, Samples, Settings, Solution, SolveError, enough_samples};

use crate::error::CliError;

/// A workflow, what was learned of it, and what its users ask for.
pub(super) struct Source {
    pub(super) manifest: Manifest,
    of: Of,
}

enum Of {
    Runs { graph: Graph, workload: Workload, month: u8 },
    Tables { imported: Box<Imported>, model: Model },
}

/// A problem that a source poses, and the runs that plans are judged on.
pub(super) struct Posed {
    pub(super) problem: Problem,
    pub(super) samples: Samples,
}

impl Source {
    pub(super) fn runs(graph: Graph, manifest: Manifest, workload: Workload, month: u8) -> Self {
        Self { manifest, of: Of::Runs { graph, workload, month } }
    }

    pub(super) fn tables(imported: Imported, model: Model) -> Self {
        let (manifest, imported) = (imported.manifest().clone(), Box::new(imported));
        Self { manifest, of: Of::Tables { imported, model } }
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
    pub(super) fn pose(&self, manifest: &Manifest, settings: &Settings) -> Result<Posed, CliError> {
        match &self.of {
            Of::Runs { graph, workload, month } => {
                let Facts { regions, latencies } = facts::embedded();
                let problem = Problem::new(graph, workload, regions, latencies, manifest, *month)?;
                let samples = enough_samples(&problem, settings);
                Ok(Posed { problem, samples })
            }
            Of::Tables { imported, model } => {
                let mut imported = imported.clone();
                imported.manifest_mut().clone_from(manifest);
                let Case { problem, samples } = imported.case(*model, settings.samples, settings.seed)?;
                Ok(Posed { problem, samples })
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
    pub(super) fn solve(&self, settings: &Settings) -> Result<Solution, SolveError> {
        caribou_solver::solve_samples(&self.problem, &self.samples, settings)
    }
}
