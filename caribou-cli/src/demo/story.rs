//! What a demo did, told in tables, a report and one JSON document.

use std::path::Path;
use std::time::Instant;

use caribou_control::account::{Account, Comparison};
use caribou_control::calendar;
use caribou_control::report::{Check, Report};
use caribou_control::state::Solved;
use caribou_control::telemetry::Log;
use caribou_model::{Epoch, NodeId, RunId};
use serde_json::json;

use super::PROBE_SHARE;
use super::batch::Made;
use super::example::Photo;
use super::verdict::Verdict;
use crate::error::CliError;
use crate::plan::Proposal;
use crate::session::Session;
use crate::table;
use crate::terminal::Terminal;

/// Everything that a demo did.
pub(super) struct Story {
    pub(super) session: Session,
    pub(super) photos: Vec<Photo>,
    pub(super) before: Made,
    pub(super) after: Made,
    pub(super) solved: Solved,
    pub(super) proposal: Proposal,
    /// The plan that the runs after the migration should follow.
    pub(super) epoch: Epoch,
    pub(super) log: Log,
    /// Whether the cloud was killed on purpose.
    pub(super) killed: bool,
}

impl Story {
    /// Tells whether everything held, and writes the report.
    pub(super) fn tell(&self, report: &Path, since: Instant, terminal: Terminal) -> Result<bool, CliError> {
        let comparison = self.comparison()?;
        terminal.line(table::comparison(&comparison));
        let checks = self.verdict(&comparison);
        for check in &checks {
            let mark = if check.held { "✓" } else { "✗" };
            terminal.line(format!("{mark} {}: {}", check.name, check.detail));
        }
        write(report, &self.html(&comparison, &checks)?)?;
        let report = report.canonicalize().unwrap_or_else(|_| report.to_path_buf());
        let held = checks.iter().all(|check| check.held);
        let seconds = since.elapsed().as_secs_f64();
        terminal.line(format!("\nThe report is in {}", report.display()));
        let summary = if held { "All of it held" } else { "Not all of it held" };
        terminal.line(format!("{summary}, after {seconds:.0} s."));
        let workflow = &self.session.deployed.graph;
        terminal.document(&json!({
            "workflow": workflow.workflow,
            "version": workflow.version,
            "home": self.session.deployed.manifest.home,
            "regions": self.session.platform_regions(),
            "photos": self.photos.len(),
            "runs_before": self.before.len(),
            "runs_after": self.after.len(),
            "runs_learned": self.solved.workload.runs.len(),
            "unreadable": self.log.unreadable,
            "epoch": self.epoch,
            "probe_share": PROBE_SHARE,
            "difference": self.proposal.difference,
            "comparison": comparison,
            "checks": checks,
            "held": held,
            "seconds": seconds,
            "report": report,
        }));
        Ok(held)
    }

    /// Runs after the migration that followed its plan, against the probes among them.
    fn comparison(&self) -> Result<Comparison, CliError> {
        let deployed = &self.session.deployed;
        let facts = self.session.facts()?;
        let workload = self.session.learn(&self.log).workload;
        let ours = workload.runs.iter().filter(|sample| {
            self.after.has(&sample.run) && epoch(&self.log, &sample.run) == Some(self.epoch)
        });
        let accounts =
            ours.map(|sample| Account::of(&deployed.graph, &deployed.manifest.home, &facts, sample));
        Ok(Comparison::of(&accounts.collect::<Result<Vec<_>, _>>()?))
    }

    fn verdict(&self, comparison: &Comparison) -> Vec<Check> {
        let deployed = &self.session.deployed;
        let ended: Vec<_> = self.before.ended().chain(self.after.ended()).collect();
        Verdict {
            graph: &deployed.graph,
            plan: &self.proposal.next,
            hour: self.proposal.difference.hour,
            log: &self.log,
            ended: &ended,
            photos: &self.photos,
            comparison,
            transmission: deployed.manifest.objectives.transmission,
            restarts: self.before.restarts() + self.after.restarts(),
            killed: self.killed,
        }
        .checks()
    }

    fn html(&self, comparison: &Comparison, checks: &[Check]) -> Result<String, CliError> {
        let report = Report {
            graph: &self.session.deployed.graph,
            plan: &self.proposal.next,
            solution: &self.solved.solution,
            difference: &self.proposal.difference,
            comparison: Some(comparison),
            checks,
            facts: &self.session.facts()?,
            made: calendar::now(),
        };
        Ok(report.html())
    }
}

/// The epoch of the plan that a run followed.
fn epoch(log: &Log, run: &RunId) -> Option<Epoch> {
    log.runs.get(run)?.iter().find(|record| record.node == NodeId::ENTRY).map(|record| record.epoch)
}

fn write(path: &Path, content: &str) -> Result<(), CliError> {
    let file = |cause| CliError::File { path: path.to_path_buf(), cause };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(file)?;
    }
    std::fs::write(path, content).map_err(file)
}
