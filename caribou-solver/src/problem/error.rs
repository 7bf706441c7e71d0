//! What can be wrong with the solver's input.

use caribou_model::{GraphError, Region, RunId};

/// Why a problem cannot be posed, or a run cannot be priced.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProblemError {
    /// The graph is not what its documentation says.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The manifest is out of range.
    #[error("caribou.toml: {0}")]
    Manifest(#[from] caribou_model::manifest::ManifestError),
    /// The workload is another workflow's or version's.
    #[error("the workload is of {workload}, the graph of {graph}; learn from runs of this version")]
    WrongWorkload {
        /// Workflow and version of the workload.
        workload: String,
        /// Workflow and version of the graph.
        graph: String,
    },
    /// Nothing was observed.
    #[error("the workload of `{workflow}` has no runs; run the workflow and learn from it before solving")]
    NoRuns {
        /// The workflow.
        workflow: String,
    },
    /// A month outside of the year.
    #[error("{0} is no month; months go from 1 to 12")]
    InvalidMonth(u8),
    /// A region that the manifest, the code or a run names, without facts.
    #[error(
        "{named_by} names region {region}, of which no facts are given; add its facts, or leave the region out"
    )]
    UnknownRegion {
        /// The region.
        region: Region,
        /// Who names it.
        named_by: String,
    },
    /// Facts of one region given twice.
    #[error("facts of region {0} are given twice; give each region once")]
    DuplicateRegion(Region),
    /// A figure of a region that is no number in its range.
    #[error("{field} of region {region} is {value}, which is out of range: {range}")]
    BadFact {
        /// The region.
        region: Region,
        /// Which figure.
        field: String,
        /// Its value.
        value: f64,
        /// What is accepted.
        range: &'static str,
    },
    /// A month and hour without a carbon intensity.
    #[error(
        "region {region} has no carbon intensity for month {month}; complete its profile (12 months of 24 hours)"
    )]
    NoCarbon {
        /// The region.
        region: Region,
        /// The month, 1 to 12.
        month: u8,
    },
    /// Two regions of unknown distance.
    #[error(
        "no round trip is known between {from} and {to}; add it to the latency table, or leave one of them out"
    )]
    UnknownLatency {
        /// One region.
        from: Region,
        /// The other.
        to: Region,
    },
    /// A round trip that is no time.
    #[error("the round trip from {from} to {to} is {seconds} s; it must be a number from 0 to 60")]
    BadLatency {
        /// One region.
        from: Region,
        /// The other.
        to: Region,
        /// What the table says.
        seconds: f64,
    },
    /// The manifest has rules for a function that does not exist.
    #[error(
        "caribou.toml has rules for function `{0}`, which the workflow does not call; correct or remove them"
    )]
    UnknownFunction(String),
    /// A function that must not run at home, where plans fall back to.
    #[error("function `{function}` may not run in the home region {home}; permit it, or choose another home")]
    HomeNotPermitted {
        /// The function.
        function: String,
        /// The home region.
        home: Region,
    },
    /// More candidate regions than a placement can name.
    #[error("{0} regions are in play, at most 62 can be; allow fewer in caribou.toml")]
    TooManyRegions(usize),
    /// An allowance of a free tier that is none.
    #[error("an allowance of the free tier is {0}; it must be a number of 0 or more")]
    BadFreeTier(f64),
    /// Expected runs that are no number of runs.
    #[error("{0} runs a month are expected; give a number above 0, or none to take cold starts as observed")]
    BadExpectation(f64),
    /// A run that does not fit the graph, or holds a figure that is none.
    #[error("run {run} of the workload cannot be used: {fault}; leave it out, or learn again")]
    UnsoundRun {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        fault: String,
    },
}
