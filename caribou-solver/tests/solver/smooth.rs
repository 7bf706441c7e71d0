//! Days with fewer changes, against every day that could be put together.

use caribou_model::{Hour, Metric};
use caribou_solver::algorithm::home;
use caribou_solver::generate::Case;
use caribou_solver::limit::Limits;
use caribou_solver::{Method, Objective, Problem, Scorer, Settings, Solution, enough_samples, solve};
use proptest::prelude::*;

use crate::exact::any_case;

/// The hours that are asked for: in all others every stage is at home.
const ASKED: [usize; 5] = [0, 1, 2, 12, 23];

fn settings() -> Settings {
    let hours = ASKED.map(|hour| Hour::new(hour as u8).unwrap()).to_vec();
    Settings { algorithm: Method::Exhaustive, hours, ..Settings::default() }
}

fn placed(problem: &Problem, solution: &Solution, hour: usize) -> Vec<u8> {
    let placement = &solution.hours[hour].placement;
    let stages = problem.graph().stages().count();
    (0..stages)
        .map(|stage| problem.region_index(placement.region_of(stage).unwrap()).unwrap() as u8)
        .collect()
}

/// The same case by one metric first, without weights.
fn smoothed(case: &Case, smoothness: f64, tolerance: f64) -> (Problem, Solution) {
    let mut case = case.clone();
    let objectives = &mut case.manifest.objectives;
    (objectives.weights, objectives.tolerance, objectives.smoothness) = (None, tolerance, smoothness);
    let problem = case.problem().unwrap();
    let solution = solve(&problem, &settings()).unwrap();
    (problem, solution)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_day_of_the_same_placements_has_a_lesser_sum(case in any_case(), smoothness in 0.0001..0.3_f64) {
        let (problem, free) = smoothed(&case, 0.0, 0.0);
        let (_, smooth) = smoothed(&case, smoothness, 0.0);
        let samples = enough_samples(&problem, &settings());
        let scorer = Scorer::new(&problem, &samples);
        let mut scratch = scorer.scratch();
        let limits = Limits::new(&scorer, &mut scratch).unwrap();
        let objective = Objective::of(problem.priority()[0]);
        let home = home(&scorer);
        let mut candidates = vec![home.clone()];
        candidates.extend(ASKED.map(|hour| placed(&problem, &free, hour)));
        candidates.sort();
        candidates.dedup();
        let mut at_home = scorer.evaluate(&home, &mut scratch);
        let mean = (0..24).map(|hour| objective.value(&mut at_home, hour)).sum::<f64>() / 24.0;
        let mut value = |placement: &[u8], hour: usize| {
            let mut evaluation = scorer.evaluate(placement, &mut scratch);
            let fewest = free.hours[hour].broken_soft_limits;
            let permitted = limits.permit(&mut evaluation, hour) && limits.broken_soft(&mut evaluation, hour) <= fewest;
            if permitted { objective.value(&mut evaluation, hour) } else { f64::INFINITY }
        };
        let mut sum = |day: &dyn Fn(usize) -> Vec<u8>| -> f64 {
            let moved = |hour: usize| {
                let (now, then) = (day(hour), day((hour + 1) % 24));
                now.iter().zip(&then).filter(|(now, then)| now != then).count() as f64 / now.len() as f64
            };
            let values: f64 = ASKED.iter().map(|&hour| value(&day(hour), hour)).sum();
            values + smoothness * mean * (0..24).map(moved).sum::<f64>()
        };
        let found = sum(&|hour| placed(&problem, &smooth, hour));
        let count = candidates.len();
        let days = (0..count.pow(ASKED.len() as u32)).map(|code| {
            sum(&|hour| match ASKED.iter().position(|&asked| asked == hour) {
                Some(position) => candidates[code / count.pow(position as u32) % count].clone(),
                None => home.clone(),
            })
        });
        let least = days.fold(f64::INFINITY, f64::min);
        prop_assert!((found - least).abs() <= 1e-6 * least, "{found} and {least}");
        for hour in ASKED {
            prop_assert!(smooth.hours[hour].broken_soft_limits <= free.hours[hour].broken_soft_limits);
        }
    }

    #[test]
    fn a_smoothness_that_saves_no_move_takes_back_nothing_of_what_a_tolerance_gave(
        case in any_case(), tolerance in 0.01..0.2_f64,
    ) {
        let [(_, free), (_, smooth)] = [0.0, 1e-30].map(|smoothness| smoothed(&case, smoothness, tolerance));
        for hour in ASKED {
            let carbon = |solution: &Solution| {
                let figures = &solution.hours[hour].expected;
                Metric::ALL.map(|metric| figures.metric(metric, solution.transmission).mean.value)
            };
            let first = free.priority[0];
            let index = Metric::ALL.iter().position(|&metric| metric == first).unwrap();
            let [before, after] = [&free, &smooth].map(carbon);
            prop_assert!(after[index] >= before[index] * (1.0 - 1e-6), "{before:?} became {after:?}");
        }
    }
}
