//! Each fault of the simulation does what it says, and the law holds.

use std::time::Duration;

use caribou_runtime::RunStatus;
use caribou_runtime::memory::{Cause, Faults, Outage, Report, Simulation};
use caribou_runtime::model::{AttemptOutcome, Region};
use serde_json::json;

use crate::first_law::{holds, seeds, simulation};
use crate::map_workflows::MAPS;
use crate::workflows::{CHAIN, FORK, LARGE, all};

const AWAY: Region = Region::aws("eu-north-1");

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// `increment(double(n))`, with the second stage away.
fn there_and_back(seed: u64, faults: Faults) -> Report {
    let simulation = Simulation::new(&CHAIN).place("increment", AWAY).seed(seed).faults(faults);
    simulation.run([4])
}

#[test]
fn a_delivery_that_vanishes_comes_again_after_its_visibility_time() {
    let faults = Faults { vanish: 0.5, redelivery: seconds(40), ..Faults::default() };
    let mut late = 0;
    for seed in 0..60 {
        let report = there_and_back(seed, faults.clone());
        assert_eq!(holds(&report), 0);
        let run = report.run("run-0");
        assert_eq!(run.result(), Ok(9));
        assert_eq!(run.calls("double").len(), 1, "what vanished was never acknowledged");
        late += usize::from(run.duration() > Some(seconds(40)));
    }
    assert!(late > 10, "{late} of 60 runs waited");
}

#[test]
fn a_call_whose_request_is_lost_has_no_effect_and_is_made_again() {
    let faults = Faults { lost_request: 0.1, ..Faults::default() };
    for workflow in all() {
        for seed in 0..40 {
            let report = simulation(workflow, seed).faults(faults.clone()).run([3]);
            holds(&report);
        }
    }
}

#[test]
fn a_blob_whose_answer_is_lost_is_written_again() {
    let faults = Faults { lost_answer: 0.2, ..Faults::default() };
    let mut lost = 0;
    for seed in 0..40 {
        let report = simulation(&LARGE, seed).faults(faults.clone()).run([30_000]);
        holds(&report);
        lost += report.schedule.lines().filter(|line| line.ends_with("loses the answer of put blob")).count();
    }
    assert!(lost > 10, "{lost} answers were lost");
}

#[test]
fn what_a_region_has_accepted_waits_until_the_region_is_back() {
    // Three messages of up to 2 s each: the last is often accepted before its region is cut off, and due after.
    let outage = Outage::new(AWAY, Duration::from_millis(2_500), seconds(300));
    let faults = Faults { outages: vec![outage], delay: seconds(2), ..Faults::default() };
    let mut waited = 0;
    for seed in 0..60 {
        let report = there_and_back(seed, faults.clone());
        assert_eq!(holds(&report), 0);
        let run = report.run("run-0");
        assert_eq!(run.result(), Ok(9));
        assert_eq!(run.calls("increment").len(), 1);
        if run.duration() > Some(seconds(290)) {
            assert_eq!(run.regions("increment"), [AWAY.code()].into());
            waited += 1;
        }
    }
    assert!(waited > 5, "{waited} of 60 messages waited");
}

#[test]
fn a_region_that_is_cut_off_while_its_stage_runs_ends_the_run_when_it_is_back() {
    for still in [false, true] {
        let outage = Outage::new(AWAY, seconds(5), seconds(200));
        let outage = if still { outage.standing_still() } else { outage };
        let faults = Faults { outages: vec![outage], ..Faults::default() };
        for seed in 0..30 {
            let simulation = Simulation::new(&CHAIN).place("increment", AWAY).seed(seed);
            let report = simulation.faults(faults.clone()).work(|_| seconds(4)).run([4]);
            assert_eq!(holds(&report), 0);
            let run = report.run("run-0");
            assert_eq!(run.result(), Ok(9));
            assert!(run.duration() > Some(seconds(190)), "{:?}", run.duration());
            // Whoever goes on has recorded the outcome; whoever stands still runs out of time.
            assert_eq!(run.calls("increment").len(), if still { 2 } else { 1 }, "{}", report.schedule);
        }
    }
}

