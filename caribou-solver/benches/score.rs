//! How many placements are scored in a second: `cargo bench -p caribou-solver`.

#![expect(clippy::unwrap_used, reason = "the input is sound, and a benchmark may stop")]

#[path = "../tests/solver/fixture.rs"]
mod fixture;

use caribou_model::{Metric, Region, Statistic};
use caribou_solver::{Problem, Samples, Scorer, Settings, solve};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use fixture::{chain, latencies, manifest, region, regions, workload};

fn main() {
    divan::main();
}

/// A chain of 8 stages and 4 regions: 65,536 placements, 2,000 runs.
fn problem(limit: Option<f64>) -> Problem {
    let graph = chain(8);
    let mut regions = regions();
    regions.push(region(Region::aws("us-west-1"), 260.0));
    let mut manifest = manifest();
    manifest.constraints.extend(limit.map(|factor| caribou_model::Constraint {
        metric: Metric::Runtime,
        statistic: Statistic::P95,
        limit: caribou_model::Limit::RelativeToHome(factor),
        strictness: caribou_model::Strictness::Hard,
    }));
    Problem::new(&graph, &workload(&graph, 2000), &regions, &latencies(&regions, 0.06), &manifest, 6).unwrap()
}

/// Mean carbon for 24 hours and mean cost.
#[divan::bench]
fn means(bencher: Bencher<'_, '_>) {
    let problem = problem(None);
    let samples = Samples::draw(&problem, 2000, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let placement = [0, 1, 2, 3, 0, 1, 2, 3];
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| scorer.means(black_box(&placement), &mut scratch));
}

/// The same, with mean and 95th percentile of the runtime of 2,000 runs.
#[divan::bench]
fn means_and_runtime(bencher: Bencher<'_, '_>) {
    let problem = problem(None);
    let samples = Samples::draw(&problem, 2000, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let placement = [0, 1, 2, 3, 0, 1, 2, 3];
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        scorer.evaluate(black_box(&placement), &mut scratch).value(Metric::Runtime, Statistic::P95, 0)
    });
}

/// All 65,536 placements for 24 hours; with a hard limit on p95 runtime that forbids most better ones, and without.
#[divan::bench(args = [None, Some(1.05)], sample_count = 5)]
fn exhaustive(bencher: Bencher<'_, '_>, limit: Option<f64>) {
    let problem = problem(limit);
    let settings = Settings { precision: 0.0, samples: 2000, ..Settings::default() };
    bencher.counter(ItemsCount::new(65_536_usize)).bench_local(|| solve(&problem, &settings).unwrap());
}
