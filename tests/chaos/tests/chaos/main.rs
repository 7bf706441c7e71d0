//! Chaos on the embedded cloud: real bootstraps of the example, while instances and the cloud itself are killed, messages
//! come twice, and regions are down. Every run ends as the plain call does.
//!
//! ```text
//! CARIBOU_CHAOS_RUNS=5000 cargo test --release -p caribou-test-chaos -- --nocapture
//! ```
//!
//! `CARIBOU_CHAOS_SEED` gives another order of faults. Most of the time is the example's own: without `--release` it
//! takes three times as long.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cloud;
mod press;
mod report;
mod runs;
mod storm;

use std::time::Duration;

use caribou_runtime::model::{Epoch, Placement, Plan, Timestamp};
use caribou_runtime::plan;

use crate::cloud::{HOME, Served};
use crate::press::Press;
use crate::report::Report;
use crate::runs::Runs;
use crate::storm::Storm;

/// How long the last duplicates may take, which wait for a lease that ends 15 s after their event began.
const SETTLED_WITHIN: Duration = Duration::from_mins(3);

fn number(variable: &str, usually: u64) -> u64 {
    std::env::var(variable).map_or(usually, |text| text.parse().unwrap())
}

/// A bad time for a cloud that has `runs` runs to do.
async fn chaos(runs: usize, seed: u64) -> (Vec<String>, Report) {
    let began = std::time::Instant::now();
    let state = tempfile::TempDir::new().unwrap();
    let press = Press::new().await;
    let cloud = Served::on(state.path()).await;
    cloud.deploy().await;
    let graph = press.graph();
    let stages: Vec<_> = (0..graph.stages().count()).map(|stage| cloud::REGIONS[stage % 3].clone()).collect();
    let plan = Plan {
        epoch: Epoch(1),
        expires: Timestamp::from_millis(u64::MAX),
        hours: vec![Placement::new(&stages).unwrap(); 24],
        ..Plan::at_home(&graph, HOME)
    };
    plan::switch(&*cloud.ports().store, &plan, None).await.unwrap();

    // A few runs wait until every kind of fault has come, so that each has something to disturb.
    let (storm, weather) = Storm::over(cloud, state.path(), seed, Duration::from_millis(600 + runs as u64));
    let runs = Runs { press, count: runs, held_back: runs / 10 };
    let ended = tokio::spawn(runs.end(weather));
    let (cloud, blows) = storm.rage(|| ended.is_finished()).await;
    let wrong = ended.await.unwrap();

    let seconds = began.elapsed().as_secs_f64();
    assert!(cloud.control.settled(SETTLED_WITHIN).await.unwrap(), "{:?}", cloud.control.status().await);
    (wrong, Report::of(&cloud, blows, seconds).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_ends_as_the_plain_call_does_whatever_is_killed_doubled_or_down() {
    let runs = usize::try_from(number("CARIBOU_CHAOS_RUNS", 120)).unwrap();
    let (wrong, report) = chaos(runs, number("CARIBOU_CHAOS_SEED", 1)).await;
    assert!(wrong.is_empty(), "{} of {runs} runs:\n{}\n{report}", wrong.len(), wrong.join("\n"));
    println!("{runs} runs ended as the plain call does\n{report}");
    // A test whose faults do not happen proves nothing.
    assert!(report.executions > 6 * runs && report.blows.instances > 0, "{report}");
    assert!(report.blows.clouds_killed > 0 && report.blows.clouds_stopped > 0, "{report}");
    let injected = report.blows.injected;
    assert!(injected.duplicated > 0 && injected.killed > 0 && injected.refused > 0, "{report}");
}
