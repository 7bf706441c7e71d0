//! The first law over the workflows of this package: a deployed run equals the plain call, under plans and faults.

#![allow(clippy::unwrap_used, reason = "tests")]

use caribou::testing::{Faults, Simulation};
use caribou_model::{Epoch, Hour, Placement, Plan, Region, Timestamp};
use caribou_runtime::Workflow;
use caribou_tests::workflows::pages::book;
use caribou_tests::workflows::trip::travel;
use serde_json::{Value as Json, json};

const REGIONS: [&str; 3] = ["us-east-1", "ca-central-1", "eu-north-1"];

/// A plan that puts the stages into the regions in turns.
fn plan(workflow: &Workflow, seed: u64) -> Plan {
    let graph = (workflow.graph)();
    let region = |stage: usize| Region::aws(REGIONS[(seed as usize + stage) % REGIONS.len()]);
    let regions: Vec<Region> = (0..graph.stages().count()).map(region).collect();
    let placement = Placement::new(&regions).unwrap();
    let hours = (0..24).map(|hour| Hour::try_from(hour).map(|_| placement.clone()).unwrap()).collect();
    Plan {
        epoch: Epoch(3),
        expires: Timestamp::from_millis(u64::MAX),
        hours,
        ..Plan::at_home(&graph, Region::aws(REGIONS[0]))
    }
}

/// Holds runs against their plain calls; returns how many had more faults than their retries can bear.
fn hold(workflow: &'static Workflow, inputs: &[Json], seeds: u64) -> usize {
    (0..seeds)
        .map(|seed| {
            let faults = if seed % 4 == 0 { Faults::default() } else { Faults::some() };
            let simulation = Simulation::new(workflow).seed(seed).plan(plan(workflow, seed)).faults(faults);
            simulation.run(inputs.iter().cloned()).check_first_law().unwrap()
        })
        .sum()
}

#[test]
fn a_book_of_any_length_is_written_page_by_page() {
    let inputs = [0, 1, 2, 7, 2000].map(|length| json!({"length": length, "hand": "left"}));
    let overcome = hold(&book::WORKFLOW, &inputs, 40);
    assert!(overcome <= 10, "{overcome} of 200 runs failed");
}

#[test]
fn a_book_of_three_hundred_pages_needs_two_shards() {
    let report = Simulation::new(&book::WORKFLOW).run([json!({"length": 300, "hand": "right"})]);
    assert_eq!(report.check_first_law().unwrap(), 0);
    assert_eq!((report.calls_of("run-0", "write"), report.calls_of("run-0", "proofread")), (300, 300));
}

#[test]
fn a_trip_is_booked_wholly_or_not_at_all() {
    let trip = |miles: u64, nights: u64| json!({"Trip": {"miles": miles, "nights": nights}});
    let inputs = [
        trip(100, 3),
        trip(100, 30),
        trip(10_000, 3),
        trip(10_000, 30),
        json!({"Stay": 2}),
        json!("Nothing"),
    ];
    let overcome = hold(&travel::WORKFLOW, &inputs, 60);
    assert!(overcome <= 10, "{overcome} of 360 runs failed");
}

#[test]
fn a_crackling_line_is_tried_again_before_it_counts() {
    let report = Simulation::new(&travel::WORKFLOW).run([json!({"Trip": {"miles": 5, "nights": 0}})]);
    assert_eq!(report.check_first_law().unwrap(), 0);
    assert_eq!(report.calls_of("run-0", "book_hotel#2"), 2);
    assert_eq!(report.calls_of("run-0", "cancel_flight"), 1);
}
