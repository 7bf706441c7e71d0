//! `?` of glue, and failures as values.

use caribou::prelude::*;
use serde_json::json;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{add, double, even, length, note, numbers};

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
