//! The checks can fail: protocols that are broken on purpose are found, by the model check and by the simulation.

use std::collections::BTreeMap;
use std::time::Duration;

use caribou::testing::{Faults, Report, Simulation};
use caribou_runtime::model::NodeId;
use caribou_runtime::{RunStatus, Workflow};
use caribou_test_model::workflows::{chain, fork, two};
use caribou_test_model::{Model, Variant, Violation};
use serde_json::json;

fn found(variant: Variant, workflow: &'static Workflow) -> Option<Box<Violation>> {
    let nodes = 1..(workflow.graph)().result().0;
    let mut places = nodes.clone().flat_map(|fault| nodes.clone().map(move |duplicate| (fault, duplicate)));
    places.find_map(|(fault, duplicate)| {
        let model = Model::new(workflow, json!(1)).fault(NodeId(fault)).duplicate(NodeId(duplicate));
        model.variant(variant).explore().err()
    })
}

#[test]
fn the_model_check_finds_every_broken_protocol() {
    for variant in Variant::BROKEN {
        let violation = [&chain::WORKFLOW, &two::WORKFLOW, &fork::WORKFLOW]
            .into_iter()
            .find_map(|workflow| found(variant, workflow))
            .unwrap_or_else(|| panic!("{variant:?} is not found"));
        assert!(violation.schedule.len() > 3, "it shows the way: {violation}");
        println!("{variant:?}: {}", violation.what);
    }
}

#[test]
fn a_stage_that_is_claimed_after_its_work_is_found_because_its_outcome_is_written_over() {
    let violation = found(Variant::ClaimedAfterwards, &chain::WORKFLOW).unwrap();
    assert!(violation.what.starts_with("chain/claim/run/1 was"), "{violation}");
    assert!(violation.to_string().contains("(delivered twice)"), "{violation}");
}

#[test]
fn arrivals_that_are_not_atomic_are_found_because_the_run_does_not_end() {
    let violation = found(Variant::ArrivalsNotAtomic, &two::WORKFLOW).unwrap();
    assert!(violation.what.contains("the run has not ended"), "{violation}");
}

/// The stages whose function was called twice though nothing failed, results in which two calls of one stage meet, and runs that
/// have none.
fn wrong(report: &Report) -> usize {
    let mut calls = BTreeMap::<_, usize>::new();
    for call in &report.calls {
        *calls.entry((&call.run, &call.stage)).or_default() += 1;
    }
    let torn = |result: &str| {
        let mut marks = BTreeMap::new();
        result
            .split('+')
            .filter_map(|mark| mark.split_once('@'))
            .any(|(stage, call)| *marks.entry(stage).or_insert(call) != call)
    };
    let bad = report.runs.values().filter(|status| match status {
        RunStatus::Succeeded { result, .. } => torn(result.as_str().unwrap_or_default()),
        _ => true,
    });
    bad.count() + calls.values().filter(|calls| **calls > 1).count()
}

/// How much the simulation finds wrong in a hundred schedules in which messages are doubled and delayed, and nothing else.
fn simulated(variant: Variant) -> usize {
    let faults = Faults { duplicate: 0.5, delay: Duration::from_millis(20), ..Faults::default() };
    let run = |(workflow, seed): (&'static Workflow, u64)| {
        let simulation = Simulation::new(workflow).seed(seed).faults(faults.clone());
        wrong(&simulation.ports(move |ports| variant.break_ports(ports)).run([json!(1)]))
    };
    let workflows = [&chain::WORKFLOW, &two::WORKFLOW, &fork::WORKFLOW];
    workflows.into_iter().flat_map(|workflow| (0..100).map(move |seed| (workflow, seed))).map(run).sum()
}

#[test]
fn the_simulation_finds_broken_protocols_too_and_nothing_in_the_sound_one() {
    assert_eq!(simulated(Variant::Sound), 0);
    for variant in [Variant::ClaimedAfterwards, Variant::ArrivalsNotAtomic] {
        assert!(simulated(variant) > 0, "{variant:?} is not found");
    }
}

/// An attempt that was frozen until after its lease, and comes to its outcome after another did.
#[test]
fn the_simulation_finds_outcomes_that_overwrite_each_other() {
    let faults = Faults { freeze: 0.08, duplicate: 0.3, ..Faults::default() };
    let torn = |variant: Variant| {
        let runs = (0..300).filter(|seed| {
            let simulation = Simulation::new(&fork::WORKFLOW).seed(*seed).faults(faults.clone());
            let report = simulation.ports(move |ports| variant.break_ports(ports)).run([json!(1)]);
            report.runs.values().any(|status| match status {
                RunStatus::Succeeded { result, .. } => {
                    let marks: Vec<_> = result.as_str().unwrap_or_default().split('+').collect();
                    let firsts: Vec<_> = marks.iter().filter(|mark| mark.starts_with("first@")).collect();
                    firsts.windows(2).any(|pair| pair[0] != pair[1])
                }
                _ => false,
            })
        });
        runs.count()
    };
    assert_eq!(torn(Variant::Sound), 0);
    assert!(torn(Variant::OutcomeUnconditional) > 0);
}
