//! How an embedded cloud is set up.

use std::path::PathBuf;

use caribou_model::{LatencyTable, Region};

/// What an embedded cloud is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory that everything is kept in; created if need be. One cloud uses it at a time.
    pub state: PathBuf,
    /// The port to listen on, on the loopback interface only; 0 takes any that is free.
    pub port: u16,
    /// The regions that exist.
    pub regions: Vec<Region>,
    /// Round trips between them. Every pair must be in it unless [`latency_scale`](Self::latency_scale) is 0.
    pub latencies: LatencyTable,
    /// What round trips are multiplied by: 1 is as in reality, 0 is no delay at all.
    pub latency_scale: f64,
    /// How many function instances work at a time, in all regions together; 1 or more. Events that find none
    /// free wait in the order in which they came.
    pub most_instances: usize,
}
