//! What the manifest asks to be counted, and what it asks for that is impossible.

use crate::fixture::{CLEAN, HOME, chain, graph, latencies, manifest, regions, workload};
use caribou_model::{Constraint, FreeTier, Limit, Manifest, Metric, Region, Statistic, Strictness, Workload};
use caribou_solver::{Problem, ProblemError, Samples, Scorer, Settings, SolveError, solve};

/// Mean carbon, cost and runtime of a chain of one stage, at home and in the clean region.
fn figures(problem: &Problem) -> Vec<[f64; 3]> {
    let samples = Samples::draw(problem, 200, 0);
    let scorer = Scorer::new(problem, &samples);
    let mut scratch = scorer.scratch();
    let mut of = |placement: [u8; 1]| {
        let mut evaluation = scorer.evaluate(&placement, &mut scratch);
        Metric::ALL.map(|metric| evaluation.value(metric, Statistic::Average, 0))
    };
    vec![of([0]), of([1])]
}

/// Runs of the chain, every tenth of them cold.
fn runs() -> Workload {
    let graph = chain(1);
    let mut workload = workload(&graph, 200);
    for (number, run) in workload.runs.iter_mut().enumerate() {
        let cold = number % 10 == 0;
        *run = crate::fixture::run(&graph, number, if cold { 3.0 } else { 1.0 }, 1000, &[0, 1]);
        run.stages[0].as_mut().unwrap().cold = cold;
    }
    workload
}

fn posed(change: impl FnOnce(&mut Manifest)) -> Result<Problem, ProblemError> {
    let mut regions = regions();
    regions[1].carbon_free = 0.5;
    let mut manifest = manifest();
    change(&mut manifest);
    Problem::new(&chain(1), &runs(), &regions, &latencies(&regions, 0.05), &manifest, 6)
}

#[test]
fn the_manifest_asks_for_what_can_be_asked_of_a_problem() {
    let plain = posed(|_| {}).unwrap();
    let carbon_free = posed(|manifest| manifest.objectives.count_carbon_free_energy = true).unwrap();
    assert_eq!(figures(&carbon_free), figures(&plain.clone().counting_carbon_free()));
    assert!(figures(&carbon_free)[1][0] < figures(&plain)[1][0]);

    let expecting = posed(|manifest| manifest.runs.expected_per_month = Some(20)).unwrap();
    let asked = plain.clone().expecting(20.0).unwrap();
    assert_eq!(figures(&expecting), figures(&asked));
    assert!(figures(&expecting)[0][2] > figures(&plain)[0][2], "of 20 runs a month nearly all are cold");

    let free_tier = posed(|manifest| {
        manifest.runs.expected_per_month = Some(400_000);
        manifest.objectives.count_free_tier = true;
    });
    let asked = plain.expecting(400_000.0).unwrap();
    let counted = asked.clone().counting_free_tier(&FreeTier::AWS).unwrap();
    assert_eq!(figures(&free_tier.unwrap()), figures(&counted));
    assert!(figures(&counted)[0][1] < figures(&asked)[0][1]);
}

#[test]
fn a_free_tier_of_unknown_use_is_refused_with_what_is_missing() {
    let error = posed(|manifest| manifest.objectives.count_free_tier = true).unwrap_err().to_string();
    assert!(error.contains("set expected_per_month in [runs]"), "{error}");
    let mut manifest = manifest();
    manifest.runs.expected_per_month = Some(1000);
    manifest.objectives.count_free_tier = true;
    let regions = regions();
    let without = Problem::without_runs(&chain(1), &regions, &latencies(&regions, 0.05), &manifest, 6);
    let error = without.unwrap_err().to_string();
    assert!(error.contains("has no runs"), "{error}");
}

#[test]
fn rules_that_leave_no_region_name_the_home_region_or_the_function() {
    let all = || "aws:*".parse().unwrap();
    let error = posed(|manifest| manifest.regions.deny = vec![all()]).unwrap_err().to_string();
    assert!(error.contains("home region aws:us-east-1 is denied by [regions]"), "{error}");
    let error = posed(|manifest| manifest.functions.entry("s0".into()).or_default().deny = vec![all()]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`s0`") && error.contains("may not run in the home region"), "{error}");
    let error = posed(|manifest| {
        manifest.functions.entry("s0".into()).or_default().pin = Some(Region::aws("ca-central-1"));
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("[functions.s0] pin is aws:ca-central-1"), "{error}");
}

#[test]
fn a_pinned_function_stays_at_home_and_the_others_move() {
    let (graph, regions) = (graph(), regions());
    let mut manifest = manifest();
    manifest.regions.allow = vec!["aws:*".parse().unwrap()];
    manifest.functions.entry("c".into()).or_default().pin = Some(HOME);
    let latencies = latencies(&regions, 0.01);
    let problem = Problem::new(&graph, &workload(&graph, 20), &regions, &latencies, &manifest, 3).unwrap();
    assert_eq!(problem.placements(), 27);
    for hour in solve(&problem, &Settings::default()).unwrap().hours {
        assert_eq!(hour.placement.region_of(2), Some(&HOME));
        assert_eq!(hour.placement.region_of(0), Some(&CLEAN));
    }
}

#[test]
fn a_limit_that_home_breaks_is_refused_with_both_figures() {
    let limit = |statistic, strictness| Constraint {
        metric: Metric::Runtime,
        statistic,
        limit: Limit::Absolute(0.5),
        strictness,
    };
    let solved = |constraint| {
        let problem = posed(|manifest| manifest.constraints.push(constraint)).unwrap();
        solve(&problem, &Settings::default())
    };
    let error = solved(limit(Statistic::Percentile(60), Strictness::Hard)).unwrap_err();
    assert!(matches!(error, SolveError::HomeBreaksLimit { statistic: Statistic::Percentile(60), .. }));
    let text = error.to_string();
    for part in ["p60 runtime at hour 0 is 5.0", "the limit 0.5", "make it soft"] {
        assert!(text.contains(part), "`{text}` does not say `{part}`");
    }
    solved(limit(Statistic::Percentile(60), Strictness::Soft)).unwrap();
}

#[test]
fn a_percentile_out_of_its_range_is_refused_before_anything_is_scored() {
    let error = posed(|manifest| {
        manifest.constraints.push(Constraint {
            metric: Metric::Runtime,
            statistic: Statistic::Percentile(200),
            limit: Limit::RelativeToHome(1.1),
            strictness: Strictness::Hard,
        });
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("constraints.statistic is 200") && error.contains("`p1` to `p99`"), "{error}");
}
