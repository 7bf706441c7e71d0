//! What must hold of every solution, whatever the input.

use crate::fixture::{CLEAN, HOME, OTHER, graph, latencies, manifest, region, workload};
use caribou_model::{Hour, Metric, Region, RegionFacts, Workload};
use caribou_solver::{Method, Problem, Samples, Scorer, Settings, Solution, price_run, solve};
use proptest::prelude::*;

/// Regions with random grids, efficiency, prices and speed.
fn any_regions() -> impl Strategy<Value = Vec<RegionFacts>> {
    let one = |code: Region| {
        let day = prop::collection::vec(5.0..900.0_f64, 24);
        (day, 1.0..1.6_f64, 0.8..1.3_f64, 0.0..0.1_f64).prop_map(move |(day, pue, speed, egress)| {
            let mut facts = region(code.clone(), 1.0);
            facts.carbon.months = vec![day; 12];
            (facts.pue, facts.relative_speed) = (pue, speed);
            facts.prices.usd_per_gb_between_regions = egress;
            facts
        })
    };
    (one(HOME), one(CLEAN), one(OTHER)).prop_map(|(home, clean, other)| vec![home, clean, other])
}

/// Runs of the fixture's graph with random times and sizes.
fn any_workload() -> impl Strategy<Value = Workload> {
    let scales = prop::collection::vec((0.1..10.0_f64, 0..50_u64), 1..20);
    scales.prop_map(|scales| {
        let mut workload = workload(&graph(), scales.len());
        for (run, (time, size)) in workload.runs.iter_mut().zip(scales) {
            for stage in run.stages.iter_mut().flatten() {
                stage.duration_s *= time;
                stage.billed_s *= time;
                stage.cpu_s = stage.cpu_s.map(|cpu| cpu * time);
            }
            run.runtime_s *= time;
            run.edges.iter_mut().flatten().for_each(|edge| edge.bytes *= size);
        }
        workload
    })
}

fn any_priority() -> impl Strategy<Value = Vec<Metric>> {
    Just(Metric::ALL.to_vec()).prop_shuffle()
}

fn problem(workload: &Workload, regions: &[RegionFacts], priority: &[Metric]) -> Problem {
    let mut manifest = manifest();
    manifest.objectives.priority = priority.to_vec();
    Problem::new(&graph(), workload, regions, &latencies(regions, 0.03), &manifest, 3).unwrap()
}

fn solved(problem: &Problem, algorithm: Method) -> Solution {
    solve(problem, &Settings { algorithm, ..Settings::default() }).unwrap()
}

fn first(solution: &Solution, hour: usize) -> [f64; 2] {
    let hour = &solution.hours[hour];
    [&hour.expected, &hour.at_home]
        .map(|figures| figures.metric(solution.priority[0], solution.transmission).mean.value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn exhaustive_is_never_worse_than_coarse_nor_coarse_than_home(
        regions in any_regions(), workload in any_workload(), priority in any_priority(),
    ) {
        let problem = problem(&workload, &regions, &priority);
        let [coarse, exhaustive] = [Method::Coarse, Method::Exhaustive].map(|method| solved(&problem, method));
        for hour in 0..24 {
            let [[coarse_value, home], [best, _]] = [&coarse, &exhaustive].map(|solution| first(solution, hour));
            let rounding = 1e-9 * home;
            prop_assert!(coarse_value <= home + rounding);
            prop_assert!(best <= coarse_value + rounding);
            prop_assert!(exhaustive.hours[hour].gap <= 0.0);
            let bound = coarse_value * (1.0 - coarse.hours[hour].gap);
            prop_assert!(best >= bound - rounding, "{best} is below the bound {bound}");
        }
    }

    #[test]
    fn a_dirtier_grid_never_lowers_the_carbon_of_execution(
        workload in any_workload(), clean in 1.0..500.0_f64, more in 0.0..500.0_f64,
    ) {
        let at = |intensity| {
            let regions = [region(HOME, intensity)];
            let hour = Hour::new(0).unwrap();
            let price = |run| price_run(&graph(), run, &regions, &HOME, 1, hour).unwrap().execution.0;
            workload.runs.iter().map(price).sum::<f64>()
        };
        prop_assert!(at(clean + more) >= at(clean));
    }

    #[test]
    fn moving_everything_to_a_dirtier_grid_never_lowers_carbon(
        workload in any_workload(), clean in 1.0..500.0_f64, more in 0.0..500.0_f64,
    ) {
        let mut workload = workload;
        workload.runs.iter_mut().flat_map(|run| &mut run.edges).flatten().for_each(|edge| edge.bytes = 0);
        let regions = [region(HOME, clean), region(CLEAN, clean + more)];
        let problem = problem(&workload, &regions, &Metric::ALL);
        let samples = Samples::draw(&problem, 100, 0);
        let scorer = Scorer::new(&problem, &samples);
        let mut scratch = scorer.scratch();
        let [home, away] = [0, 1].map(|index| scorer.means(&[index; 4], &mut scratch).carbon[0]);
        prop_assert!(away >= home * (1.0 - 1e-12));
    }

    #[test]
    fn the_order_of_the_runs_does_not_matter(
        regions in any_regions(), workload in any_workload(), seed in any::<u64>(),
    ) {
        let mut reversed = workload.clone();
        reversed.runs.reverse();
        let settings = Settings { seed, ..Settings::default() };
        let solve_for = |workload| solve(&problem(workload, &regions, &Metric::ALL), &settings).unwrap();
        let [a, b] = [solve_for(&workload), solve_for(&reversed)];
        for hour in 0..24 {
            for (a, b) in first(&a, hour).iter().zip(first(&b, hour)) {
                prop_assert!((a - b).abs() <= 1e-9 * a);
            }
        }
    }

    #[test]
    fn pricing_24_hours_at_once_equals_scoring_hour_by_hour(
        regions in any_regions(), workload in any_workload(), placement in prop::collection::vec(0..3_u8, 4),
    ) {
        let whole = problem(&workload, &regions, &Metric::ALL);
        let samples = Samples::draw(&whole, 100, 0);
        let scorer = Scorer::new(&whole, &samples);
        let together = scorer.means(&placement, &mut scorer.scratch()).carbon;
        let all: Vec<usize> = (0..24).collect();
        let figures = scorer.figures(&placement, &all, &mut scorer.scratch());
        for hour in Hour::all() {
            let mut then = regions.clone();
            for facts in &mut then {
                let now = facts.carbon.at(3, hour).unwrap();
                facts.carbon = caribou_model::CarbonProfile::constant(now);
            }
            let alone = problem(&workload, &then, &Metric::ALL);
            let scorer = Scorer::new(&alone, &samples);
            let carbon = scorer.means(&placement, &mut scorer.scratch()).carbon[0];
            prop_assert!((carbon - together[hour.index()]).abs() <= 1e-9 * carbon);
            let from_samples = figures[hour.index()].carbon_best.mean.value;
            prop_assert!((carbon - from_samples).abs() <= 1e-9 * carbon, "{carbon} and {from_samples}");
        }
    }
}

#[test]
fn a_seed_determines_the_solution_whatever_the_threads() {
    let problem = problem(&workload(&graph(), 700), &crate::fixture::regions(), &Metric::ALL);
    let settings = |seed, threads| Settings {
        seed,
        threads: Some(threads),
        samples: 300,
        precision: 0.0,
        ..Settings::default()
    };
    let one = solve(&problem, &settings(7, 1)).unwrap();
    assert_eq!(one, solve(&problem, &settings(7, 2)).unwrap());
    assert_eq!(one.samples, 300);
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<Solution>(&text).unwrap().hours.len(), 24);
}

