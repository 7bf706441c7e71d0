//! References, closures and what is moved.

use caribou::prelude::*;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{Document, add, classify, describe, double, length, note, numbers, spell};

#[caribou::workflow]
async fn ordered_alias(number: u64) -> Result<u64> {
    let text = spell(number).await?;
    note("before".to_owned()).await?;
    let at = &text;
    let copy = at.clone();
    length(copy).await
}

#[test]
fn a_reference_may_follow_a_statement() {
    assert_equal_to_the_plain_call(ordered_alias::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn aliases(number: u64) -> Result<u64> {
    let document = classify(number).await?;
    let parts = &document.parts;
    let other = double(number).await?;
    let first = parts.first().copied().unwrap_or(other);
    add(first, other).await
}

#[test]
fn an_alias_is_read_where_several_producers_meet() {
    assert_equal_to_the_plain_call(aliases::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn pointers(number: u64) -> Result<u64> {
    let greeting = "hello";
    let scale = 3;
    let mut numbers = vec![number, scale];
    let document = classify(number).await?;
    let longer = |text: &str| text.len() as u64 + document.parts.len() as u64;
    numbers.push(double(longer(greeting)).await?);
    let largest = numbers.iter().copied().max().unwrap_or_default().min(100).pow(2);
    note(greeting.to_owned()).await?;
    add(largest, longer("!") + numbers.into_iter().sum::<u64>()).await
}

#[test]
fn literals_and_closures_are_there_wherever_they_are_read() {
    assert_equal_to_the_plain_call(pointers::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn fields_before_the_whole(number: u64) -> Result<u64> {
    let document = classify(number).await?;
    let more = Document { parts: vec![number, 2], ..document.clone() };
    let size = add(more.parts[0], describe(more).await?).await?;
    let pair = (number, document);
    add(pair.0.abs_diff(describe(pair.1).await?), size).await
}

#[test]
fn a_field_is_read_before_the_whole_is_taken() {
    assert_equal_to_the_plain_call(fields_before_the_whole::WORKFLOW, &numbers());
}
