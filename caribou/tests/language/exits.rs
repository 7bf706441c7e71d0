//! `return`, `let .. else` and what follows them.

use caribou::prelude::*;
use serde_json::json;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{
    Kind, Shape, add, classify, double, even, length, look_up, note, numbers, shape, spell, sum,
};

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
async fn taken_by_an_arm_that_fails(number: u64, limit: u64) -> Result<u64> {
    let text = format!("number {number}");
    let size = match number {
        0 => 1,
        1 => {
            let found: u64 = match limit {
                0 => 3,
                1 => length(text + "!").await?,
                _ => match limit {
                    2 => 4,
                    _ => return Ok(limit),
                },
            };
            return Err(Error::permanent(format!("found {found}")));
        }
        _ => double(number).await?,
    };
    add(size, length(text).await?).await
}

#[test]
fn what_an_arm_takes_that_never_goes_on_is_still_there_for_the_others() {
    let inputs: Vec<_> = (0..3)
        .flat_map(|number| [0, 1, 2, 3].map(|limit| json!({"number": number, "limit": limit})))
        .collect();
    assert_equal_to_the_plain_call(taken_by_an_arm_that_fails::WORKFLOW, &inputs);
}
