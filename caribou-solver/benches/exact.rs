//! How long the proof takes: `cargo bench -p caribou-solver --bench exact`.
#![expect(clippy::unwrap_used, reason = "the input is sound, and a benchmark may stop")]

use std::time::{Duration, Instant};

use caribou_model::{Constraint, Limit, Metric, Statistic, Strictness};
use caribou_solver::algorithm::{Algorithm, Budget, Exact, Search, Target, home};
use caribou_solver::generate::{Case, Shape};
use caribou_solver::limit::Limits;
use caribou_solver::{Objective, Problem, Samples, Scorer};

fn first_phase(problem: &Problem, seconds: u64, gap: f64) -> (Search, Vec<f64>, f64, f64) {
    let samples = Samples::draw(problem, 2000, 0);
    let scorer = Scorer::new(problem, &samples);
    let mut scratch = scorer.scratch();
    let limits = Limits::new(&scorer, &mut scratch).unwrap();
    let hours: Vec<usize> = (0..24).collect();
    let start = vec![home(&scorer); 24];
    let objective = Objective::of(Metric::Carbon);
    let target =
        Target { scorer: &scorer, limits: &limits, objective: &objective, hours: &hours, start: &start };
    let began = Instant::now();
    let budget = Budget { gap, deadline: Some(began + Duration::from_secs(seconds)) };
    let search = Exact.search(&target, &budget).unwrap();
    let took = began.elapsed().as_secs_f64();
    let p95 = |placement: &[u8], scratch: &mut _| {
        scorer.evaluate(placement, scratch).value(Metric::Runtime, Statistic::P95, 0)
    };
    let p95s = search.best.iter().map(|best| p95(&best.placement, &mut scratch)).collect();
    let at_home = p95(&start[0], &mut scratch);
    (search, p95s, at_home, took)
}

fn main() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let first = number("FIRST", 0);
    for seed in first..first + number("SEEDS", 10) {
        let shape = Shape {
            stages: number("STAGES", 30) as usize,
            regions: number("REGIONS", 20) as usize,
            ..Shape::default()
        };
        let mut case = Case::new(shape, seed);
        let problem = case.problem().unwrap();
        let (_, p95s, at_home, took_free) = first_phase(&problem, 60, 0.0);
        let slowest = p95s.iter().copied().fold(0.0, f64::max);
        let limit = at_home + 0.5 * (slowest - at_home);
        if limit <= at_home {
            println!("seed {seed}: not binding");
            continue;
        }
        case.manifest.constraints.push(Constraint {
            metric: Metric::Runtime,
            statistic: Statistic::P95,
            limit: Limit::Absolute(limit),
            strictness: Strictness::Hard,
        });
        let problem = case.problem().unwrap();
        let (search, _, _, took) = first_phase(&problem, number("SECONDS", 10), 0.001);
        let gaps: Vec<f64> = search
            .best
            .iter()
            .zip(&search.bounds)
            .map(|(best, bound)| 100.0 * (best.rank.value - bound) / best.rank.value)
            .collect();
        let worst = gaps.iter().copied().fold(0.0, f64::max);
        let open = gaps.iter().filter(|gap| **gap > 0.1).count();
        println!(
            "seed {seed}: p95 home {at_home:.2} free {slowest:.2}; free {took_free:.2} s; limited {took:.2} s, worst gap {worst:.3} %, {open} hours open, {} scored",
            search.scored
        );
    }
}
