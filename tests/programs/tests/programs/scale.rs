//! The first law at scale: a hundred thousand runs, on all cores.
//!
//! `CARIBOU_RUNS` says how many instead, `CARIBOU_RUNS_SEED` with which seed to begin.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use caribou::testing::{Faults, Simulation};
use caribou_test_programs::case::Case;
use caribou_test_programs::law::{Breach, Tally, check_runs_in};
use caribou_test_programs::workflows;

use crate::generated::CASES;

/// How many of the breaches that are found are enough.
const ENOUGH: usize = 20;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

/// Some other number for every seed.
fn mixed(seed: u64, salt: u64) -> u64 {
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

/// Runs all programs, with one seed after the other, until there are so many runs.
fn runs(wanted: usize, faults: &Faults, set: impl Fn(Simulation, u64) -> Simulation + Sync) -> Tally {
    let cases: Vec<Case> = CASES.iter().copied().chain(workflows::cases()).collect();
    let a_round: usize = cases.iter().map(|case| case.inputs.len()).sum();
    let checks = wanted.div_ceil(a_round) * cases.len();
    let first = number("CARIBOU_RUNS_SEED", 0) as u64;
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Tally::default(), Vec::<Box<Breach>>::new()));
    let work = || {
        loop {
            let check = next.fetch_add(1, Ordering::Relaxed);
            let (case, round) = (&cases[check % cases.len()], check / cases.len());
            if check >= checks {
                break;
            }
            let seed = mixed(first + round as u64, case.seed);
            let checked = check_runs_in(case, seed, faults, |simulation| set(simulation, seed));
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match checked {
                Ok(tally) => found.0 = std::mem::take(&mut found.0).with(tally),
                Err(breach) => found.1.push(breach),
            }
            if found.1.len() >= ENOUGH {
                break;
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| {
            scope.spawn(work);
        });
    });
    let (tally, mut breaches) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    breaches.sort_by_key(|breach| breach.schedule.len());
    if let Some(shortest) = breaches.first() {
        let lines: Vec<String> = breaches.iter().map(|breach| breach.line()).collect();
        panic!("the law is broken:\n{}\n\nthe shortest schedule is {shortest}", lines.join("\n"));
    }
    tally
}

/// Regions some way apart, and functions that take their time; other ones for every seed.
fn set(simulation: Simulation, seed: u64) -> Simulation {
    let simulation = simulation.every(Duration::from_millis(mixed(seed, 1) % 3_000));
    match mixed(seed, 2) % 3 {
        0 => simulation,
        1 => simulation.latency(|_, _| Duration::from_millis(60)),
        _ => simulation
            .latency(|from, to| {
                Duration::from_millis(20 * from.code().len().abs_diff(to.code().len()) as u64)
            })
            .work(move |context| Duration::from_millis(mixed(seed, context.stage.len() as u64) % 5_000)),
    }
}

#[test]
fn a_hundred_thousand_runs_on_a_bad_day_are_their_plain_calls_and_less_than_one_in_a_hundred_is_lost() {
    let tally = runs(number("CARIBOU_RUNS", 100_000), &Faults::some(), set);
    println!("{} runs on a bad day:\n{tally}", tally.runs());
    assert!(tally.lost() * 100 < tally.runs(), "{tally}");
    assert!(tally.lost() > 0, "a bad day is not as bad as it should be: {tally}");
}

#[test]
fn on_the_worst_of_days_no_run_is_wrong_and_none_hangs() {
    let faults = Faults {
        duplicate: 0.3,
        vanish: 0.05,
        crash: 0.02,
        freeze: 0.01,
        lost_request: 0.02,
        lost_answer: 0.02,
        outage: 0.2,
        longest_outage: Duration::from_mins(2),
        clock_skew: Duration::from_secs(20),
        ..Faults::some()
    };
    // Some functions take longer than their timeout and their lease.
    let work = |simulation: Simulation, seed: u64| {
        set(simulation, seed).work(move |context| {
            let longest =
                if mixed(seed, u64::from(context.attempt)).is_multiple_of(20) { 120_000 } else { 3_000 };
            Duration::from_millis(mixed(seed, context.stage.len() as u64) % longest)
        })
    };
    let tally = runs(number("CARIBOU_RUNS", 100_000) / 10, &faults, work);
    println!("{} runs on the worst of days:\n{tally}", tally.runs());
    assert!(tally.succeeded > tally.runs() / 4, "{tally}");
}
