//! What travels, and how often glue is evaluated.

#![allow(clippy::unwrap_used, reason = "tests")]

use caribou::testing::{Faults, Simulation};
use caribou_model::Graph;
use caribou_runtime::RunStatus;
use caribou_tests::workflows::chain::{PARCEL, ten_in_a_row};
use caribou_tests::workflows::once::{Ticket, tickets};
use serde_json::json;

/// What a message needs besides its values.
const ENVELOPE: usize = 2_000;

#[test]
fn a_chain_of_large_outputs_never_sends_more_than_the_last_one() {
    let report = Simulation::new(&ten_in_a_row::WORKFLOW).run([json!(7)]);
    assert_eq!(report.check_first_law().unwrap(), 0);
    let graph: Graph = (ten_in_a_row::WORKFLOW.graph)();
    assert_eq!(graph.stages().count(), 10);
    assert!(graph.edges.iter().all(|edge| edge.carries.len() <= 2), "{:#?}", graph.edges);
    let sent: Vec<u64> =
        report.telemetry.iter().flat_map(|line| &line.successors).map(|edge| edge.bytes).collect();
    assert_eq!(sent.len(), 11, "one message a stage, and the result");
    let limit = (PARCEL + ENVELOPE) as u64;
    assert!(sent.iter().all(|bytes| *bytes <= limit), "{sent:?}");
    assert_eq!(sent.iter().filter(|bytes| **bytes > PARCEL as u64).count(), 9, "{sent:?}");
}

/// What everybody saw, in a run that succeeded.
fn seen(status: &RunStatus) -> Option<Vec<Vec<Ticket>>> {
    match status {
        RunStatus::Succeeded { result, .. } => Some(serde_json::from_value(result.clone()).unwrap()),
        _ => None,
    }
}

#[test]
fn glue_with_clocks_and_random_ids_is_evaluated_once_and_everybody_sees_its_value() {
    let mut checked = 0;
    for seed in 0..60 {
        let faults = if seed % 3 == 0 { Faults::default() } else { Faults::some() };
        let report = Simulation::new(&tickets::WORKFLOW).seed(seed).faults(faults).run([json!(2), json!(1)]);
        for status in report.runs.values() {
            for tickets in seen(status).into_iter().flatten() {
                let first = tickets.first().unwrap();
                assert!(tickets.iter().all(|ticket| ticket == first), "seed {seed}: {tickets:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 300, "only {checked} tickets were looked at");
}

#[test]
fn an_undisturbed_run_evaluates_each_glue_binding_exactly_once() {
    // the plain call draws three, and so does the deployed run
    let before = Ticket::drawn();
    let report = Simulation::new(&tickets::WORKFLOW).run([json!(2)]);
    assert!(report.runs.values().all(|status| seen(status).is_some()));
    assert!(Ticket::drawn() >= before + 6);
    let own: Vec<Vec<Ticket>> = report.runs.values().find_map(seen).unwrap();
    let numbers: std::collections::BTreeSet<u64> = own.iter().flatten().map(|ticket| ticket.number).collect();
    assert_eq!(numbers.len(), 3);
}
