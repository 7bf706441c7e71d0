//! Samples from elsewhere than a problem's runs.

use caribou_model::NodeId;

use super::{ColumnId, Path, Samples, Site, SyncStart};
use crate::problem::Problem;

/// Builds [`Samples`] column by column, for models other than this crate's own.
///
/// Nodes are those of the problem's graph, edges are named by their index into [`Graph::edges`](caribou_model::Graph),
/// regions by [`Problem::region_index`]. A column holds a figure for each sample, all of one run at the same position.
/// Every stage must be given in every region that it is permitted, every edge once; what is not given is nothing.
///
/// ```
/// use caribou_model::{LatencyTable, Manifest, Metric, NodeId, Region, Statistic};
/// use caribou_solver::sample::{EdgeColumns, NodeColumns, SamplesBuilder};
/// use caribou_solver::{Problem, Samples};
///
/// # #[derive(Debug, thiserror::Error)]
/// # #[error(transparent)]
/// # enum Error { Sample(#[from] caribou_solver::sample::SampleError) }
/// /// Two runs of a graph `input -> resize -> result` that stays at home.
/// fn two_runs(problem: &Problem) -> Result<Samples, Error> {
///     let mut samples = SamplesBuilder::new(problem, 2);
///     let resize = NodeColumns { time_s: &[1.2, 1.3], kwh: &[2e-6, 2.2e-6], usd: &[2e-5, 2.1e-5] };
///     samples.node(NodeId(1), 0, resize)?;
///     for edge in 0..2 {
///         samples.edge(edge, EdgeColumns { latency_s: &[0.05, 0.04], trips: 0.5, gb: &[1e-6, 2e-6] })?;
///         samples.edge_usd(edge, 0, &[5e-7, 5e-7])?;
///     }
///     Ok(samples.build()?)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SamplesBuilder<'p> {
    problem: &'p Problem,
    samples: Samples,
    /// By edge: whether it was given.
    given: Vec<bool>,
}

/// A node in a region, over all samples. All nothing where the node did not run.
#[derive(Clone, Copy, Debug)]
pub struct NodeColumns<'a> {
    /// Seconds from its start to its end.
    pub time_s: &'a [f64],
    /// Energy of its execution in kWh, the data centre's overhead included.
    pub kwh: &'a [f64],
    /// What the provider charges for it, in USD.
    pub usd: &'a [f64],
}

/// An edge, over all samples.
#[derive(Clone, Copy, Debug)]
pub struct EdgeColumns<'a> {
    /// Seconds from its departure to its arrival within a region; `-inf` where it was not taken.
    pub latency_s: &'a [f64],
    /// Between regions this times the round trip of the problem's latency table is added.
    pub trips: f64,
    /// What it moves, in GB. Energy is had from it by [`kwh_per_gb`](crate::model::transmission::kwh_per_gb), cost by
    /// the sender's price for what leaves a region for another.
    pub gb: &'a [f64],
}

/// Why there are no samples.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// A column of another length than the others.
    #[error("{what} has {given} samples, the others have {len}; give one figure for each sample")]
    Length {
        /// Which column.
        what: String,
        /// How many figures it has.
        given: usize,
        /// How many it must have.
        len: usize,
    },
    /// A figure that is none.
    #[error(
        "{what} is {value} in sample {sample}; it must be a number of 0 or more that single precision holds"
    )]
    Figure {
        /// Which column.
        what: String,
        /// Which sample.
        sample: usize,
        /// Its value.
        value: f64,
    },
    /// A node, edge or region that the problem does not have, or a region that the node is not permitted.
    #[error(
        "{what} is not in the problem; take nodes, edges and regions from it, and regions that are permitted"
    )]
    Unknown {
        /// What.
        what: String,
    },
    /// A stage in a permitted region, or an edge, that was not given.
    #[error("{what} was not given; give every stage in every permitted region, and every edge")]
    Missing {
        /// What.
        what: String,
    },
    /// No samples at all.
    #[error("there are no samples; give at least one")]
    Empty,
}

impl<'p> SamplesBuilder<'p> {
    /// Samples of a problem, all columns of which have this length.
    pub fn new(problem: &'p Problem, len: usize) -> Self {
        let samples = Samples::nothing(problem, len);
        let edges = problem.edges().len();
        Self { problem, samples, given: vec![false; edges] }
    }

