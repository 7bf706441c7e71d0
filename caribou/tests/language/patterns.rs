//! Patterns of `let` and `match`.

use caribou::prelude::*;
use serde_json::json;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{Kind, add, classify, document, double, even, length, look_up, numbers, spell};

#[caribou::workflow]
async fn matching(number: u64) -> Result<u64> {
    let document = classify(number).await?;
    let size = match document.kind {
        Kind::Number(number) if number > 4 => double(number).await?,
        Kind::Number(number) => number,
        Kind::Text { text, bold: true } if !text.is_empty() => length(text).await? + 1,
        Kind::Text { text, .. } => add(text.len() as u64, 3).await?,
        Kind::Nothing => 7,
    };
    double(size).await
}

#[test]
fn match_with_guards_and_stages_in_its_arms() {
    assert_equal_to_the_plain_call(matching::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn patterns_that_bind_nothing(text: String, other: Option<u64>) -> Result<String> {
    let one = if let None = Some(1) { spell(length(text.clone()).await?).await? } else { text.clone() };
    let two = one.clone();
    let three = if let None = other { look_up(3).await? } else { Some(two.clone()) };
    let four = match (&other, two.len()) {
        (None, 0) => spell(1).await?,
        (Some(_), 1..=3) => spell(2).await?,
        _ => "none".to_owned(),
    };
    Ok(format!("{other:?} {three:?} {four} {two}"))
}

#[test]
fn patterns_may_bind_nothing() {
    let inputs = [("", None), ("a", Some(1)), ("abcd", None)]
        .map(|(text, other)| json!({"text": text, "other": other}));
    assert_equal_to_the_plain_call(patterns_that_bind_nothing::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn alternatives(number: u64, limit: u64) -> Result<u64> {
    let out = match (even(number).await, even(limit).await) {
        (Ok(half), Ok(other)) => add(half, other).await?,
        (Ok(half), Err(_)) | (Err(_), Ok(half)) => half,
        (Err(error), Err(_)) => return Err(error),
    };
    match document(out).kind {
        Kind::Text { text, .. } if !text.is_empty() => length(text).await,
        Kind::Number(size @ (0..4 | 9..)) | Kind::Number(size) => double(size).await,
        Kind::Text { .. } | Kind::Nothing => double(out).await,
    }
}

#[test]
fn both_sides_of_an_or_bind_one_variable() {
    let inputs: Vec<_> =
        (0..4).flat_map(|number| [0, 3, 8].map(|limit| json!({"number": number, "limit": limit}))).collect();
    assert_equal_to_the_plain_call(alternatives::WORKFLOW, &inputs);
}
