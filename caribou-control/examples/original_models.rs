//! The differences between the original's model and this project's, on the reference cases, as a table in Markdown:
//! `cargo run --release -p caribou-control --example original_models ../shared/reference-cases`.

use std::path::PathBuf;

use caribou_control::original::{self, Case, Deviations, Model};
use caribou_model::{Metric, Region, Statistic};
use caribou_solver::Scorer;

const SAMPLES: usize = 40_000;
const PLANS: [&str; 5] = ["us-east-1", "us-west-1", "us-west-2", "ca-central-1", ""];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cases = PathBuf::from(std::env::args().nth(1).ok_or("give the directory of the reference cases")?);
    let without = |change: fn(&mut Deviations)| {
        let mut deviations = Deviations::ALL;
        change(&mut deviations);
        Model::Original(deviations)
    };
    let models = [
        ("every value drawn", without(|d| d.last_never_drawn = false)),
        ("prices found", without(|d| d.prices_not_found = false)),
        ("sync sizes found", without(|d| d.sync_sizes_not_found = false)),
        ("start at the last arrival", without(|d| d.starts_at_last_caller = false)),
        ("all four", Model::Original(Deviations::NONE)),
        ("this project's model", Model::Caribou),
    ];
    println!("| case, plan | model | carbon | cost | runtime | p95 runtime |\n|---|---|---|---|---|---|");
    for name in ["chain2_r4", "t2s7_r4"] {
        let imported = original::read(&cases.join(name))?;
        let mirrored = imported.case(Model::ORIGINAL, SAMPLES, 1)?;
        let others = models.map(|(text, model)| (text, imported.case(model, SAMPLES, 1)));
        for plan in PLANS {
            let reference = figures(&mirrored, plan);
            let shown = if plan.is_empty() { "mixed" } else { plan };
            println!(
                "| {name}, {shown} | the original's | {:.3} mg | {:.2} µUSD | {:.3} s | {:.3} s |",
                reference[0] * 1e3,
                reference[1] * 1e6,
                reference[2],
                reference[3]
            );
            for (text, case) in &others {
                let case = case.as_ref().map_err(ToString::to_string)?;
                let found = figures(case, plan);
                let change =
                    |index: usize| format!("{:+.1} %", (found[index] / reference[index] - 1.0) * 100.0);
                println!("| | {text} | {} | {} | {} | {} |", change(0), change(1), change(2), change(3));
            }
        }
    }
    Ok(())
}

/// Average carbon at midnight, average cost, average and p95 runtime.
fn figures(case: &Case, plan: &str) -> [f64; 4] {
    let stages = case.problem.graph().stages().count();
    let number = |code: &str| {
        let region: Option<Region> = code.parse().ok();
        region.and_then(|region| case.problem.region_index(&region)).unwrap_or(0) as u8
    };
    let placement: Vec<u8> =
        (0..stages).map(|stage| number(if plan.is_empty() { PLANS[stage % 4] } else { plan })).collect();
    let scorer = Scorer::new(&case.problem, &case.samples);
    let mut scratch = scorer.scratch();
    let mut evaluation = scorer.evaluate(&placement, &mut scratch);
    [
        evaluation.value(Metric::Carbon, Statistic::Average, 0),
        evaluation.value(Metric::Cost, Statistic::Average, 0),
        evaluation.value(Metric::Runtime, Statistic::Average, 0),
        evaluation.value(Metric::Runtime, Statistic::P95, 0),
    ]
}
