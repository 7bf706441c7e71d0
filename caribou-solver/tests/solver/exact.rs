//! The exact search against the search that tries all.

use caribou_model::{Constraint, Limit, Metric, Statistic, Strictness};
use caribou_solver::generate::{Case, Shape};
use caribou_solver::{Method, Settings, Solution, solve};
use proptest::prelude::*;

fn any_constraint() -> impl Strategy<Value = Constraint> {
    let metric = prop::sample::select(Metric::ALL.to_vec());
    let statistic = prop::sample::select(vec![Statistic::Average, Statistic::P95]);
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

fn any_case() -> impl Strategy<Value = Case> {
    let shape = (3..6_usize, 2..5_usize, 5..60_usize, 0.0..0.5_f64, 0..2_usize);
    let constraints = prop::collection::vec(any_constraint(), 0..3);
    let priority = Just(Metric::ALL.to_vec()).prop_shuffle();
    (shape, any::<u64>(), constraints, priority).prop_map(|(shape, seed, constraints, priority)| {
        let (stages, regions, runs, conditional, pinned) = shape;
        let mut case = Case::new(Shape { stages, regions, runs, conditional, pinned }, seed);
        case.manifest.constraints = constraints;
        case.manifest.objectives.priority = priority;
        case
    })
}

fn values(solution: &Solution, hour: usize) -> (u32, [f64; 3]) {
    let hour = &solution.hours[hour];
    let value = |metric: &Metric| hour.expected.metric(*metric, solution.transmission).mean.value;
    let [a, b, c] = [0, 1, 2].map(|index| value(&solution.priority[index]));
    (hour.broken_soft_limits, [a, b, c])
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
            for (found, best) in found.iter().zip(&best) {
                prop_assert!((found - best).abs() <= 1e-6 * best, "{hour}: {found:?} and {best:?}");
            }
            prop_assert!(exact.hours[hour.index()].gap <= 1e-9);
        }
    }
}
