//! The language beyond calls and plain `if`s, compiled: every workflow equals its plain call, in any order of messages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::many_single_char_names, reason = "tests")]
#![allow(
    clippy::redundant_pattern_matching,
    clippy::cast_possible_truncation,
    clippy::unnested_or_patterns,
    reason = "forms under test"
)]

mod engine;

use caribou::prelude::*;
use engine::{assert_equal_to_the_plain_call, called};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Kind {
    Number(u64),
    Text { text: String, bold: bool },
    Nothing,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Document {
    kind: Kind,
    title: Option<String>,
    parts: Vec<u64>,
}

#[caribou::function]
async fn double(number: u64) -> Result<u64> {
    called("double", number);
    Ok(number.wrapping_mul(2))
}

#[caribou::function]
async fn add(left: u64, right: u64) -> Result<u64> {
    called("add", (left, right));
    Ok(left.wrapping_add(right))
}

#[caribou::function]
async fn sum(numbers: Vec<u64>) -> Result<u64> {
    called("sum", &numbers);
    Ok(numbers.iter().sum())
}

#[caribou::function]
async fn length(text: String) -> Result<u64> {
    called("length", &text);
    Ok(text.len() as u64)
}

#[caribou::function]
async fn classify(number: u64) -> Result<Document> {
    called("classify", number);
    Ok(document(number))
}

#[caribou::function]
async fn even(number: u64) -> Result<u64> {
    called("even", number);
    if number.is_multiple_of(2) { Ok(number / 2) } else { Err(Error::permanent(format!("{number} is odd"))) }
}

#[caribou::function]
async fn note(text: String) -> Result<()> {
    called("note", &text);
    Ok(())
}

fn document(number: u64) -> Document {
    let kind = match number % 4 {
        0 => Kind::Number(number),
        1 => Kind::Text { text: format!("text {number}"), bold: number > 4 },
        2 => Kind::Text { text: String::new(), bold: true },
        _ => Kind::Nothing,
    };
    Document {
        kind,
        title: (number > 2).then(|| format!("title {number}")),
        parts: (0..number % 5).collect(),
    }
}

fn numbers() -> Vec<serde_json::Value> {
    (0..9).map(|number| json!(number)).collect()
}

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
async fn early(number: u64) -> Result<String> {
    if number == 0 {
        return Ok("nothing".to_owned());
    }
    let document = classify(number).await?;
    let Some(title) = document.title else {
        note(format!("no title for {number}")).await?;
        return Ok("no title".to_owned());
    };
    let size = match document.kind {
        Kind::Number(number) => double(number).await?,
        Kind::Text { text, .. } => {
            if text.is_empty() {
                return Ok(format!("{title} is empty"));
            }
            length(text).await?
        }
        Kind::Nothing => return Err(Error::permanent("there is nothing")),
    };
    let next: u64 = format!("{size}").parse()?;
    let more = add(next, 1).await?;
    Ok(format!("{title}: {more}"))
}

#[test]
fn leaving_early_guards_what_follows() {
    assert_equal_to_the_plain_call(early::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn failing_glue(text: String) -> Result<u64> {
    let number: u64 = text.trim().parse()?;
    let doubled = double(number).await?;
    let Some(half) = doubled.checked_sub(6) else {
        return Err(Error::permanent(format!("{doubled} is small")));
    };
    let odd = half.checked_rem(3).ok_or_else(|| Error::permanent("never"))?;
    add(odd, length(text.parse::<u64>().map(|n| n.to_string())?).await?).await
}

#[test]
fn glue_that_fails_fails_the_run_before_later_stages() {
    let inputs = ["3", "2", "x", "77", "8 "].map(|text| json!(text));
    assert_equal_to_the_plain_call(failing_glue::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn compensating(number: u64) -> Result<String> {
    let booked = double(number).await?;
    let half = even(number).await;
    match half {
        Ok(half) => {
            let both = add(half, booked).await?;
            Ok(format!("{both}"))
        }
        Err(error) => {
            note(format!("cancel {booked}")).await?;
            if number > 6 { Err(error) } else { Ok(error.to_string()) }
        }
    }
}

#[test]
fn a_failure_is_a_value() {
    assert_equal_to_the_plain_call(compensating::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn fallbacks(number: u64) -> Result<u64> {
    let first = even(number).await.unwrap_or(100);
    let second = even(number + 1).await.ok();
    let (third, fourth) = tokio::join!(even(first), double(first));
    if let Err(error) = &third {
        note(error.to_string()).await?;
    }
    add(second.unwrap_or_default() + fourth?, third.map_or(1, |third| third + 2)).await
}

#[test]
fn failures_have_fallbacks() {
    assert_equal_to_the_plain_call(fallbacks::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn joined(number: u64) -> Result<(u64, String)> {
    let (left, right) = tokio::try_join!(double(number), even(number * 2))?;
    tokio::try_join!(note("a".to_owned()), note("b".to_owned()))?;
    let list = vec![add(left, right).await?, 4, double(right).await?];
    let text = format!("{list:?} {} {left}", sum(list.clone()).await?);
    Ok((sum(list).await?, text))
}

#[test]
fn joins_and_macros() {
    assert_equal_to_the_plain_call(joined::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn blocks(number: u64) -> Result<u64> {
    use std::cmp::max;
    const STEP: u64 = 3;
    let text = "outer".to_owned();
    let value = {
        let text = double(number).await?;
        let number = text + STEP;
        max(number, add(number, text).await?)
    };
    let number = {
        note(text.clone()).await?;
        value + number
    };
    let text = text.len() as u64 + number;
    add(text, value).await
}

#[test]
fn blocks_and_names_that_are_used_again() {
    assert_equal_to_the_plain_call(blocks::WORKFLOW, &numbers());
}

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
async fn nested_exits(number: u64, limit: u64) -> Result<u64> {
    let mut level = double(number).await?;
    if number > 2 {
        let next = add(level, 1).await?;
        if next > limit {
            if next > limit + 2 {
                return Ok(next);
            }
            note("close".to_owned()).await?;
        }
    }
    level += 1;
    let level = if level > limit { return add(level, 100).await } else { level };
    let halved = match even(level).await {
        Ok(halved) => halved,
        Err(_) if limit > 8 => return Ok(0),
        Err(error) => return Err(error),
    };
    double(halved).await
}

#[test]
fn returns_within_branches_within_branches() {
    let inputs: Vec<_> = (0..7)
        .flat_map(|number| [0, 3, 6, 9, 30].map(|limit| json!({"number": number, "limit": limit})))
        .collect();
    assert_equal_to_the_plain_call(nested_exits::WORKFLOW, &inputs);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Round(u64),
    Boxed { width: u64, label: String },
    Flat,
}

#[caribou::function]
async fn shape(number: u64, text: String) -> Result<Shape> {
    called("shape", (number, &text));
    Ok(match number % 3 {
        0 => Shape::Round(number),
        1 => Shape::Boxed { width: number, label: text },
        _ => Shape::Flat,
    })
}

#[caribou::function]
async fn spell(number: u64) -> Result<String> {
    called("spell", number);
    Ok(format!("number {number}"))
}

#[caribou::function]
async fn look_up(number: u64) -> Result<Option<String>> {
    called("look_up", number);
    Ok((number.is_multiple_of(2)).then(|| format!("found {number}")))
}

#[caribou::workflow]
async fn else_of_a_stage(number: u64) -> Result<u64> {
    let Shape::Round(size) = shape(number, "x".into()).await? else {
        return Err(Error::permanent("not round"));
    };
    let more = size + 1;
    let Some(found) = (if more > 4 { look_up(more).await? } else { None }) else {
        return Err(Error::permanent("nothing found"));
    };
    add(more, length(found).await?).await
}

#[test]
fn let_else_over_a_stage_or_a_branch_may_fail() {
    assert_equal_to_the_plain_call(else_of_a_stage::WORKFLOW, &numbers());
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

#[test]
fn patterns_may_bind_nothing() {
    let inputs = [("", None), ("a", Some(1)), ("abcd", None)]
        .map(|(text, other)| json!({"text": text, "other": other}));
    assert_equal_to_the_plain_call(patterns_that_bind_nothing::WORKFLOW, &inputs);
}

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
async fn moving_returns(number: u64, flag: bool) -> Result<String> {
    let text = spell(number).await?;
    let size = if flag {
        if number > 3 {
            let size = double(number).await?;
            if size > 12 {
                return Ok(text);
            }
            note(format!("{size}")).await?;
        } else if number == 2 {
            let size = text.len();
            return Ok(format!("{text} {size} {}", spell(size as u64).await?));
        }
        number
    } else {
        number + 1
    };
    let list = vec![
        size,
        if flag {
            let (a, b) = tokio::join!(double(size), double(size + 1));
            a? + b?
        } else {
            3
        },
    ];
    Ok(format!("{} {text} {}", text.clone(), sum(list).await?))
}

#[test]
fn a_return_may_move_what_is_read_where_the_workflow_goes_on() {
    let inputs: Vec<_> =
        (0..9).flat_map(|number| [true, false].map(|flag| json!({"number": number, "flag": flag}))).collect();
    assert_equal_to_the_plain_call(moving_returns::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn shadowed_parameter(shape: u64, flag: bool) -> Result<String> {
    let shape = (shape, "ab".to_owned());
    let Some(text) = look_up(shape.0).await? else { return spell(shape.0).await };
    let maybe = if flag {
        let text = tokio::try_join!(add(shape.0, shape.1.len() as u64), spell(text.len() as u64))?;
        look_up(text.0).await?.unwrap_or(text.1)
    } else {
        let shape = shape.0 + 1;
        format!("{shape} {text}")
    };
    Ok(if let Some(text) = maybe.strip_prefix("found") {
        let shape = format!("{text}{}", shape.1);
        spell(length(shape).await?).await?
    } else if let Shape::Flat = self::shape(length(maybe.clone()).await?, text).await? {
        maybe
    } else {
        "neither".to_owned()
    })
}

#[test]
fn a_parameter_may_be_shadowed() {
    let inputs: Vec<_> =
        (0..6).flat_map(|shape| [true, false].map(|flag| json!({"shape": shape, "flag": flag}))).collect();
    assert_equal_to_the_plain_call(shadowed_parameter::WORKFLOW, &inputs);
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
async fn kept_and_returned(number: u64) -> Result<u64> {
    let half = even(number).await;
    note("clean up".to_owned()).await?;
    if half.is_err() {
        note("failed".to_owned()).await?;
    }
    half
}

#[test]
fn a_result_may_be_kept_and_returned() {
    assert_equal_to_the_plain_call(kept_and_returned::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn formats(number: u64) -> Result<String> {
    let text = spell(number).await?;
    let text = format!("{}{text}{}", "{text}", text);
    let list = [number; 2];
    let list = format!("{list:?} {text} {other}", text = list.len(), other = text);
    Ok(format!("{list}{}", length(list.clone()).await?))
}

#[test]
fn only_format_strings_capture() {
    assert_equal_to_the_plain_call(formats::WORKFLOW, &numbers());
}

#[caribou::workflow]
async fn guarded_by_what_comes_first(text: String) -> Result<u64> {
    let sum = text.parse::<u64>()? + double(3).await?;
    if text.parse::<u64>()?.pow(2) > length(text.clone()).await? { add(sum, 1).await } else { Ok(sum) }
}

#[test]
fn a_question_mark_guards_the_stages_behind_it_in_its_own_expression() {
    assert_equal_to_the_plain_call(
        guarded_by_what_comes_first::WORKFLOW,
        &["5", "1", "x"].map(|text| json!(text)),
    );
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
async fn taken_by_a_stage_that_leaves(number: u64, limit: u64) -> Result<u64> {
    let text = spell(number).await?;
    if number > 3 {
        if limit > 3 {
            return length(text).await;
        }
        if limit == 2 {
            let text = look_up(length(text).await?).await?;
            return Ok(text.map_or(0, |text| text.len() as u64));
        }
        note("on".to_owned()).await?;
    }
    let Ok(parsed): Result<u64, _> = text.replace("number ", "").parse() else { return Ok(7) };
    let small: u32 = match limit {
        0 => return Ok(1),
        1 => {
            note("one".to_owned()).await?;
            5
        }
        _ => parsed.try_into()?,
    };
    add(length(text).await?, u64::from(small.pow(2))).await
}

#[test]
fn what_a_leaving_arm_takes_is_still_there_for_the_others() {
    let inputs: Vec<_> = (0..6)
        .flat_map(|number| [0, 1, 2, 5].map(|limit| json!({"number": number, "limit": limit})))
        .collect();
    assert_equal_to_the_plain_call(taken_by_a_stage_that_leaves::WORKFLOW, &inputs);
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
async fn fields_before_the_whole(number: u64) -> Result<u64> {
    let document = classify(number).await?;
    let more = Document { parts: vec![number, 2], ..document.clone() };
    let size = add(more.parts[0], describe(more).await?).await?;
    let pair = (number, document);
    add(pair.0.abs_diff(describe(pair.1).await?), size).await
}

#[caribou::function]
async fn describe(document: Document) -> Result<u64> {
    called("describe", &document);
    Ok(document.parts.len() as u64 + 9)
}

#[test]
fn a_field_is_read_before_the_whole_is_taken() {
    assert_equal_to_the_plain_call(fields_before_the_whole::WORKFLOW, &numbers());
}
