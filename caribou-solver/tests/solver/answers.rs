//! What is told beside a plan: fronts, reasons, smooth days, and the baseline's.

use crate::fixture::{CLEAN, HOME, OTHER, chain, graph, latencies, manifest, region, regions, run, workload};
use caribou_model::manifest::RegionRules;
use caribou_model::{
    Constraint, Hour, Limit, Manifest, Metric, Placement, Region, RegionFacts, Statistic, Strictness,
};
use caribou_solver::explain::{Held, StageReason};
use caribou_solver::generate::{Case, Shape};
use caribou_solver::{
    Method, Problem, Samples, Scorer, Settings, Solution, StaysHome, enough_samples, explain, pareto, solve,
};
use proptest::prelude::*;

fn noon() -> Hour {
    Hour::new(12).unwrap()
}

/// Means of every placement of a problem in which every stage may run everywhere.
fn all_values(problem: &Problem, samples: &Samples, hour: Hour) -> Vec<[f64; 3]> {
    let scorer = Scorer::new(problem, samples);
    let mut scratch = scorer.scratch();
    let regions = problem.candidates().count();
    let stages = problem.graph().stages().count();
    (0..regions.pow(stages as u32))
        .map(|code| {
            let region = |stage: usize| (code / regions.pow(stage as u32) % regions) as u8;
            let placement: Vec<u8> = (0..stages).map(region).collect();
            let mut evaluation = scorer.evaluate(&placement, &mut scratch);
            Metric::ALL.map(|metric| evaluation.value(metric, Statistic::Average, hour.index()))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_placement_is_better_than_a_point_of_the_front_and_the_best_of_each_metric_is_there(
        stages in 2..5_usize, count in 2..4_usize, seed in any::<u64>(), tolerance in 0.0..0.3_f64,
        factor in 1.0..1.5_f64,
    ) {
        let shape = Shape { stages, regions: count, runs: 20, conditional: 0.2, pinned: 0 };
        let mut case = Case::new(shape, seed);
        case.manifest.constraints = vec![Constraint {
            metric: Metric::Runtime,
            statistic: Statistic::Average,
            limit: Limit::RelativeToHome(factor),
            strictness: Strictness::Hard,
        }];
        case.manifest.objectives.tolerance = tolerance;
        let problem = case.problem().unwrap();
        let samples = Samples::draw(&problem, 20, 0);
        let settings = Settings { algorithm: Method::Heuristic, ..Settings::default() };
        let front = pareto(&problem, &samples, &settings, noon(), 3).unwrap();
        prop_assert!(front.proven && !front.points.is_empty());
        let all = all_values(&problem, &samples, noon());
        prop_assert_eq!(all.len() as u64, problem.placements());
        let limit = all[0][2] * factor * (1.0 + 1e-9);
        let all: Vec<[f64; 3]> = all.into_iter().filter(|values| values[2] <= limit).collect();
        let points: Vec<[f64; 3]> = front.points.iter().map(|p| [p.carbon_g, p.cost_usd, p.runtime_s]).collect();
        for point in &points {
            prop_assert!(point[2] <= limit);
            for other in &all {
                let not_worse = point.iter().zip(other).all(|(p, o)| *o <= p * (1.0 + 1e-7));
                let better = point.iter().zip(other).any(|(p, o)| *o < p * (1.0 - 1e-5));
                prop_assert!(!(not_worse && better), "{point:?} is dominated by {other:?}");
            }
        }
        for metric in 0..3 {
            let least = |values: &[[f64; 3]]| values.iter().map(|v| v[metric]).fold(f64::INFINITY, f64::min);
            prop_assert!(least(&points) <= least(&all) * (1.0 + 1e-6));
        }
    }

    #[test]
    fn the_heuristic_lies_between_home_and_the_best_and_its_seed_determines_it(seed in any::<u64>()) {
        let shape = Shape { stages: 5, regions: 3, runs: 20, conditional: 0.2, pinned: 1 };
        let problem = Case::new(shape, seed).problem().unwrap();
        let solved = |algorithm, seed| {
            let settings = Settings { algorithm, seed, gap: 0.0, hours: vec![noon()], ..Settings::default() };
            solve(&problem, &settings).unwrap()
        };
        let value = |solution: &Solution| {
            let hour = &solution.hours[12];
            let carbon = |figures: &caribou_solver::Figures| figures.carbon(solution.transmission).mean.value;
            (carbon(&hour.expected), carbon(&hour.at_home))
        };
        let [exact, heuristic] = [Method::Exact, Method::Heuristic].map(|method| value(&solved(method, 1)));
        let rounding = 1.0 + 1e-6;
        prop_assert!(exact.0 <= heuristic.0 * rounding && heuristic.0 <= heuristic.1 * rounding);
        let threads = |threads| {
            let settings = Settings { algorithm: Method::Heuristic, threads: Some(threads), ..Settings::default() };
            solve(&problem, &settings).unwrap()
        };
        prop_assert_eq!(solved(Method::Heuristic, 7), solved(Method::Heuristic, 7));
        prop_assert_eq!(threads(1), threads(3));
    }
}

/// Home is cleaner than the other region in the hours that are named.
fn home_clean_at(hours: std::ops::Range<usize>) -> Vec<RegionFacts> {
    let mut regions = vec![region(HOME, 400.0), region(CLEAN, 300.0)];
    for month in &mut regions[0].carbon.months {
        month[hours.clone()].fill(200.0);
    }
    regions
}

fn smooth_day(smoothness: f64) -> Solution {
    let regions = home_clean_at(10..12);
    let mut manifest = manifest();
    manifest.objectives.smoothness = smoothness;
    let latencies = latencies(&regions, 0.03);
    let problem = Problem::new(&graph(), &workload(&graph(), 20), &regions, &latencies, &manifest, 3);
    solve(&problem.unwrap(), &Settings::default()).unwrap()
}

#[test]
fn a_smooth_day_changes_less_often_and_says_what_that_costs() {
    let plans = |solution: &Solution| -> usize {
        (0..24).filter(|&h| solution.hours[h].placement != solution.hours[(h + 1) % 24].placement).count()
    };
    let [free, smooth, still] = [0.0, 0.5, 1.0].map(smooth_day);
    assert_eq!(plans(&free), 2);
    assert_eq!(free.hours[10].stays_home, Some(StaysHome::NothingBetter));
    assert_eq!((plans(&smooth), plans(&still)), (0, 0));
    assert!(smooth.hours[10].stays_home.is_none() && smooth.hours[10].gap > 0.3, "{}", smooth.hours[10].gap);
    assert!(smooth.hours[9].gap < 1e-3);
}

#[test]
fn a_stage_that_is_held_from_the_cleanest_region_is_told_by_which_limit() {
    let regions = regions();
    let mut manifest = manifest();
    manifest.constraints.push(Constraint {
        metric: Metric::Runtime,
        statistic: Statistic::Percentile(50),
        limit: Limit::RelativeToHome(1.0 + 1e-6),
        strictness: Strictness::Hard,
    });
    let latencies = latencies(&regions, 0.5);
    let problem =
        Problem::new(&graph(), &workload(&graph(), 20), &regions, &latencies, &manifest, 3).unwrap();
    let settings = Settings::default();
    let solution = solve(&problem, &settings).unwrap();
    let samples = enough_samples(&problem, &settings);
    let explanation = explain(&problem, &samples, &solution.hours[12].placement, noon()).unwrap();
    assert_eq!(explanation.stages.len(), 4);
    let held = explanation.stages.iter().filter(|stage| stage.region == HOME);
    let held: Vec<_> = held.filter_map(|stage| stage.cleanest.as_ref()).collect();
    assert!(!held.is_empty());
    for cleanest in &held {
        assert_eq!(cleanest.region, CLEAN);
    }
    let broken = held.iter().find_map(|cleanest| cleanest.breaks).unwrap();
    assert_eq!((broken.metric, broken.statistic), (Metric::Runtime, Statistic::Percentile(50)));
    assert!(broken.value > broken.limit);
}

#[test]
fn a_stage_that_moved_is_told_what_it_gains_and_what_the_next_best_would_cost() {
    let regions = regions();
    let latencies = latencies(&regions, 0.03);
    let problem =
        Problem::new(&graph(), &workload(&graph(), 20), &regions, &latencies, &manifest(), 3).unwrap();
    let settings = Settings::default();
    let solution = solve(&problem, &settings).unwrap();
    let samples = enough_samples(&problem, &settings);
    let placement = &solution.hours[12].placement;
    let explanation = explain(&problem, &samples, placement, noon()).unwrap();
    for stage in &explanation.stages {
        assert_eq!(stage.region, CLEAN);
        assert!(stage.at_home.unwrap().carbon_g > 0.0 && stage.cleanest.is_none());
        let next = stage.next_best.as_ref().unwrap();
        assert!(next.region == OTHER && next.change.carbon_g > 0.0 && next.breaks.is_none());
        assert!(stage.at_home.unwrap().carbon_g > next.change.carbon_g);
    }
}

/// Why the stages of a chain run where a placement has them: 400, 30 and 250 g/kWh, no bytes, a round trip between
/// regions, which a stage that waits for it is billed for.
fn reasons(manifest: &Manifest, placement: &[Region], round_trip: f64) -> (Vec<StageReason>, [f64; 3]) {
    let graph = chain(placement.len() as u16);
    let mut workload = workload(&graph, 1);
    let taken: Vec<usize> = (0..graph.edges.len()).collect();
    workload.runs = vec![run(&graph, 1, 1.0, 0, &taken)];
    let regions = regions();
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, round_trip), manifest, 6).unwrap();
    let samples = Samples::draw(&problem, 1, 0);
    let home = vec![0; placement.len()];
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let mut evaluation = scorer.evaluate(&home, &mut scratch);
    let at_home = Metric::ALL.map(|metric| evaluation.value(metric, Statistic::Average, 12));
    let placement = Placement::new(placement).unwrap();
    (explain(&problem, &samples, &placement, noon()).unwrap().stages, at_home)
}

