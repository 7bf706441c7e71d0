//! The first law, held against random programs.
//!
//! `CARIBOU_PROGRAMS_COUNT`, `CARIBOU_PROGRAMS_SEED` and `CARIBOU_PROGRAMS_FEATURES` choose others.

use caribou::testing::Faults;
use caribou_test_programs::case::Case;
use caribou_test_programs::law::{Breach, Tally, check_graph, check_runs};

mod scale;

/// The programs, as the build script wrote them.
#[allow(warnings, clippy::all, clippy::pedantic)]
mod generated {
    use caribou_test_programs::prelude::*;

    include!(concat!(env!("OUT_DIR"), "/programs.rs"));
}

use generated::CASES;

/// Checks every program, and shows the smallest of those that break the law.
fn every_program(check: impl Fn(&Case) -> Result<Tally, Box<Breach>>) -> Tally {
    let mut tally = Tally::default();
    let mut breaches = Vec::new();
    for case in CASES {
        match check(case) {
            Ok(found) => tally = tally.with(found),
            Err(breach) => breaches.push(breach),
        }
    }
    breaches.sort_by_key(|breach| breach.case.size());
    if let Some(smallest) = breaches.first() {
        let list: Vec<String> = breaches.iter().map(|breach| breach.line()).collect();
        let (broken, all) = (breaches.len(), CASES.len());
        panic!(
            "{broken} of {all} programs break the law:\n{}\n\nthe smallest is {smallest}",
            list.join("\n")
        );
    }
    println!("{} programs:\n{tally}", CASES.len());
    tally
}

#[test]
fn every_call_in_a_program_is_a_stage_of_its_graph() {
    every_program(|case| check_graph(case).map(|()| Tally::default()));
}

#[test]
fn without_faults_every_run_is_its_plain_call() {
    let tally = every_program(|case| check_runs(case, case.seed, &Faults::default()));
    assert_eq!(tally.lost(), 0);
    assert!(tally.succeeded > tally.runs() / 2, "most programs come to a result: {tally:?}");
    assert!(tally.refused > tally.runs() / 50, "some programs fail: {tally:?}");
}

#[test]
fn with_faults_every_run_is_its_plain_call_or_was_lost() {
    let tally =
        (0..3).map(|round| every_program(|case| check_runs(case, case.seed + round, &Faults::some())));
    let tally = tally.fold(Tally::default(), Tally::with);
    assert!(tally.lost() * 50 <= tally.runs(), "{tally:?}");
}
