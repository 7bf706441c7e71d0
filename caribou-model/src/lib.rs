//! The words of Caribou as types. Every other crate speaks in them; none of them does any I/O.
//!
//! | module | what it holds |
//! |---|---|
//! | [`region`] | [`Region`] and [`Provider`]: where a stage runs |
//! | [`mod@time`] | [`Timestamp`] and [`Hour`]: when it runs |
//! | [`mod@unit`] | physical quantities and money as newtypes |
//! | [`id`] | [`RunId`], [`Epoch`], [`NodeId`] |
//! | [`function`] | [`FunctionSpec`]: what of a function the platform needs to know |
//! | [`graph`] | [`Graph`]: entry, stages, gates, result and the edges between them |
//! | [`plan`] | [`Plan`] and [`Placement`]: for each hour of the day, the region of every stage |
//! | [`manifest`] | [`Manifest`]: `caribou.toml`, what the user asks for |
//! | [`workload`] | [`Workload`]: joint samples of whole runs |
//! | [`telemetry`] | [`StageRecord`]: the one line that every attempt writes |
//! | [`facts`] | [`RegionFacts`], [`LatencyTable`]: grids, prices, distances |

pub mod facts;
pub mod function;
pub mod graph;
pub mod id;
pub mod manifest;
pub mod plan;
pub mod region;
pub mod telemetry;
pub mod time;
pub mod unit;
pub mod workload;

pub use facts::{CarbonProfile, FreeTier, LatencyTable, Prices, RegionFacts, RoundTrip};
pub use function::{Architecture, FunctionSpec};
pub use graph::{Edge, Graph, GraphError, Node, NodeKind};
pub use id::{Epoch, InvalidRunId, NodeId, RunId};
pub use manifest::{Constraint, Limit, Manifest, Metric, Statistic, Strictness, Transmission};
pub use plan::{Placement, Plan, PlanError};
pub use region::{InvalidProvider, InvalidRegion, Provider, Region};
pub use telemetry::{AttemptOutcome, ClientRecord, StageRecord, SuccessorRecord};
pub use time::{HOURS, Hour, Timestamp};
pub use unit::{Gigabytes, GramsCo2, GramsPerKwh, KilowattHours, Seconds, Usd};
pub use workload::{EdgeSample, RunSample, StageSample, Workload};
