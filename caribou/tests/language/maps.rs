//! `caribou::map`.

use caribou::prelude::*;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{add, classify, double, even, length, note, numbers, sum};

#[caribou::workflow]
async fn mapped(number: u64) -> Result<u64> {
    let document = classify(number).await?;
    let scale = double(number).await?;
    let scaled = caribou::map(document.parts, |part| add(part, scale)).await?;
    let doubled =
        caribou::map(scaled.clone().into_iter().enumerate(), |(index, part)| add(part * 2, index as u64))
            .await?;
    let total = sum(doubled).await?;
    let other = caribou::map(scaled, double).await?;
    add(total, other.len() as u64 + other.iter().sum::<u64>()).await
}

#[test]
fn maps_over_lists_and_over_maps() {
    assert_equal_to_the_plain_call(mapped::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn two_maps(number: u64) -> Result<u64> {
    let list: Vec<u64> = (0..number).collect();
    let left = caribou::map(list.clone(), double).await?;
    let right = caribou::map(&list, |item| add(*item, number)).await?;
    let zipped: Vec<u64> = left.into_iter().zip(right).map(|(left, right)| left * right).collect();
    sum(zipped).await
}

#[test]
fn a_stage_that_reads_two_maps() {
    assert_equal_to_the_plain_call(two_maps::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn caught_map(number: u64) -> Result<u64> {
    let list: Vec<u64> = (0..number).map(|item| item * (1 + number % 2)).collect();
    let halves = caribou::map(list, even).await;
    match halves {
        Ok(halves) => sum(halves).await,
        Err(error) => length(error.to_string()).await,
    }
}

#[test]
fn the_failure_of_a_map_is_a_value() {
    assert_equal_to_the_plain_call(caught_map::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn map_in_an_arm(number: u64) -> Result<Vec<u64>> {
    let document = classify(number).await?;
    if number > 3 {
        let parts = caribou::map(document.parts, double).await?;
        if parts.is_empty() {
            return Ok(parts);
        }
        note(format!("{parts:?}")).await?;
        return caribou::map(parts, |part| add(part, 1)).await;
    }
    Ok(vec![double(number).await?])
}

#[test]
fn maps_in_arms_and_as_results() {
    assert_equal_to_the_plain_call(map_in_an_arm::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn map_beside_inference(number: u64) -> Result<u64> {
    let list: Vec<u64> = (0..number).collect();
    let doubled = if number > 3 { caribou::map(list, double).await? } else { list };
    let longest = doubled.iter().copied().max().unwrap_or_default();
    add(double(number).await?, longest).await
}

#[test]
fn a_map_with_a_bare_function_beside_inferred_types() {
    assert_equal_to_the_plain_call(map_beside_inference::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn items_or_failure(number: u64) -> Result<u64> {
    let scale = double(number).await?;
    let list = match number {
        0..3 => caribou::map(vec![number], double).await?,
        3..6 => vec![number, 2],
        _ => {
            note(format!("{scale}")).await?;
            return Err(Error::permanent("many"));
        }
    };
    sum(caribou::map(list, |item| add(item, scale)).await?).await
}

#[test]
fn the_items_of_a_map_may_come_from_a_branch_that_fails() {
    assert_equal_to_the_plain_call(items_or_failure::WORKFLOW, &numbers());
}
