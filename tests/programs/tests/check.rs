//! The check can fail: it finds deployed sides that are wrong on purpose.

#![allow(clippy::expect_used, reason = "tests")]

use caribou::prelude::*;
use caribou::testing::Faults;
use caribou_runtime::Workflow;
use caribou_test_programs::case::Case;
use caribou_test_programs::functions::{add, check, double, nod};
use caribou_test_programs::law::{Breach, Tally, check_graph, check_runs};

#[caribou::workflow]
async fn sum(number: u64) -> Result<u64> {
    let twice = double(number).await?;
    add(twice, 1).await
}

#[caribou::workflow]
async fn turned(number: u64) -> Result<u64> {
    let twice = double(number).await?;
    add(1, twice).await
}

#[caribou::workflow]
async fn larger(number: u64) -> Result<u64> {
    let twice = double(number).await?;
    add(twice, 2).await
}

#[caribou::workflow]
async fn chatty(number: u64) -> Result<u64> {
    let twice = double(number).await?;
    nod().await?;
    add(twice, 1).await
}

#[caribou::workflow]
async fn strict(number: u64) -> Result<u64> {
    let twice = double(number).await?;
    let more = check(0).await?;
    add(twice, more).await
}

/// What is called as `plain` and deployed as `deployed`.
fn torn(plain: Workflow, deployed: Workflow) -> Case {
    let workflow = Box::leak(Box::new(Workflow { plain: plain.plain, ..deployed }));
    let (calls, inputs) = (&[("add", 1), ("double", 1)], &["3", "4"]);
    Case { seed: 1, source: "async fn sum() {}", workflow, calls, inputs, features: &["torn"] }
}

fn runs(plain: Workflow, deployed: Workflow) -> Result<Tally, Box<Breach>> {
    let calm = check_runs(&torn(plain, deployed), 1, &Faults::default());
    if let (Ok(_), Err(breach)) = (&calm, check_runs(&torn(plain, deployed), 1, &Faults::some())) {
        return Err(breach);
    }
    calm
}

fn breach(plain: Workflow, deployed: Workflow) -> String {
    runs(plain, deployed).expect_err("the check finds it").to_string()
}

#[test]
fn what_is_deployed_as_it_is_called_holds() {
    let tally = runs(sum::WORKFLOW, sum::WORKFLOW).unwrap();
    assert_eq!(tally, Tally { succeeded: 2, ..Tally::default() });
    check_graph(&torn(sum::WORKFLOW, sum::WORKFLOW)).unwrap();
}

#[test]
fn another_result_is_found_and_told_with_source_input_and_seed() {
    let told = breach(sum::WORKFLOW, larger::WORKFLOW);
    assert!(
        told.starts_with("program 1 (torn)\nasync fn sum() {}\nwith the input 3, simulated with seed 1:\n"),
        "{told}"
    );
    assert!(told.contains("the run gives 8, the plain call Ok(Number(7))"), "{told}");
}

#[test]
fn other_arguments_are_found_though_the_result_is_the_same() {
    let told = breach(sum::WORKFLOW, turned::WORKFLOW);
    assert!(told.contains("the run calls\n  add[1,6]\n  double[3]\nthe plain call\n  add[6,1]"), "{told}");
}

#[test]
fn a_call_too_many_and_a_call_too_few_are_found() {
    assert!(breach(sum::WORKFLOW, chatty::WORKFLOW).contains("nod[]\nthe plain call"));
    assert!(breach(chatty::WORKFLOW, sum::WORKFLOW).contains("double[3]\nthe plain call"));
}

#[test]
fn a_failure_that_should_be_none_and_one_that_is_missing_are_found() {
    let told = breach(sum::WORKFLOW, strict::WORKFLOW);
    assert!(
        told.contains("the run fails in Some(\"check\") with `check refuses 0`, the plain call gives 7"),
        "{told}"
    );
    let told = breach(strict::WORKFLOW, sum::WORKFLOW);
    assert!(told.contains("the run gives 7, the plain call Err(\"check refuses 0\")"), "{told}");
}

#[test]
fn slices_of_another_program_are_found_even_where_the_plain_call_fails() {
    let mixed = Workflow { route: chatty::WORKFLOW.route, ..strict::WORKFLOW };
    let told = breach(strict::WORKFLOW, mixed);
    let found = ["the run fails in", "the run never ends", "the graph says Some(\"check\")"];
    assert!(found.iter().any(|what| told.contains(what)), "{told}");
}

#[test]
fn a_call_that_is_no_stage_is_found() {
    let case = Case { calls: &[("add", 1), ("double", 2)], ..torn(sum::WORKFLOW, sum::WORKFLOW) };
    let told = check_graph(&case).unwrap_err().what;
    assert_eq!(told, r#"the source calls {"add": 1, "double": 2}, the graph has {"add": 1, "double": 1}"#);
}
