//! `../shared/reference-cases`: what the original computes for five plans of two workflows.
//!
//! A row is met within 1 % of the reference or three of its standard errors (of five repetitions), whichever is larger.
//! Our own sampling error is kept small by many samples; nothing is allowed for it.
//! Without the cases these tests say so and pass; with `CARIBOU_REFERENCE_CASES=require` they fail.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use caribou_control::original::{self, Case, Deviations, Model};
use caribou_model::{Metric, Region, Statistic};
use caribou_solver::Scorer;

const REGIONS: [Region; 4] = [
    Region::aws("us-east-1"),
    Region::aws("us-west-1"),
    Region::aws("us-west-2"),
    Region::aws("ca-central-1"),
];
/// Samples of ours: the reference has four times fewer.
const SAMPLES: usize = 40_000;
/// Enough to miss a row by more than that.
const FEWER: usize = 10_000;
const FIGURES: [(&str, Metric, Statistic); 4] = [
    ("average carbon", Metric::Carbon, Statistic::Average),
    ("average cost", Metric::Cost, Statistic::Average),
    ("average runtime", Metric::Runtime, Statistic::Average),
    ("p95 runtime", Metric::Runtime, Statistic::P95),
];

/// A row of the reference: mean and standard deviation of each figure, in grams, USD and seconds.
struct Row {
    case: String,
    hour: usize,
    plan: String,
    figures: [[f64; 2]; 4],
}

pub(crate) fn cases() -> Option<PathBuf> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference-cases");
    if cases.join("reference_metrics.csv").is_file() {
        return Some(cases);
    }
    assert!(
        std::env::var("CARIBOU_REFERENCE_CASES").as_deref() != Ok("require"),
        "CARIBOU_REFERENCE_CASES=require, but {} is not there",
        cases.display()
    );
    eprintln!("skipped: {} is not there, so nothing is held against the original", cases.display());
    None
}

fn rows(cases: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(cases.join("reference_metrics.csv")).unwrap();
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if fields[3] != "python" {
            continue;
        }
        let number = |index: usize| fields[index].parse::<f64>().unwrap();
        let scales = [1e-3, 1e-3, 1.0, 1.0];
        let figures = std::array::from_fn(|f| [number(4 + 2 * f) * scales[f], number(5 + 2 * f) * scales[f]]);
        let (case, plan) = (fields[0].to_owned(), fields[2].to_owned());
        rows.push(Row { case, hour: number(1) as usize, plan, figures });
    }
    assert_eq!(rows.len(), 20, "the reference has twenty rows of the Python calculator");
    rows
}

fn placement(case: &Case, plan: &str) -> Vec<u8> {
    let stages = case.problem.graph().stages().count();
    let number = |region: &Region| case.problem.region_index(region).unwrap() as u8;
    match plan.strip_prefix("all ") {
        Some(region) => vec![number(&region.parse().unwrap()); stages],
        None if plan == "home" => vec![0; stages],
        None => (0..stages).map(|stage| number(&REGIONS[stage % 4])).collect(),
    }
}

/// Every figure of every row that is not met, as `row, figure: difference`.
fn missed(cases: &Path, model: Model, samples: usize) -> Vec<String> {
    let mut prepared: BTreeMap<String, Case> = BTreeMap::new();
    let mut missed = Vec::new();
    for row in rows(cases) {
        let case = prepared.entry(row.case.clone()).or_insert_with(|| {
            original::read(&cases.join(&row.case)).unwrap().case(model, samples, 5).unwrap()
        });
        let scorer = Scorer::new(&case.problem, &case.samples);
        let mut scratch = scorer.scratch();
        let placement = placement(case, &row.plan);
        let mut evaluation = scorer.evaluate(&placement, &mut scratch);
        for ((name, metric, statistic), [reference, deviation]) in FIGURES.into_iter().zip(row.figures) {
            let ours = evaluation.value(metric, statistic, row.hour);
            let error = deviation / 5_f64.sqrt();
            let accepted = (0.01 * reference).max(3.0 * error);
            if (ours - reference).abs() > accepted || ours.is_nan() {
                let difference = (ours / reference - 1.0) * 100.0;
                let Row { case, hour, plan, .. } = &row;
                missed.push(format!("{case}, hour {hour}, {plan}, {name}: {difference:+.2} %"));
            }
        }
    }
    missed
}

#[test]
fn every_row_of_the_python_calculator_is_met() {
    let Some(cases) = cases() else { return };
    let missed = missed(&cases, Model::ORIGINAL, SAMPLES);
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn without_the_last_value_left_out_carbon_of_a_chain_is_missed() {
    let Some(cases) = cases() else { return };
    let model = Model::Original(Deviations { last_never_drawn: false, ..Deviations::ALL });
    let missed = missed(&cases, model, FEWER);
    assert!(
        missed.iter().any(|row| row.starts_with("chain2") && row.contains("average carbon")),
        "{missed:?}"
    );
}

#[test]
fn with_the_prices_found_cost_in_dearer_regions_is_missed() {
    let Some(cases) = cases() else { return };
    let model = Model::Original(Deviations { prices_not_found: false, ..Deviations::ALL });
    let missed = missed(&cases, model, FEWER);
    assert!(missed.iter().any(|row| row.contains("us-west-1, average cost")), "{missed:?}");
}

#[test]
fn under_this_projects_model_the_rows_are_missed() {
    let Some(cases) = cases() else { return };
    let missed = missed(&cases, Model::Caribou, FEWER);
    assert!(missed.len() > 20, "{missed:?}");
}

#[test]
fn twenty_regions_are_imported_and_solved() {
    let Some(cases) = cases() else { return };
    let imported = original::read(&cases.join("chain2_r20")).unwrap();
    assert_eq!(imported.regions().len(), 20);
    for model in [Model::Caribou, Model::ORIGINAL] {
        let case = imported.case(model, 500, 1).unwrap();
        let scorer = Scorer::new(&case.problem, &case.samples);
        let mut scratch = scorer.scratch();
        let home = scorer.means(&[0, 0], &mut scratch).carbon[0];
        let least = (0..20).map(|region| scorer.means(&[region, region], &mut scratch).carbon[0]);
        assert!(least.fold(f64::INFINITY, f64::min) < home / 1.5, "some grid is cleaner than home's");
    }
}
