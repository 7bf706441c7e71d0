//! Every interleaving of the protocol with up to three predecessors of a sync node, two duplicates and one fault.
//!
//! `CARIBOU_MODEL=all` also looks at what takes minutes: a fault at the entry of a run with three predecessors.

use caribou_runtime::Workflow;
use caribou_runtime::model::NodeId;
use caribou_test_model::workflows::{caught, chain, fork, gate, map, three, two};
use caribou_test_model::{Explored, Model};
use serde_json::json;

/// A run of the workflow with faults and duplicates at these nodes.
fn model(workflow: &'static Workflow, number: u64, faults: &[u16], duplicates: &[u16]) -> Model {
    let model = Model::new(workflow, json!(number));
    let model = faults.iter().fold(model, |model, node| model.fault(NodeId(*node)));
    duplicates.iter().fold(model, |model, node| model.duplicate(NodeId(*node)))
}

/// Explores each model, and tells how much that was.
#[track_caller]
fn all_hold(name: &str, models: impl IntoIterator<Item = Model>) {
    let explored = models.into_iter().map(|model| match model.explore() {
        Ok(explored) => explored,
        Err(violation) => panic!("{name}: {violation}"),
    });
    let (models, all) =
        explored.fold((0, Explored::default()), |(models, all), one| (models + 1, all.with(one)));
    assert!(all.ends > 0, "{name}: no run comes to its end");
    println!("{name}: {models} models, {} states, {} steps, {} ends", all.states, all.steps, all.ends);
}

/// Every way to choose one node for the fault and two, or one twice, for the duplicates.
fn placed(workflow: &'static Workflow, number: u64, faults: &[u16], nodes: &[u16]) -> Vec<Model> {
    let pairs = nodes.iter().flat_map(|a| nodes.iter().filter(move |b| a <= *b).map(move |b| [*a, *b]));
    let pairs: Vec<_> = pairs.collect();
    let of_fault =
        |fault: &u16| pairs.iter().map(|pair| model(workflow, number, &[*fault], pair)).collect::<Vec<_>>();
    faults.iter().flat_map(of_fault).collect()
}

#[test]
fn undisturbed_runs_are_their_plain_calls_in_any_order() {
    for workflow in [&chain::WORKFLOW, &two::WORKFLOW, &three::WORKFLOW, &fork::WORKFLOW, &map::WORKFLOW] {
        all_hold(workflow.name, [model(workflow, 1, &[], &[])]);
    }
    // The gate's branch is taken, and is not.
    all_hold("gate", [model(&gate::WORKFLOW, 0, &[], &[]), model(&gate::WORKFLOW, 1, &[], &[])]);
    all_hold("caught", [model(&caught::WORKFLOW, 1, &[], &[])]);
}

#[test]
fn claims_hold_with_two_duplicates_and_a_fault_at_any_stage_and_at_the_entry() {
    all_hold("chain", placed(&chain::WORKFLOW, 1, &[0, 1, 2], &[1, 2]));
}

#[test]
fn a_sync_node_with_two_predecessors_holds_with_two_duplicates_and_a_fault_at_any_stage() {
    all_hold("two", placed(&two::WORKFLOW, 1, &[1, 2, 3], &[1, 2, 3]));
}

/// The predecessors differ in nothing: one stands for all where it makes no difference which.
#[test]
fn a_sync_node_with_three_predecessors_holds_with_two_duplicates_and_a_fault_at_a_predecessor() {
    let duplicates = [[1, 1], [1, 2], [1, 4], [2, 2], [2, 3], [2, 4], [4, 4]];
    all_hold("three", duplicates.map(|duplicates| model(&three::WORKFLOW, 1, &[1], &duplicates)));
}

#[test]
fn a_sync_node_with_three_predecessors_holds_with_two_duplicates_and_a_fault_at_itself() {
    let duplicates = [[1, 1], [1, 2], [1, 4], [4, 4]];
    all_hold("three", duplicates.map(|duplicates| model(&three::WORKFLOW, 1, &[4], &duplicates)));
}

#[test]
fn a_fault_at_the_entry_sends_every_message_twice_and_has_its_effect_once() {
    all_hold("two", [model(&two::WORKFLOW, 1, &[0], &[1])]);
    if std::env::var("CARIBOU_MODEL").is_ok_and(|which| which == "all") {
        all_hold("three", [model(&three::WORKFLOW, 1, &[0], &[]), model(&three::WORKFLOW, 1, &[0], &[1])]);
    }
}

#[test]
fn successors_see_one_attempt_of_their_predecessor() {
    all_hold("fork", [1, 2, 4].map(|one| model(&fork::WORKFLOW, 1, &[1], &[one])));
}

#[test]
fn a_gate_decides_once_whether_its_branch_is_taken_or_not() {
    let nodes: Vec<u16> = (1..(gate::WORKFLOW.graph)().result().0).collect();
    for number in [0, 1] {
        let models = nodes.iter().flat_map(|fault| nodes.iter().map(|one| (*fault, *one)));
        all_hold("gate", models.map(|(fault, one)| model(&gate::WORKFLOW, number, &[fault], &[one])));
    }
}

#[test]
fn a_map_is_collected_once() {
    let faults = (1..=4).map(|fault| model(&map::WORKFLOW, 1, &[fault], &[]));
    let duplicates = (1..=4).map(|one| model(&map::WORKFLOW, 1, &[], &[one]));
    all_hold("map", faults.chain(duplicates));
}

#[test]
fn a_failure_that_is_a_value_is_one_value() {
    let nodes = [2, 3, 4];
    let models =
        nodes.into_iter().flat_map(|fault| nodes.map(|one| model(&caught::WORKFLOW, 1, &[fault], &[one])));
    all_hold("caught", models);
}

/// What is left out by the reduction is an order, never an end.
#[test]
fn the_reduction_reaches_the_same_ends() {
    for workflow in [&chain::WORKFLOW, &two::WORKFLOW, &fork::WORKFLOW] {
        let mut left_out = 0;
        for (fault, duplicate) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let model = model(workflow, 1, &[fault], &[duplicate]);
            let (some, all) = (model.explore().unwrap(), model.clone().unreduced().explore().unwrap());
            assert_eq!((some.ends, some.signature), (all.ends, all.signature), "{}", workflow.name);
            left_out += all.states - some.states;
        }
        assert!(left_out > 0, "{} is not reduced", workflow.name);
    }
}