#[test]
fn every_run_is_drawn_when_there_are_no_more_than_samples() {
    let problem = problem(&workload(&graph(), 60), &crate::fixture::regions(), &Metric::ALL);
    assert_eq!(Samples::draw(&problem, 60, 1).len(), 60);
    assert_eq!(Samples::draw(&problem, 1000, 1).len(), 60);
}

#[test]
fn the_plan_of_a_solution_fits_the_graph() {
    use caribou_model::{Epoch, Timestamp};
    let problem = problem(&workload(&graph(), 20), &crate::fixture::regions(), &Metric::ALL);
    let solution = solved(&problem, Method::Exhaustive);
    assert_eq!(solution.placements, 3 * 81, "one search for each metric");
    let plan = solution.plan(Epoch(1), Timestamp::from_millis(1));
    plan.validate(&graph()).unwrap();
    assert!(plan.regions().contains(&CLEAN));
}

#[test]
fn a_tolerance_trades_carbon_for_cost_and_no_more_than_it_says() {
    let mut regions = crate::fixture::regions();
    regions[2] = region(OTHER, 30.2);
    regions[1].prices.x86_usd_per_gb_s *= 2.0;
    let solved = |tolerance| {
        let mut manifest = manifest();
        manifest.objectives.tolerance = tolerance;
        let latencies = latencies(&regions, 0.03);
        let problem = Problem::new(&graph(), &workload(&graph(), 20), &regions, &latencies, &manifest, 3);
        solve(&problem.unwrap(), &Settings::default()).unwrap().hours[0].expected
    };
    let [strict, loose] = [0.0, 0.02].map(solved);
    assert!(loose.cost.mean.value < 0.9 * strict.cost.mean.value);
    let [least, more] = [strict, loose].map(|figures| figures.carbon_best.mean.value);
    assert!(least < more && more <= least * 1.02 * (1.0 + 1e-9), "{least} and {more}");
}

#[test]
fn the_weighted_sum_of_the_metrics_relative_to_home_is_the_least_that_any_placement_has() {
    use caribou_model::manifest::Weights;
    let mut regions = crate::fixture::regions();
    regions[1].prices.x86_usd_per_gb_s *= 3.0;
    let mut manifest = manifest();
    manifest.objectives.weights = Some(Weights { carbon: 1.0, cost: 0.4, runtime: 0.2 });
    let latencies = latencies(&regions, 0.03);
    let problem =
        Problem::new(&graph(), &workload(&graph(), 20), &regions, &latencies, &manifest, 3).unwrap();
    let samples = Samples::draw(&problem, 20, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let mut value = |placement: &[u8]| {
        let mut evaluation = scorer.evaluate(placement, &mut scratch);
        Metric::ALL.map(|metric| evaluation.value(metric, caribou_model::Statistic::Average, 0))
    };
    let home = value(&[0; 4]);
    let mut sum = |placement: &[u8]| {
        let value = value(placement);
        value[0] / home[0] + 0.4 * value[1] / home[1] + 0.2 * value[2] / home[2]
    };
    let all = (0..81_u8).map(|n| [n % 3, n / 3 % 3, n / 9 % 3, n / 27]);
    let least = all.map(|placement| sum(&placement)).fold(f64::INFINITY, f64::min);
    let solution = solve(&problem, &Settings::default()).unwrap();
    let placed = &solution.hours[0].placement;
    let found: Vec<u8> =
        (0..4).map(|stage| problem.region_index(placed.region_of(stage).unwrap()).unwrap() as u8).collect();
    assert!(found.iter().any(|&region| region > 0) && sum(&found) <= least * (1.0 + 1e-3));
}
