//! What is run. Every function returns a text that says which call of it made it, so that two calls of one stage can be
//! told apart wherever their outcomes get to.

// The functions are deployed, not called by hand: their errors are what the check looks at.
#![allow(clippy::missing_errors_doc)]

use std::cell::RefCell;

use caribou::prelude::*;

thread_local! {
    static INVOCATION: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `work` as the invocation of this name.
pub fn within<T>(invocation: &str, work: impl FnOnce() -> T) -> T {
    let before = INVOCATION.replace(invocation.to_owned());
    let done = work();
    INVOCATION.set(before);
    done
}

/// The stage, its item, the invocation that called it, and which attempt that was.
fn mark(context: &Context) -> String {
    let item = context.item.map_or(String::new(), |item| format!(".{item}"));
    format!("{}{item}@{}~{}", context.stage, INVOCATION.with_borrow(String::clone), context.attempt)
}

/// A mark of its own.
#[caribou::function]
pub async fn first(context: &Context, number: u64) -> Result<String> {
    let _ = number;
    Ok(mark(context))
}

/// A mark of its own.
#[caribou::function]
pub async fn second(context: &Context, number: u64) -> Result<String> {
    let _ = number;
    Ok(mark(context))
}

/// A mark of its own.
#[caribou::function]
pub async fn third(context: &Context, number: u64) -> Result<String> {
    let _ = number;
    Ok(mark(context))
}

/// What it got and a mark of its own.
#[caribou::function]
pub async fn onward(context: &Context, marks: String) -> Result<String> {
    Ok(format!("{marks}+{}", mark(context)))
}

/// All of what it got and a mark of its own.
#[caribou::function]
pub async fn together(context: &Context, marks: Vec<String>) -> Result<String> {
    Ok(format!("{}+{}", marks.join("+"), mark(context)))
}

/// Fails for good.
#[caribou::function]
pub async fn refuse(marks: String) -> Result<String> {
    let _ = marks;
    Err(Error::permanent("refused"))
}

/// A stage behind a stage.
#[caribou::workflow]
pub async fn chain(number: u64) -> Result<String> {
    let marks = first(number).await?;
    onward(marks).await
}

/// A sync node with two predecessors.
#[caribou::workflow]
pub async fn two(number: u64) -> Result<String> {
    let (a, b) = tokio::try_join!(first(number), second(number))?;
    together(vec![a, b]).await
}

/// A sync node with three predecessors.
#[caribou::workflow]
pub async fn three(number: u64) -> Result<String> {
    let (a, b, c) = tokio::try_join!(first(number), second(number), third(number))?;
    together(vec![a, b, c]).await
}

/// Two successors of one stage, which must see the same call of it.
#[caribou::workflow]
pub async fn fork(number: u64) -> Result<String> {
    let seed = first(number).await?;
    let left = onward(seed.clone()).await?;
    let right = onward(seed).await?;
    together(vec![left, right]).await
}

/// A gate: the branch, taken for even numbers, reads two stages, and the sync node waits for what it decides.
#[caribou::workflow]
pub async fn gate(number: u64) -> Result<String> {
    let (a, b) = tokio::try_join!(first(number), second(number))?;
    let last = if (a < b) == number.is_multiple_of(2) { onward(a.clone()).await? } else { b.clone() };
    together(vec![a, b, last]).await
}

/// A map with two items, collected.
#[caribou::workflow]
pub async fn map(number: u64) -> Result<String> {
    let seed = first(number).await?;
    let items = vec![seed.clone(), seed];
    let marks = caribou::map(items, onward).await?;
    together(marks).await
}

/// A failure that is a value, beside a stage that succeeds.
#[caribou::workflow]
pub async fn caught(number: u64) -> Result<String> {
    let seed = first(number).await?;
    let refused = refuse(seed.clone()).await;
    let other = onward(seed).await?;
    together(vec![other, refused.unwrap_or_else(|_| "none".to_owned())]).await
}