#[test]
fn regions_that_come_and_go_break_no_run() {
    let faults = Faults { outage: 0.4, longest_outage: seconds(60), duplicate: 0.2, ..Faults::some() };
    for workflow in all().into_iter().chain([&MAPS]) {
        for seed in seeds(60) {
            let simulation = simulation(workflow, seed).faults(faults.clone()).work(|_| seconds(3));
            holds(&simulation.latency(|_, _| seconds(1)).run([2, 3]));
        }
    }
}

#[test]
fn clocks_that_differ_by_more_than_a_lease_bears_let_attempts_overlap_and_the_law_holds() {
    let faults = Faults { clock_skew: seconds(90), duplicate: 0.7, delay: seconds(60), ..Faults::default() };
    let (mut superseded, mut twice) = (0, 0);
    for seed in seeds(200) {
        let report = simulation(&FORK, seed).faults(faults.clone()).work(|_| seconds(50)).run([4]);
        holds(&report);
        superseded +=
            report.telemetry.iter().filter(|line| line.outcome == AttemptOutcome::Superseded).count();
        twice += usize::from(report.calls_of("run-0", "stamp") > 1);
    }
    assert!(superseded > 10 && twice > 10, "{superseded} attempts superseded, {twice} stamps twice");
}

#[test]
fn work_that_takes_longer_than_its_timeout_fails_the_run_with_that_cause() {
    for outlive in [0.0, 1.0] {
        let faults = Faults { outlive, ..Faults::default() };
        let simulation = Simulation::new(&CHAIN).faults(faults);
        let slow =
            |context: &caribou_runtime::Context| seconds(if context.stage == "double" { 61 } else { 1 });
        let report = simulation.work(slow).run([4]);
        assert_eq!(holds(&report), usize::from(outlive == 0.0));
        let run = report.run("run-0");
        if outlive == 0.0 {
            assert_eq!(run.cause(), Some(Cause::Platform), "{:?}", run.status());
            let RunStatus::Failed { error, .. } = run.status() else { panic!("{:?}", run.status()) };
            assert!(error.ends_with("it timed out"), "{error}");
            assert_eq!(run.calls("double").len(), 3);
        } else {
            // The first attempt outlives its timeout, and is the first that comes to an outcome.
            assert_eq!(run.result(), Ok(9));
        }
    }
}

#[test]
fn an_attempt_whose_lease_ended_while_it_worked_is_not_the_outcome_if_another_was_first() {
    let faults = Faults { outlive: 1.0, duplicate: 0.5, ..Faults::default() };
    let mut overlapping = 0;
    for seed in seeds(100) {
        let slow = move |context: &caribou_runtime::Context| {
            seconds(if context.attempt == 1 { 50 + seed % 40 } else { 20 })
        };
        let report = simulation(&FORK, seed).faults(faults.clone()).work(slow).run([4]);
        holds(&report);
        overlapping += usize::from(report.calls_of("run-0", "stamp") > 1);
    }
    assert!(overlapping > 20, "{overlapping} of 100 stamps overlapped");
}

#[test]
fn latency_and_work_take_virtual_time() {
    let report = Simulation::new(&CHAIN)
        .place("increment", AWAY)
        .latency(|_, _| Duration::from_millis(100))
        .work(|_| seconds(3))
        .run([json!(4)]);
    let run = report.run("run-0");
    let took = run.duration().unwrap();
    assert!((seconds(6)..seconds(8)).contains(&took), "{took:?}");
    let [double] = run.records("double")[..] else { panic!() };
    assert!((3_000.0..3_100.0).contains(&double.duration_ms), "{}", double.duration_ms);
}

#[test]
fn a_run_that_passes_its_deadline_says_so() {
    let report = Simulation::new(&CHAIN).run_deadline(seconds(8)).work(|_| seconds(9)).run([json!(4)]);
    assert_eq!(holds(&report), 1);
    let run = report.run("run-0");
    assert_eq!((run.cause(), run.calls("increment").len()), (Some(Cause::Deadline), 0));
    assert!(run.error().unwrap().contains("before stage `increment`"), "{:?}", run.status());
}

#[test]
fn the_same_seed_gives_the_same_schedule_whatever_goes_wrong() {
    let faults = Faults { outage: 0.3, clock_skew: seconds(20), vanish: 0.1, ..Faults::some() };
    let run = |seed| simulation(&MAPS, seed).faults(faults.clone()).run([3, 4]).schedule;
    assert_eq!(run(11), run(11));
    assert_ne!(run(11), run(12));
}
