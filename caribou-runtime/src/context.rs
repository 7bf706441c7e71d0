//! What a function may know of the attempt it runs in.

use caribou_model::{Region, RunId, Timestamp};

/// One attempt at a stage, as the function sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The run.
    pub run: RunId,
    /// The stage's name in the graph.
    pub stage: String,
    /// Which item of a map it is for, from 0; `None` in a stage that is no map.
    pub item: Option<u32>,
    /// Where it runs.
    pub region: Region,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// When the platform will end it.
    pub deadline: Timestamp,
    /// The W3C `traceparent` of the run, if the caller sent one.
    pub traceparent: Option<String>,
}
