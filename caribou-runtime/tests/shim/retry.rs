//! Runs that have failed are taken up again, and end as the plain call.

use std::collections::BTreeMap;
use std::time::Duration;

use caribou_runtime::memory::{Faults, Report};
use caribou_runtime::{RunStatus, Workflow};
use serde_json::json;

use crate::first_law::{holds, seeds, simulation, succeeded};
use crate::shaky::{How, Order, SHAKY};
use crate::workflows::all;

/// While messages of the time before are under way, and long after they are gone.
const WHENS: [Duration; 2] = [Duration::from_millis(700), Duration::from_hours(3)];

fn failing(at: &str, how: How, times: u32) -> Order {
    let item = (at == "work#2").then_some(2);
    Order { at: at.into(), item, how, times, items: 4, n: 5, ..Order::default() }
}

fn input(order: &Order) -> serde_json::Value {
    serde_json::to_value(order).unwrap()
}

/// How often the run was taken up again.
fn resumed(report: &Report) -> u32 {
    let pins = report.runs.values().map(|status| match status {
        RunStatus::Succeeded { pin, .. } | RunStatus::Failed { pin, .. } => pin.resumed,
        status => panic!("{status:?}"),
    });
    pins.sum()
}

/// How often every function was called, of those that were called more than once.
fn repeated(report: &Report) -> BTreeMap<(&str, Option<u32>), u32> {
    let mut calls = BTreeMap::new();
    for call in &report.calls {
        *calls.entry((call.stage.as_str(), call.item)).or_default() += 1;
    }
    calls.retain(|_, count| *count > 1);
    calls
}

#[test]
fn a_run_that_failed_anywhere_goes_on_where_it_failed_and_is_the_plain_call() {
    for at in ["work", "branch", "branch#2", "merge", "work#2", "count"] {
        // Of three attempts at a time, the fifth fails as well.
        for (how, times) in [(How::Permanently, 1), (How::Transiently, 5), (How::Hanging, 3)] {
            for (seed, every) in (0..6).flat_map(|seed| WHENS.map(|every| (seed, every))) {
                let order = failing(at, how, times);
                let report = simulation(&SHAKY, seed).retries(1, every).run([input(&order)]);
                assert_eq!((holds(&report), succeeded(&report), resumed(&report)), (0, 1, 1), "{order:?}");
                // Only what failed was called again.
                let again = BTreeMap::from([((at, order.item), times + 1)]);
                assert_eq!(repeated(&report), again, "{:#?}", report.schedule);
            }
        }
    }
}

#[test]
fn a_run_that_fails_again_is_taken_up_again() {
    for at in ["work", "merge", "work#2", "count"] {
        for (seed, every) in (0..6).flat_map(|seed| WHENS.map(|every| (seed, every))) {
            let order = failing(at, How::Permanently, 3);
            let report = simulation(&SHAKY, seed).retries(3, every).run([input(&order)]);
            assert_eq!((holds(&report), succeeded(&report), resumed(&report)), (0, 1, 3));
            assert_eq!(repeated(&report), BTreeMap::from([((at, order.item), 4)]));
        }
    }
}

#[test]
fn late_messages_of_the_time_before_do_no_harm() {
    let faults = Faults { duplicate: 0.9, delay: Duration::from_secs(90), ..Faults::default() };
    for at in ["branch", "merge", "work#2", "count"] {
        for seed in seeds(30) {
            // Duplicates of the first time come after the second and the third have begun, and after their deadline.
            let simulation = simulation(&SHAKY, seed).faults(faults.clone());
            let simulation = simulation.run_deadline(Duration::from_mins(10));
            let order = failing(at, How::Permanently, 2);
            let report = simulation.retries(2, Duration::from_secs(20)).run([input(&order)]);
            assert_eq!((holds(&report), succeeded(&report), resumed(&report)), (0, 1, 2));
            assert_eq!(repeated(&report), BTreeMap::from([((at, order.item), 3)]));
        }
    }
}

#[test]
fn messages_that_come_after_the_old_deadline_do_not_fail_the_run() {
    let faults = Faults { duplicate: 0.9, delay: Duration::from_secs(90), ..Faults::default() };
    let mut taken_up = 0;
    for seed in seeds(60) {
        let simulation = simulation(&SHAKY, seed).faults(faults.clone());
        let simulation = simulation.run_deadline(Duration::from_secs(250));
        let order = failing("", How::Permanently, 0);
        let report = simulation.retries(9, Duration::from_secs(30)).run([input(&order)]);
        assert_eq!((holds(&report), succeeded(&report)), (0, 1));
        assert_eq!(repeated(&report), BTreeMap::new());
        taken_up += resumed(&report);
    }
    assert!(taken_up > 10, "{taken_up}");
}

#[test]
fn with_faults_every_run_that_is_taken_up_often_enough_is_its_plain_call() {
    let faults = Faults { crash: 0.06, freeze: 0.02, lost_answer: 0.03, duplicate: 0.3, ..Faults::some() };
    let faults = Faults { platform_attempts: 2, ..faults };
    let mut taken_up = 0;
    for seed in seeds(100) {
        let at = ["work", "branch", "merge", "work#2", "count"][seed as usize % 5];
        let every = Duration::from_secs([7, 60, 4000][seed as usize % 3]);
        let inputs = [failing(at, How::Permanently, 1), failing(at, How::Hanging, 2)];
        let simulation = simulation(&SHAKY, seed).faults(faults.clone());
        let report = simulation.retries(30, every).run(inputs.iter().map(input));
        assert_eq!((holds(&report), succeeded(&report)), (0, 2), "seed {seed}");
        taken_up += resumed(&report);
    }
    println!("taken up {taken_up} times");
    assert!(taken_up > 100, "{taken_up}");
}

#[test]
fn with_faults_every_workflow_is_its_plain_call_when_it_was_taken_up() {
    let faults = Faults { crash: 0.06, freeze: 0.02, lost_answer: 0.03, duplicate: 0.3, ..Faults::some() };
    let faults = Faults { platform_attempts: 1, ..faults };
    let mut taken_up = 0;
    for workflow in all() {
        for seed in seeds(30) {
            let simulation = simulation(workflow, seed).faults(faults.clone());
            let report = simulation.retries(40, Duration::from_secs(45)).run([json!(2), json!(3)]);
            assert_eq!((holds(&report), succeeded(&report)), (0, 2), "{} with seed {seed}", workflow.name);
            taken_up += resumed(&report);
        }
    }
    println!("taken up {taken_up} times");
    assert!(taken_up > 100, "{taken_up}");
}

#[test]
fn a_run_whose_plain_call_fails_fails_however_often_it_is_taken_up() {
    let chain: &Workflow = all()[0];
    let report = simulation(all()[0], 3).retries(2, WHENS[1]).run([json!(13)]);
    assert_eq!((chain.name, succeeded(&report), resumed(&report)), ("chain", 0, 2));
    assert_eq!(report.calls_of("run-0", "double"), 3);
}
