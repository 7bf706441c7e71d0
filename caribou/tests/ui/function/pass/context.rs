//! A function takes its context in any form, and its caller does not pass it.

#![deny(warnings)]

use std::future::Future;
use std::pin::pin;
use std::task::{Poll, Waker};

use caribou::prelude::*;

#[caribou::function(name = "first-one", timeout = "15min")]
async fn first(context: &Context, number: u64) -> Result<String> {
    Ok(format!("{} {} {number}", context.stage, context.attempt))
}

#[caribou::function]
async fn last(number: u64, _context: &caribou::Context) -> Result<u64> {
    use std::cmp::max;
    Ok(max(number, 2))
}

#[caribou::function]
async fn only(Context { attempt, region, .. }: &Context) -> Result<String> {
    Ok(format!("{attempt} in {region}"))
}

#[caribou::function]
async fn ignored(_: &::caribou::Context, mut number: u64) -> Result<u64> {
    number += 1;
    Ok(number)
}

#[caribou::workflow]
async fn workflow(number: u64) -> Result<String> {
    let one = first(number).await?;
    let two = last(number).await?;
    let three = only().await?;
    let four = ignored(two).await?;
    Ok(format!("{one}, {three}, {four}"))
}

/// Nothing here waits.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!(),
    }
}

fn main() {
    assert_eq!(now(workflow(1)).unwrap(), "first-one 1 1, 1 in aws:us-east-1, 3");
    let mut context = Context::plain("press");
    context.attempt = 7;
    context.region = "ca-central-1".parse().unwrap();
    let scoped = Context::scope(context, workflow(1));
    assert_eq!(now(scoped).unwrap(), "press 7 1, 7 in aws:ca-central-1, 3");
}
