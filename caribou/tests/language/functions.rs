//! What the workflows under test call and are called with.

use caribou::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::called;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Kind {
    Number(u64),
    Text { text: String, bold: bool },
    Nothing,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) kind: Kind,
    pub(crate) title: Option<String>,
    pub(crate) parts: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Round(u64),
    Boxed { width: u64, label: String },
    Flat,
}

#[caribou::function]
pub(crate) async fn double(number: u64) -> Result<u64> {
    called("double", number);
    Ok(number.wrapping_mul(2))
}

#[caribou::function]
pub(crate) async fn add(left: u64, right: u64) -> Result<u64> {
    called("add", (left, right));
    Ok(left.wrapping_add(right))
}

#[caribou::function]
pub(crate) async fn sum(numbers: Vec<u64>) -> Result<u64> {
    called("sum", &numbers);
    Ok(numbers.iter().sum())
}

#[caribou::function]
pub(crate) async fn length(text: String) -> Result<u64> {
    called("length", &text);
    Ok(text.len() as u64)
}

#[caribou::function]
pub(crate) async fn classify(number: u64) -> Result<Document> {
    called("classify", number);
    Ok(document(number))
}

#[caribou::function]
pub(crate) async fn even(number: u64) -> Result<u64> {
    called("even", number);
    if number.is_multiple_of(2) { Ok(number / 2) } else { Err(Error::permanent(format!("{number} is odd"))) }
}

#[caribou::function]
pub(crate) async fn note(text: String) -> Result<()> {
    called("note", &text);
    Ok(())
}

#[caribou::function]
pub(crate) async fn shape(number: u64, text: String) -> Result<Shape> {
    called("shape", (number, &text));
    Ok(match number % 3 {
        0 => Shape::Round(number),
        1 => Shape::Boxed { width: number, label: text },
        _ => Shape::Flat,
    })
}

#[caribou::function]
pub(crate) async fn spell(number: u64) -> Result<String> {
    called("spell", number);
    Ok(format!("number {number}"))
}

#[caribou::function]
pub(crate) async fn look_up(number: u64) -> Result<Option<String>> {
    called("look_up", number);
    Ok((number.is_multiple_of(2)).then(|| format!("found {number}")))
}

#[caribou::function]
pub(crate) async fn describe(document: Document) -> Result<u64> {
    called("describe", &document);
    Ok(document.parts.len() as u64 + 9)
}

pub(crate) fn document(number: u64) -> Document {
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

pub(crate) fn numbers() -> Vec<serde_json::Value> {
    (0..9).map(|number| json!(number)).collect()
}
