//! Plans per CPU second on the reference cases, under both models: `cargo bench -p caribou-control --bench original`.
//!
//! One hour is the original's work: average and p95 of carbon, cost and runtime with 2,000 samples. The cases stand in
//! `../shared/reference-cases` from the workspace root; the format is described in `docs/original.md`. Where they are
//! missing nothing is measured, and the output says so.

use std::path::{Path, PathBuf};

use caribou_control::original::{self, Case, Model};
use caribou_model::{Metric, Statistic};
use caribou_solver::Scorer;
use divan::Bencher;
use divan::counter::ItemsCount;

const ALL: [&str; 4] = ["t2s7_r4 original", "t2s7_r4 caribou", "chain2_r4 original", "chain2_r4 caribou"];
const PLANS: usize = 64;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference-cases")
}

fn main() {
    if !cases().is_dir() {
        eprintln!("{} is not there: put the reference cases there to measure", cases().display());
        return;
    }
    divan::main();
}

fn load(name: &str) -> Case {
    let (case, model) = name.split_once(' ').unwrap_or((name, ""));
    let model = if model == "original" { Model::ORIGINAL } else { Model::Caribou };
    let imported = original::read(&cases().join(case));
    imported.and_then(|imported| imported.case(model, 2_000, 7)).unwrap_or_else(|error| panic!("{error}"))
}

/// Placements all over the regions.
fn plans(case: &Case) -> Vec<Vec<u8>> {
    let stages = case.problem.graph().stages().count();
    let plan = |number: usize| {
        (0..stages).map(|stage| ((number * 31 + stage * (number % 5 + 1)) % 4) as u8).collect()
    };
    (0..PLANS).map(plan).collect()
}

fn score(bencher: Bencher<'_, '_>, name: &str, hours: usize) {
    let case = load(name);
    let scorer = Scorer::new(&case.problem, &case.samples);
    let plans = plans(&case);
    let mut scratch = scorer.scratch();
    bencher.counter(ItemsCount::new(PLANS)).bench_local(|| {
        let mut sum = 0.0;
        for plan in &plans {
            let mut evaluation = scorer.evaluate(plan, &mut scratch);
            for hour in 0..hours {
                for metric in Metric::ALL {
                    sum += evaluation.value(metric, Statistic::Average, hour);
                    sum += evaluation.value(metric, Statistic::P95, hour);
                }
            }
        }
        sum
    });
}

#[divan::bench(args = ALL)]
fn one_hour(bencher: Bencher<'_, '_>, name: &str) {
    score(bencher, name, 1);
}

#[divan::bench(args = ALL)]
fn all_24_hours(bencher: Bencher<'_, '_>, name: &str) {
    score(bencher, name, 24);
}