#[track_caller]
fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-5 * b.abs(), "{a} is not {b}");
}

#[test]
fn a_stage_where_the_first_objective_is_least_is_held_by_nothing() {
    let (stages, [carbon, ..]) = reasons(&manifest(), &[CLEAN], 0.0);
    let change = stages[0].at_home.unwrap();
    close(change.carbon_g, carbon * 370.0 / 400.0);
    assert_eq!(stages[0].held, Held::NoBetter);
    let next = stages[0].next_best.as_ref().unwrap();
    close(next.change.carbon_g, carbon * 220.0 / 400.0);
    assert!(stages[0].to_string().ends_with("; no region is better"), "{}", stages[0]);
}

#[test]
fn a_stage_that_a_limit_holds_is_told_the_limit_and_the_figure_that_breaks_it() {
    let (_, [.., runtime]) = reasons(&manifest(), &[HOME], 0.08);
    let moved = reasons(&manifest(), &[CLEAN], 0.08).0[0].at_home.unwrap();
    close(moved.runtime_s, -0.08);
    let mut manifest = manifest();
    manifest.constraints.push(Constraint {
        metric: Metric::Runtime,
        statistic: Statistic::Average,
        limit: Limit::Absolute(runtime + 0.04),
        strictness: Strictness::Hard,
    });
    let (stages, _) = reasons(&manifest, &[HOME], 0.08);
    let Held::Limit { region, change, limit } = &stages[0].held else { panic!("{}", stages[0]) };
    assert_eq!((region, limit.metric, limit.statistic), (&CLEAN, Metric::Runtime, Statistic::Average));
    close(change.carbon_g, -moved.carbon_g);
    close(change.runtime_s, 0.08);
    close(limit.limit, runtime + 0.04);
    close(limit.value, runtime + 0.08);
    assert!(stages[0].at_home.is_none() && stages[0].next_best.is_none());
    assert!(stages[0].to_string().contains("would break a limit: "), "{}", stages[0]);
    let json = serde_json::to_string(&stages).unwrap();
    assert_eq!(serde_json::from_str::<Vec<StageReason>>(&json).unwrap().len(), 1);
}

#[test]
fn a_stage_that_may_not_use_the_cleanest_region_is_told_so_where_carbon_counts() {
    let mut manifest = manifest();
    let rules = RegionRules { allow: vec![HOME.into()], ..RegionRules::default() };
    manifest.functions.insert("s0".into(), rules);
    let (stages, _) = reasons(&manifest, &[HOME, CLEAN], 0.08);
    assert_eq!(stages[0].held, Held::NotPermitted(CLEAN));
    assert_eq!(stages[1].held, Held::NoBetter);
    assert!(stages[0].to_string().ends_with("but is not permitted"), "{}", stages[0]);
    manifest.objectives.priority = vec![Metric::Runtime];
    assert_eq!(reasons(&manifest, &[HOME, CLEAN], 0.08).0[0].held, Held::NoBetter);
}

#[test]
fn a_stage_that_no_hard_limit_holds_from_a_better_region_is_told_so() {
    let (stages, [carbon, ..]) = reasons(&manifest(), &[HOME], 0.0);
    let Held::Plan { region, change } = &stages[0].held else { panic!("{}", stages[0]) };
    assert_eq!(region, &CLEAN);
    close(change.carbon_g, -carbon * 370.0 / 400.0);
}
