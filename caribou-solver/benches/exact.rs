//! How long the exact search takes to prove its answer: `cargo bench -p caribou-solver --bench exact`.
//!
//! Generated cases with a limit on the 95th percentile of the runtime, halfway between home's and that of the placements
//! with the least carbon, which are solved for 24 hours at a time. `SEEDS=50` changes how many cases there are, `FIRST=0` the
//! first seed, `STAGES=30`, `REGIONS=20` and `RUNS=2000` their size, `SPEED=1` whether processors differ in speed between
//! regions, `SECONDS=10` the time limit, `GAP=0.001` the share that need not be proven. `GROWTH=1` shows how the time grows
//! with the size instead.

#![expect(clippy::unwrap_used, reason = "the input is sound, and a benchmark may stop")]

use std::time::{Duration, Instant};

use caribou_model::{Constraint, Limit, Metric, Statistic, Strictness};
use caribou_solver::algorithm::{Algorithm, Budget, Exact, Search, Target, home};
use caribou_solver::generate::{Case, Shape};
use caribou_solver::limit::Limits;
use caribou_solver::{Objective, Problem, Samples, Scorer};

fn main() {
    if number("GROWTH", 0.0) > 0.0 {
        growth();
    } else {
        seeds();
    }
}

/// Solves many cases of one size.
fn seeds() {
    let shape = Shape {
        stages: number("STAGES", 30.0) as usize,
        regions: number("REGIONS", 20.0) as usize,
        runs: number("RUNS", 2000.0) as usize,
        ..Shape::default()
    };
    let first = number("FIRST", 0.0) as u64;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for seed in first..first + number("SEEDS", 50.0) as u64 {
        let Some(outcome) = solve(shape, seed) else {
            println!("seed {seed:3}: the least carbon is as fast as home, nothing to limit");
            continue;
        };
        println!("seed {seed:3}: {outcome}");
        outcomes.push(outcome);
    }
    let count = outcomes.len();
    let proven = outcomes.iter().filter(|outcome| outcome.open == 0).count();
    let hours: usize = outcomes.iter().map(|outcome| 24 - outcome.open).sum();
    println!("proven: {proven} of {count} cases whole, {hours} of {} hours", 24 * count);
    show("seconds", outcomes.iter().map(|outcome| outcome.seconds));
    show("worst gap of a case in %", outcomes.iter().map(|outcome| 100.0 * outcome.worst_gap));
    show("mean gap of a case in %", outcomes.iter().map(|outcome| 100.0 * outcome.mean_gap));
}

/// One case of each size.
fn growth() {
    for (stages, regions) in [
        (5, 4),
        (5, 20),
        (5, 34),
        (10, 4),
        (10, 20),
        (10, 34),
        (30, 4),
        (30, 20),
        (30, 34),
        (100, 4),
        (100, 30),
        (200, 4),
        (200, 34),
    ] {
        let outcome = solve(Shape { stages, regions, ..Shape::default() }, 6);
        let text = outcome.map_or_else(|| "nothing to limit".into(), |outcome| outcome.to_string());
        println!("{stages:3} stages, {regions:2} regions: {text}");
    }
}

/// How a case went.
struct Outcome {
    /// To the proof without a limit.
    free_seconds: f64,
    seconds: f64,
    worst_gap: f64,
    mean_gap: f64,
    /// Hours without a proof.
    open: usize,
    /// How much less carbon than at home, on average over the day.
    saved: f64,
    scored: u64,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { free_seconds, seconds, worst_gap, mean_gap, open, saved, scored } = self;
        write!(
            f,
            "{seconds:6.2} s ({free_seconds:.2} s without a limit), {open:2} hours open, gap at most {:.3} % (mean {:.3} %), \
             {:.1} % less carbon than home, {scored} placements scored",
            100.0 * worst_gap,
            100.0 * mean_gap,
            100.0 * saved
        )
    }
}

/// `None` if the placements with the least carbon are no slower than home.
fn solve(shape: Shape, seed: u64) -> Option<Outcome> {
    let gap = number("GAP", 0.001);
    let mut case = Case::new(shape, seed);
    if number("SPEED", 1.0) <= 0.0 {
        case.regions.iter_mut().for_each(|region| region.relative_speed = 1.0);
    }
    let free = search(&case.problem().unwrap(), shape.runs, 60.0, gap);
    let limit = f64::midpoint(free.at_home_s, free.slowest_s);
    if limit <= free.at_home_s {
        return None;
    }
    case.manifest.constraints.push(Constraint {
        metric: Metric::Runtime,
        statistic: Statistic::P95,
        limit: Limit::Absolute(limit),
        strictness: Strictness::Hard,
    });
    let limited = search(&case.problem().unwrap(), shape.runs, number("SECONDS", 10.0), gap);
    let Search { best, bounds, scored } = limited.search;
    let gaps: Vec<f64> =
        best.iter().zip(&bounds).map(|(best, bound)| (best.rank.value - bound) / best.rank.value).collect();
    let saved = best.iter().zip(&limited.carbon_at_home).map(|(best, home)| 1.0 - best.rank.value / home);
    Some(Outcome {
        free_seconds: free.seconds,
        seconds: limited.seconds,
        worst_gap: gaps.iter().copied().fold(0.0, f64::max),
        mean_gap: gaps.iter().sum::<f64>() / gaps.len() as f64,
        open: gaps.iter().filter(|&&open| open > gap * 1.001).count(),
        saved: saved.sum::<f64>() / best.len() as f64,
        scored,
    })
}

/// One search for the least carbon in all hours.
struct Searched {
    search: Search,
    seconds: f64,
    at_home_s: f64,
    slowest_s: f64,
    carbon_at_home: [f64; 24],
}

fn search(problem: &Problem, runs: usize, seconds: f64, gap: f64) -> Searched {
    let samples = Samples::draw(problem, runs, 0);
    let scorer = Scorer::new(problem, &samples);
    let mut scratch = scorer.scratch();
    let limits = Limits::new(&scorer, &mut scratch).unwrap();
    let hours: Vec<usize> = (0..24).collect();
    let start = vec![home(&scorer); 24];
    let objective = Objective::of(Metric::Carbon);
    let target =
        Target { scorer: &scorer, limits: &limits, objective: &objective, hours: &hours, start: &start };
    let began = Instant::now();
    let budget = Budget { gap, deadline: Some(began + Duration::from_secs_f64(seconds)) };
    let search = Exact.search(&target, &budget).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let carbon_at_home = scorer.means(&start[0], &mut scratch).carbon;
    let mut p95 =
        |placement: &[u8]| scorer.evaluate(placement, &mut scratch).value(Metric::Runtime, Statistic::P95, 0);
    let slowest_s = search.best.iter().map(|best| p95(&best.placement)).fold(0.0, f64::max);
    Searched { at_home_s: p95(&start[0]), search, seconds, slowest_s, carbon_at_home }
}

fn show(what: &str, values: impl Iterator<Item = f64>) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    if let (Some(median), Some(worst)) = (values.get(values.len() / 2), values.last()) {
        println!("{what}: median {median:.3}, worst {worst:.3}");
    }
}

fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