    /// A node in a region that it is permitted.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn node(&mut self, node: NodeId, region: usize, columns: NodeColumns<'_>) -> Result<(), SampleError> {
        let name = self.node_in(node, region)?;
        let time_s = self.keep(columns.time_s, || format!("the time of {name}"))?;
        let kwh = self.keep(columns.kwh, || format!("the energy of {name}"))?;
        let usd = self.keep(columns.usd, || format!("the cost of {name}"))?;
        let site = Site::new([time_s, kwh, usd], self.samples.nothing);
        self.samples.sites[node.index() * self.samples.regions + region] = Some(site);
        Ok(())
    }

    /// Energy in kWh that a node spends elsewhere than in the region where it runs: in the home region, and where the
    /// grid is not known. To be given after [`node`](Self::node), which sets it to nothing.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn elsewhere(
        &mut self,
        node: NodeId,
        region: usize,
        home_kwh: &[f64],
        unknown_kwh: &[f64],
    ) -> Result<(), SampleError> {
        let name = self.node_in(node, region)?;
        let kwh_at_home = self.keep(home_kwh, || format!("the energy at home of {name}"))?;
        let kwh_elsewhere = self.keep(unknown_kwh, || format!("the energy elsewhere of {name}"))?;
        if let Some(site) = &mut self.samples.sites[node.index() * self.samples.regions + region] {
            *site = Site { kwh_at_home, kwh_elsewhere, ..*site };
            return Ok(());
        }
        Err(SampleError::Missing { what: name })
    }

    /// What a node exchanges with ends outside the graph, in GB: the entry with the client, a stage with what its code
    /// talks to.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn traffic(&mut self, node: NodeId, gb: &[f64]) -> Result<(), SampleError> {
        let Some(of) = self.problem.graph().node(node) else { return Err(unknown(format!("node {node}"))) };
        let id = self.keep(gb, || format!("the traffic of `{}`", of.name))?;
        self.samples.traffic[node.index()] = id;
        Ok(())
    }

    /// An edge.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn edge(&mut self, edge: usize, columns: EdgeColumns<'_>) -> Result<(), SampleError> {
        let name = self.edge_name(edge)?;
        let taken: Vec<f64> = columns
            .latency_s
            .iter()
            .map(|&latency| f64::from(u8::from(latency != f64::NEG_INFINITY)))
            .collect();
        let trips = vec![columns.trips; self.samples.len];
        let path = Path {
            latency_s: self.keep_latency(columns.latency_s, || format!("the latency of {name}"))?,
            trips: self.keep(&trips, || format!("the number of round trips of {name}"))?,
            gb: self.keep(columns.gb, || format!("what is moved along {name}"))?,
            taken: self.samples.columns.keep(&taken),
            blobs: self.samples.edges[edge].blobs,
        };
        self.samples.edges[edge] = path;
        self.given[edge] = true;
        Ok(())
    }

    /// What an edge costs but for its egress when its receiver is in a region, in USD.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn edge_usd(&mut self, edge: usize, to: usize, usd: &[f64]) -> Result<(), SampleError> {
        let name = self.edge_name(edge)?;
        let receiver = NodeId(self.problem.edges()[edge].to as u16);
        self.node_in(receiver, to)?;
        let id = self.keep(usd, || format!("the cost of {name}"))?;
        self.samples.edge_usd[edge * self.samples.regions + to] = Some(id);
        Ok(())
    }

    /// The latency of an edge between two regions where that was measured: seconds from its departure to its arrival,
    /// `-inf` where it was not taken. No round trips are added to it.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn measured_latency(
        &mut self,
        edge: usize,
        from: usize,
        to: usize,
        latency_s: &[f64],
    ) -> Result<(), SampleError> {
        let name = self.edge_between(edge, from, Some(to))?;
        let id = self.keep_latency(latency_s, || format!("the measured latency of {name}"))?;
        self.samples.measured.insert((edge, from, to), id);
        Ok(())
    }

    /// When an edge departs, in seconds from its sender's start in a region. At the sender's end if this is not given.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn departure(&mut self, edge: usize, from: usize, seconds: &[f64]) -> Result<(), SampleError> {
        let name = self.edge_between(edge, from, None)?;
        let id = self.keep(seconds, || format!("the departure of {name}"))?;
        self.samples.departures.insert((edge, from), id);
        Ok(())
    }

    /// What is added to the end of the result, in seconds. It may be negative.
    ///
    /// # Errors
    ///
    /// [`SampleError`] says what is wrong with it.
    pub fn residual(&mut self, seconds: &[f64]) -> Result<(), SampleError> {
        let len = self.samples.len;
        check(seconds, len, || "the residual".into(), |value| (value as f32).is_finite())?;
        self.samples.residual = self.samples.columns.keep(seconds);
        Ok(())
    }

    /// Which arrival a sync node starts at.
    pub fn sync_start(&mut self, start: SyncStart) {
        self.samples.sync_start = start;
    }

    /// The samples.
    ///
    /// # Errors
    ///
    /// [`SampleError::Missing`] if a stage in a permitted region or an edge was not given, [`SampleError::Empty`] if the
    /// columns have no length.
    pub fn build(self) -> Result<Samples, SampleError> {
        if self.samples.len == 0 {
            return Err(SampleError::Empty);
        }
        for node in 0..self.problem.nodes() {
            for &region in self.problem.sites(node) {
                if !self.samples.is_permitted(node, usize::from(region)) {
                    let what = self.node_in(NodeId(node as u16), usize::from(region))?;
                    return Err(SampleError::Missing { what });
                }
            }
        }
        match self.given.iter().position(|given| !given) {
            Some(edge) => Err(SampleError::Missing { what: self.edge_name(edge)? }),
            None => Ok(self.samples),
        }
    }

    fn keep(&mut self, values: &[f64], what: impl Fn() -> String) -> Result<ColumnId, SampleError> {
        check(values, self.samples.len, what, |value| value >= 0.0 && (value as f32).is_finite())?;
        Ok(self.samples.columns.keep(values))
    }

    fn keep_latency(&mut self, values: &[f64], what: impl Fn() -> String) -> Result<ColumnId, SampleError> {
        check(values, self.samples.len, what, |value| {
            value == f64::NEG_INFINITY || (value >= 0.0 && (value as f32).is_finite())
        })?;
        Ok(self.samples.columns.keep(values))
    }

    /// The name of a node in a region that it is permitted.
    fn node_in(&self, node: NodeId, region: usize) -> Result<String, SampleError> {
        let graph = self.problem.graph();
        let Some(of) = graph.node(node) else { return Err(unknown(format!("node {node}"))) };
        let Some(facts) = self.problem.regions().get(region) else {
            return Err(unknown(format!("region number {region}")));
        };
        let name = format!("`{}` in {}", of.name, facts.region);
        let permitted = self.problem.sites(node.index()).iter().any(|&site| usize::from(site) == region);
        if permitted { Ok(name) } else { Err(unknown(name)) }
    }

    fn edge_name(&self, edge: usize) -> Result<String, SampleError> {
        let Some(of) = self.problem.edges().get(edge) else { return Err(unknown(format!("edge {edge}"))) };
        let [from, to] = [of.from, of.to].map(|node| &self.problem.graph().nodes[node].name);
        Ok(format!("edge `{from}` -> `{to}`"))
    }

    fn edge_between(&self, edge: usize, from: usize, to: Option<usize>) -> Result<String, SampleError> {
        let name = self.edge_name(edge)?;
        let ends = self.problem.edges()[edge];
        self.node_in(NodeId(ends.from as u16), from)?;
        if let Some(to) = to {
            self.node_in(NodeId(ends.to as u16), to)?;
        }
        Ok(name)
    }
}

fn unknown(what: String) -> SampleError {
    SampleError::Unknown { what }
}

fn check(
    values: &[f64],
    len: usize,
    what: impl Fn() -> String,
    fits: impl Fn(f64) -> bool,
) -> Result<(), SampleError> {
    if values.len() != len {
        return Err(SampleError::Length { what: what(), given: values.len(), len });
    }
    match values.iter().position(|&value| !fits(value)) {
        Some(sample) => Err(SampleError::Figure { what: what(), sample, value: values[sample] }),
        None => Ok(()),
    }
}
