//! What an import yields.

use std::path::Path;

use caribou_model::{Graph, LatencyTable, Manifest, RegionFacts, Workload};
use caribou_solver::{Problem, Samples};

use super::distribution::Distributions;
use super::document::Document;
use super::graph::Layout;
use super::table::config;
use super::table::config::Config;
use super::table::instance::{self, Learned};
use super::table::region::{self as regions, Row};
use super::{Model, OriginalError, manifest, mirror, region, workload};

/// Reads and checks the tables in a directory.
///
/// # Errors
///
/// [`OriginalError`] names the file, the key and what to do.
pub fn read(dir: &Path) -> Result<Imported, OriginalError> {
    let config = Config::parse(&Document::read(dir, config::FILE)?)?;
    let available = Document::read(dir, regions::AVAILABLE)?;
    regions::check_provider(&Document::read(dir, regions::PROVIDER)?)?;
    let (known, left_out) = regions::available(&available)?;
    regions::check_named(&config, &known)?;
    let carbon = Document::read(dir, regions::CARBON)?;
    let performance = Document::read(dir, regions::PERFORMANCE)?;
    let prices = Document::read(dir, regions::PRICES)?;
    let tables = [&available, &carbon, &performance, &prices];
    let rows =
        known.iter().map(|region| Row::parse(region, tables, &known)).collect::<Result<Vec<_>, _>>()?;
    let learned = Learned::parse(&Document::read(dir, instance::FILE)?, &config, &known)?;
    let layout = Layout::new(&config, &learned)?;
    Ok(Imported {
        manifest: manifest::manifest(&config),
        regions: region::facts(&rows, &config.home),
        latencies: region::latencies(&rows),
        excess: region::excess(&rows, &config.home),
        config,
        learned,
        rows,
        layout,
        left_out,
    })
}

/// A workflow of the original, in this project's terms.
#[derive(Clone, Debug)]
pub struct Imported {
    manifest: Manifest,
    regions: Vec<RegionFacts>,
    latencies: LatencyTable,
    excess: LatencyTable,
    config: Config,
    learned: Learned,
    rows: Vec<Row>,
    layout: Layout,
    left_out: Vec<String>,
}

/// A problem and the samples that its plans are judged on.
#[derive(Clone, Debug)]
pub struct Case {
    /// What to place and where it may go.
    pub problem: Problem,
    /// What every plan is judged on.
    pub samples: Samples,
}

impl Imported {
    /// The graph: a stage for each instance, in a topological order that keeps the file's where it can.
    pub fn graph(&self) -> &Graph {
        &self.layout.graph
    }

    /// Home, allowed regions, priorities and limits. It may be changed before a problem is posed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same, to be changed.
    pub fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// Facts of every available region of provider `aws`.
    pub fn regions(&self) -> &[RegionFacts] {
        &self.regions
    }

    /// Round trips between them.
    pub fn latencies(&self) -> &LatencyTable {
        &self.latencies
    }

    /// Available regions of other providers, which are left out.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Whole runs drawn from what the tables hold: as many of them as asked for, the same ones for the same seed.
    ///
    /// The tables keep each figure's distribution and few that go together. A run keeps those: its region, a stage's
    /// duration with the traffic of its code and when it invokes each successor, a payload's size with its latency. All
    /// else is drawn on its own. A stage that was never measured in the run's region runs at home.
    pub fn workload(&self, count: usize, seed: u64) -> Workload {
        workload::workload(&self.distributions(), &self.layout, count, seed)
    }

    /// The problem under a model, and that many samples of it. The tables have no seasons: every month is the same.
    ///
    /// # Errors
    ///
    /// [`OriginalError::Problem`] if the tables pose no problem that can be solved.
    pub fn case(&self, model: Model, count: usize, seed: u64) -> Result<Case, OriginalError> {
        let month = 1;
        let Model::Original(deviations) = model else {
            let workload = self.workload(count, seed);
            let graph = &self.layout.graph;
            let problem =
                Problem::new(graph, &workload, &self.regions, &self.latencies, &self.manifest, month)?;
            let samples = Samples::draw(&problem, count, seed);
            return Ok(Case { problem, samples });
        };
        let graph = &self.layout.graph;
        let problem = Problem::without_runs(graph, &self.regions, &self.excess, &self.manifest, month)?;
        let samples = mirror::samples(
            &problem,
            &self.distributions(),
            &self.layout,
            &self.manifest,
            deviations,
            count,
            seed,
        )?;
        Ok(Case { problem, samples })
    }

    fn distributions(&self) -> Distributions<'_> {
        let Self { config, learned, rows, excess, .. } = self;
        Distributions { config, learned, rows, excess }
    }
}
