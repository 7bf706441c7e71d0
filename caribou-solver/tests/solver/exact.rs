//! The exact search against the search that tries all.

use crate::fixture::{OTHER, graph, latencies, manifest, region, regions, workload};
use caribou_model::manifest::{Objectives, Weights};
use caribou_model::{Constraint, Limit, Metric, Statistic, Strictness};
use caribou_solver::generate::{Case, Shape};
use caribou_solver::{Method, Problem, Settings, Solution, solve};
use proptest::prelude::*;

fn any_constraint() -> impl Strategy<Value = Constraint> {
    let metric = prop::sample::select(Metric::ALL.to_vec());
    let percentile = (50..=99_u8).prop_map(Statistic::Percentile);
    let statistic = prop_oneof![Just(Statistic::Average), Just(Statistic::P95), percentile];
    (metric, statistic, prop_oneof![1.0..1.01_f64, 1.0..1.05_f64, 0.9..1.3_f64], any::<bool>()).prop_map(
        |(metric, statistic, factor, soft)| {
            let hard = if factor < 1.0 { Strictness::Soft } else { Strictness::Hard };
            Constraint {
                metric,
                statistic,
                limit: Limit::RelativeToHome(factor),
                strictness: if soft { Strictness::Soft } else { hard },
            }
        },
    )
}

/// By priority with some tolerance or none, or by weights, of which some are nothing.
fn any_objectives() -> impl Strategy<Value = Objectives> {
    let tolerance = prop_oneof![Just(0.0), 0.0..0.2_f64];
    let by_priority = (Just(Metric::ALL.to_vec()).prop_shuffle(), tolerance)
        .prop_map(|(priority, tolerance)| Objectives { priority, tolerance, ..Objectives::default() });
    let weight = || prop_oneof![Just(0.0), 0.1..2.0_f64];
    let by_weights = (weight(), weight(), weight(), 0..3_usize).prop_map(|(carbon, cost, runtime, sure)| {
        let mut each = [carbon, cost, runtime];
        each[sure] += 0.5;
        let [carbon, cost, runtime] = each;
        Objectives { weights: Some(Weights { carbon, cost, runtime }), ..Objectives::default() }
    });
    prop_oneof![2 => by_priority, 1 => by_weights]
}

pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    let shape = (3..6_usize, 2..5_usize, 5..60_usize, 0.0..0.5_f64, 0..2_usize);
    let constraints = prop::collection::vec(any_constraint(), 0..3);
    (shape, any::<u64>(), constraints, any_objectives()).prop_map(|(shape, seed, constraints, objectives)| {
        let (stages, regions, runs, conditional, pinned) = shape;
        let mut case = Case::new(Shape { stages, regions, runs, conditional, pinned }, seed);
        case.manifest.constraints = constraints;
        case.manifest.objectives = objectives;
        case
    })
}

/// Broken soft limits, and what is minimised, in order: by weights, the sum and the metrics that are not in it.
fn values(solution: &Solution, hour: usize) -> (u32, Vec<f64>) {
    let hour = &solution.hours[hour];
    let of = |metric: Metric| {
        [&hour.expected, &hour.at_home]
            .map(|figures| figures.metric(metric, solution.transmission).mean.value)
    };
    let each = solution.priority.iter();
    let values = match solution.weights {
        None => each.map(|&metric| of(metric)[0]).collect(),
        Some(weights) => {
            let share = |metric: Metric| weights.of(metric) * of(metric)[0] / of(metric)[1];
            let others = each.filter(|&&metric| weights.of(metric) == 0.0).map(|&metric| of(metric)[0]);
            std::iter::once(Metric::ALL.map(share).iter().sum()).chain(others).collect()
        }
    };
    (hour.broken_soft_limits, values)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn exact_finds_what_trying_all_finds_and_says_that_it_is_best(case in any_case()) {
        let problem = case.problem().unwrap();
        let hours: Vec<_> = caribou_model::Hour::all().step_by(6).collect();
        let solved = |algorithm| {
            solve(&problem, &Settings { algorithm, gap: 0.0, hours: hours.clone(), ..Settings::default() }).unwrap()
        };
        let [exact, exhaustive] = [Method::Exact, Method::Exhaustive].map(solved);
        for hour in hours {
            let [(broken, found), (fewest, best)] =
                [&exact, &exhaustive].map(|solution| values(solution, hour.index()));
            prop_assert_eq!(broken, fewest);
            // where placements are equal in the last objective, the earlier ones may lie anywhere within the tolerance
            let (last, tolerance) = (best.len() - 1, case.manifest.objectives.tolerance);
            for (position, (found, best)) in found.iter().zip(&best).enumerate() {
                let room = if position == last { 1e-6 } else { tolerance + 1e-6 };
                let differ = (found - best).abs();
                prop_assert!(differ <= room * found.min(*best), "{hour}, {position}: {found:?} and {best:?}");
            }
            prop_assert!(exact.hours[hour.index()].gap <= 1e-9);
        }
    }

    #[test]
    fn a_tolerance_gives_the_next_metric_room_and_without_it_the_first_is_the_least(
        case in any_case(), tolerance in 0.001..0.2_f64,
    ) {
        let hour = caribou_model::Hour::new(12).unwrap();
        let with = |tolerance| {
            let mut case = case.clone();
            case.manifest.objectives.weights = None;
            case.manifest.objectives.tolerance = tolerance;
            let settings = Settings { gap: 0.0, hours: vec![hour], ..Settings::default() };
            let solution = solve(&case.problem().unwrap(), &settings).unwrap();
            values(&solution, hour.index())
        };
        let [(fewest, strict), (broken, loose)] = [0.0, tolerance].map(with);
        prop_assert_eq!(broken, fewest);
        let rounding = 1.0 + 1e-6;
        prop_assert!(strict[0] <= loose[0] * rounding && loose[0] <= strict[0] * (1.0 + tolerance) * rounding);
        prop_assert!(loose[1] <= strict[1] * (1.0 + tolerance) * rounding, "{loose:?} and {strict:?}");
    }
}

#[test]
fn metrics_without_a_weight_decide_between_placements_of_the_same_sum() {
    let mut regions = regions();
    // the same grid as the clean one, and cheaper
    regions[2] = region(OTHER, 30.0);
    regions[2].prices.x86_usd_per_gb_s *= 0.5;
    let mut manifest = manifest();
    manifest.objectives.weights = Some(Weights { carbon: 1.0, ..Weights::default() });
    let latencies = latencies(&regions, 0.03);
    let problem =
        Problem::new(&graph(), &workload(&graph(), 20), &regions, &latencies, &manifest, 3).unwrap();
    for algorithm in [Method::Exact, Method::Exhaustive] {
        let hour = &solve(&problem, &Settings { algorithm, ..Settings::default() }).unwrap().hours[0];
        for stage in 0..4 {
            assert_eq!(hour.placement.region_of(stage), Some(&OTHER), "{algorithm}");
        }
    }
}
