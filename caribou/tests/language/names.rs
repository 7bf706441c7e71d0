//! Names that are used again, and what format strings capture.

use caribou::prelude::*;
use serde_json::json;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{Shape, add, double, length, look_up, note, numbers, shape, spell};

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
