//! What a function learns of the attempt that it runs in.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Barrier};

use caribou::__private::Values;
use caribou::prelude::*;
use caribou_runtime::call_stage;

#[caribou::function(timeout = "15min")]
async fn place(context: &Context) -> Result<String> {
    let before = text(context);
    tokio::task::yield_now().await;
    assert_eq!(context.attempt, Context::current().attempt);
    Ok(before)
}

#[caribou::function]
async fn spawned(context: &Context) -> Result<(String, String)> {
    let alone = tokio::spawn(async { text(&Context::current()) }).await?;
    let scoped = tokio::spawn(context.clone().scope(async { text(&Context::current()) })).await?;
    Ok((alone, scoped))
}

fn text(Context { run, stage, attempt, region, .. }: &Context) -> String {
    format!("{run} {stage} {attempt} {region}")
}

fn attempt(number: u32) -> Context {
    let mut context = Context::plain("place#2");
    (context.attempt, context.run) = (number, "run-7".parse().unwrap());
    context.region = "ca-central-1".parse().unwrap();
    context
}

async fn deployed<T: 'static>(call: caribou::__private::Call, context: Context) -> T {
    let output = call(context, &Values::new(Vec::new())).unwrap().await.unwrap();
    *output.downcast().unwrap()
}

#[tokio::test]
async fn a_plain_call_is_the_first_attempt_of_the_run_plain() {
    assert!(place().await.unwrap().starts_with("plain place 1 aws:"));
}

#[tokio::test]
async fn a_test_chooses_the_context() {
    assert_eq!(Context::scope(attempt(3), place()).await.unwrap(), "run-7 place#2 3 aws:ca-central-1");
}

#[tokio::test]
async fn a_deployed_function_has_that_of_its_attempt() {
    let place: String = deployed(call_stage::<place>, attempt(2)).await;
    assert_eq!(place, "run-7 place#2 2 aws:ca-central-1");
}

#[tokio::test]
async fn a_spawned_task_has_it_if_it_is_given() {
    let (alone, scoped): (String, String) = deployed(call_stage::<spawned>, attempt(2)).await;
    assert!(alone.starts_with("plain plain 1"), "{alone}");
    assert_eq!(scoped, "run-7 place#2 2 aws:ca-central-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_on_two_threads_do_not_see_each_other() {
    let together = Arc::new(Barrier::new(2));
    let look = |number| {
        let together = Arc::clone(&together);
        tokio::spawn(attempt(number).scope(async move {
            together.wait();
            Context::current().attempt
        }))
    };
    let (first, second) = (look(4), look(5));
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (4, 5));
}
