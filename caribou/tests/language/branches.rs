//! `if`, `if let` and `match` with stages in their arms.

use caribou::prelude::*;
use serde_json::json;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{Kind, Shape, add, classify, double, length, look_up, note, numbers, spell, sum};

#[caribou::workflow]
async fn if_lets(number: u64) -> Result<String> {
    let document = classify(number).await?;
    let title = if let Some(title) = document.title.clone() {
        let length = length(title.clone()).await?;
        format!("{title} of {length}")
    } else if let Kind::Number(number) = document.kind
        && number > 0
    {
        format!("{}", double(number).await?)
    } else {
        note("untitled".to_owned()).await?;
        "untitled".to_owned()
    };
    if let Some(first) = document.parts.first() {
        note(format!("{first}")).await?;
    }
    Ok(title)
}

#[test]
fn if_let_and_chains() {
    assert_equal_to_the_plain_call(if_lets::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn many_values(x: u64) -> Result<u64> {
    let a = if x > 1 { double(x).await? } else { x };
    let b = if x > 2 { double(x + 1).await? } else { x };
    let c = if x > 3 { double(x + 2).await? } else { x };
    let d = if x > 4 { double(x + 3).await? } else { x };
    let e = if x > 5 { double(x + 4).await? } else { x };
    let r#type = if x > 6 { double(x + 5).await? } else { x };
    let r#type = r#type + a;
    sum(vec![a, b, c, d, e, r#type]).await
}

#[test]
fn many_branches_in_a_row() {
    assert_equal_to_the_plain_call(many_values::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn parentheses(number: u64) -> Result<u64> {
    let text = spell(number).await?;
    let size = if number > 1 { (if double(number).await? > 3 { 1 } else { 2 }) % 2 + 1 } else { number };
    if let Shape::Boxed { width, .. } = (Shape::Boxed { width: double(size).await?, label: String::new() }) {
        note(format!("{width}")).await?;
    }
    let same =
        text.to_uppercase() == if number > 4 { text } else { spell(length(text + "!").await?).await? };
    add(u64::from(same), u64::from(double(number).await? as u8) << 1).await
}

#[test]
fn parentheses_are_kept_and_operands_evaluated_in_their_order() {
    assert_equal_to_the_plain_call(parentheses::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn decided_early(text: String, other: Option<u64>) -> Result<String> {
    let one = if let None = Some(1) { spell(text.len() as u64).await? } else { text.clone() };
    let two = one.clone();
    let _three = if let None = other {
        look_up(two.len() as u64).await?
    } else {
        Some(two.parse::<u64>().map(|two| two.to_string())?)
    };
    Ok(format!("{other:?}"))
}

#[test]
fn what_is_decided_early_travels_with_what_was_sent_before() {
    let inputs = [("", None), ("7", Some(1)), ("abcd", None), ("x", Some(1))]
        .map(|(text, other)| json!({"text": text, "other": other}));
    assert_equal_to_the_plain_call(decided_early::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn far_matching(number: u64) -> Result<u64> {
    let document = classify(number).await?;
    let other = double(document.parts.len() as u64).await?;
    match document.kind {
        Kind::Number(number) => add(other, number).await,
        Kind::Text { text, bold } => {
            let length = length(text.clone()).await?;
            Ok(length + other + u64::from(bold) + text.len() as u64)
        }
        Kind::Nothing => Ok(other),
    }
}

#[test]
fn what_a_pattern_binds_travels() {
    assert_equal_to_the_plain_call(far_matching::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn bound_in_an_arm(number: u64, limit: Option<u64>) -> Result<u64> {
    let first = double(if number > 3 { double(number).await? } else { number }).await?;
    if let Some(limit) = limit {
        let more = if limit > 3 { double(limit).await? } else { double(3).await? };
        add(more, first + limit).await
    } else {
        Ok(first)
    }
}

#[test]
fn what_an_arm_binds_is_sent_where_it_is_out_of_sight() {
    let inputs: Vec<_> = (2..6)
        .flat_map(|number| [None, Some(3), Some(4)].map(|limit| json!({"number": number, "limit": limit})))
        .collect();
    assert_equal_to_the_plain_call(bound_in_an_arm::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn decided_after_it_was_sent_for(number: u64, limit: Option<u64>) -> Result<u64> {
    let first = double(number).await?;
    let size = match limit {
        Some(limit) if limit > 3 => double(limit).await?,
        Some(limit) => limit,
        None => 1,
    };
    Ok(first + size)
}

#[test]
fn the_arm_that_is_taken_travels_with_what_was_sent_before() {
    let inputs = [None, Some(3), Some(4)].map(|limit| json!({"number": 2, "limit": limit}));
    assert_equal_to_the_plain_call(decided_after_it_was_sent_for::WORKFLOW, &inputs);
}
