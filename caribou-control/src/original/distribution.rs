//! What the tables say a figure is distributed like, with the original's fallbacks where nothing was measured.

use std::borrow::Cow;

use caribou_model::{LatencyTable, Region};

use super::table::config::Config;
use super::table::execution::Executions;
use super::table::instance::{Learned, Skip};
use super::table::region::Row;

/// Seconds within a region where no latency was ever measured (the original's default).
const LATENCY_S: f64 = 0.22;
/// Round trips that the original adds for a message, and for an arrival at a sync node.
pub(super) const TRIPS: [f64; 2] = [1.0, 5.0];

/// The distributions of one workflow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distributions<'a> {
    pub(super) config: &'a Config,
    pub(super) learned: &'a Learned,
    pub(super) rows: &'a [Row],
    /// What distance adds: see [`excess`](super::region::excess).
    pub(super) excess: &'a LatencyTable,
}

/// Equally likely values, and what is added to each.
#[derive(Clone, Debug)]
pub(super) struct Spread<'a> {
    values: Cow<'a, [f64]>,
    plus: f64,
}

/// How a list of values is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    /// Values at the end that are never drawn, unless there is no other.
    pub(super) unreached: usize,
}

impl Draw {
    /// The index that a number from 0 to 1 draws of `len`.
    pub(super) fn index(self, len: usize, share: f64) -> usize {
        (share * len.saturating_sub(self.unreached) as f64) as usize
    }

    /// The value that a number from 0 to 1 draws.
    pub(super) fn of(self, values: &[f64], share: f64) -> f64 {
        values.get(self.index(values.len(), share)).copied().unwrap_or(0.0)
    }

    pub(super) fn from(self, spread: &Spread<'_>, share: f64) -> f64 {
        self.of(&spread.values, share) + spread.plus
    }
}

impl<'a> Distributions<'a> {
    /// What a region's times are multiplied by: nothing where they were measured there, otherwise home's stand for them.
    pub(super) fn slowness(&self, executions: &Executions, region: &Region) -> f64 {
        if executions.at.contains_key(region) {
            return 1.0;
        }
        let time = |region: &Region| self.row(region).map_or(1.0, |row| row.relative_time);
        time(region) / time(&self.config.home)
    }

    pub(super) fn row(&self, region: &Region) -> Option<&'a Row> {
        self.rows.iter().find(|row| row.region == *region)
    }

    /// Whether latencies between two regions were measured; otherwise they are those within home and what distance adds.
    pub(super) fn is_measured(&self, [from, to]: [usize; 2], between: [&Region; 2]) -> bool {
        let [a, b] = between;
        self.learned
            .transfers
            .get(&(from, to))
            .is_some_and(|t| t.latencies.contains_key(&(a.clone(), b.clone())))
    }

    /// Latencies from one instance to another between two regions, in seconds, for a payload of this size.
    pub(super) fn latency(
        &self,
        instances: [usize; 2],
        between: [&Region; 2],
        gb: f64,
        into_sync: bool,
    ) -> Spread<'a> {
        let [from, to] = between;
        let measured = |from: &Region, to: &Region| {
            let transfer = self.learned.transfers.get(&(instances[0], instances[1]))?;
            transfer.latencies.get(&(from.clone(), to.clone()))?.of(gb)
        };
        if let Some(values) = measured(from, to) {
            return Spread { values, plus: 0.0 };
        }
        let home = &self.config.home;
        let excess_s = self.excess.round_trip(from, to).map_or(0.0, |trip| trip.p50.0);
        let values = measured(home, home).unwrap_or(Cow::Borrowed(&[LATENCY_S]));
        Spread { values, plus: excess_s * TRIPS[usize::from(into_sync)] }
    }

    /// Latencies of the news that an instance does not run, between two regions, in seconds.
    pub(super) fn skip_latency(&self, skip: &'a Skip, between: [&Region; 2]) -> Spread<'a> {
        match skip.latencies_s.get(&(between[0].clone(), between[1].clone())) {
            Some(latencies) if !latencies.is_empty() => {
                Spread { values: Cow::Borrowed(latencies), plus: 0.0 }
            }
            _ => self.latency([skip.for_instance, skip.sync_node], between, skip.billed_gb(), true),
        }
    }
}
