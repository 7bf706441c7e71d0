//! Programs written by hand, of what random ones seldom have: nested sync nodes, gates, maps of maps, large values.

// A map's closure holds the stage call.
#![allow(clippy::redundant_closure)]

use caribou::{Error, Result};

use crate::case::Case;
use crate::functions::{add, blend, check, double, measure, spell, spread, total};
use crate::recorder::noted;

/// A text over the size that a message carries itself.
#[caribou::function]
pub async fn bulk(number: u64) -> Result<String> {
    noted("bulk", &[number], Ok(number.to_string().repeat(20_000)))
}

/// What is left of it.
#[caribou::function]
pub async fn gist(text: String) -> Result<u64> {
    noted("gist", &[&text[..text.len().min(4)]], Ok(text.len() as u64 % 97))
}

/// Sync nodes that wait for sync nodes.
#[caribou::workflow]
pub async fn nested(number: u64) -> Result<u64> {
    let (a, b) = (double(number).await?, double(number + 1).await?);
    let left = add(a, b).await?;
    let c = check(number).await?;
    let right = add(left, c).await?;
    let d = double(c).await?;
    blend(left, right, d).await
}

/// Branches that are decided where several stages meet, with sync nodes in their arms.
#[caribou::workflow]
pub async fn gated(number: u64) -> Result<u64> {
    let (a, b) = (double(number).await?, measure(number.to_string()).await?);
    let chosen = if a > b * 4 {
        let (x, y) = (double(a).await?, double(b).await?);
        add(x, y).await?
    } else {
        check(b).await?
    };
    let named = if chosen % 2 == 0 { Some(spell(chosen).await?) } else { None };
    let letters = measure(named.unwrap_or_default()).await?;
    add(chosen, letters).await
}

/// Maps over what maps gave, and one whose failures are values.
#[caribou::workflow]
pub async fn mapped(number: u64) -> Result<u64> {
    let list = spread(number).await?;
    let doubled = caribou::map(list, |item| double(item)).await?;
    let lists = caribou::map(doubled, |item| spread(item)).await?;
    let checked = caribou::map(lists.concat(), |item| check(item)).await.unwrap_or_default();
    total(checked).await
}

/// Values that travel as blobs, some past other stages.
#[caribou::workflow]
pub async fn bulky(number: u64) -> Result<u64> {
    let (a, b) = (bulk(number).await?, bulk(number + 1).await?);
    let left = gist(a.clone()).await?;
    let more = double(left).await?;
    let right = gist(format!("{b}{a}")).await?;
    if right == 1_000 {
        return Err(Error::permanent("never"));
    }
    add(more, right).await
}

/// All of them.
pub fn cases() -> [Case; 4] {
    const SOURCE: &str = include_str!("workflows.rs");
    let case = |seed, workflow, inputs| Case {
        seed,
        source: SOURCE,
        workflow,
        calls: &[],
        inputs,
        features: &["by hand"],
    };
    [
        case(9_000_001, &nested::WORKFLOW, &["3", "4", "9"]),
        case(9_000_002, &gated::WORKFLOW, &["1", "7", "30", "444"]),
        case(9_000_003, &mapped::WORKFLOW, &["3", "7", "18", "4"]),
        case(9_000_004, &bulky::WORKFLOW, &["3", "8"]),
    ]
}
