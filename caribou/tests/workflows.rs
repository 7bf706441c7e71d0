//! Workflows, compiled: sound graphs, and runs that equal the plain call whatever order messages arrive in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::many_single_char_names, reason = "tests")]

mod engine;

use caribou::Result;
use engine::{assert_equal_to_the_plain_call, called};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Upload {
    text: String,
    size: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Document {
    text: String,
    needs_review: bool,
}

#[caribou::function(memory = 1024, timeout = "30s")]
async fn validate(upload: Upload) -> Result<Document> {
    called("validate", &upload);
    Ok(Document { needs_review: upload.text.len() > 3, text: upload.text })
}

#[caribou::function]
async fn synthesize(text: String) -> Result<Vec<u8>> {
    called("synthesize", &text);
    Ok(text.into_bytes())
}

#[caribou::function(regions(deny = ["us-west-1"]))]
async fn find_profanity(text: String) -> Result<Vec<u32>> {
    called("find_profanity", &text);
    Ok(vec![text.len() as u32])
}

#[caribou::function]
async fn censor(speech: Vec<u8>, spans: Option<Vec<u32>>) -> Result<String> {
    called("censor", (&speech, &spans));
    Ok(format!("{speech:?} {spans:?}"))
}

#[caribou::function]
async fn add(a: u64, b: u64) -> Result<u64> {
    called("add", (a, b));
    Ok(a + b)
}

#[caribou::function]
async fn double(a: u64) -> Result<u64> {
    called("double", a);
    Ok(a * 2)
}

#[caribou::function]
async fn tell(text: String) -> Result<()> {
    called("tell", text);
    Ok(())
}

#[caribou::workflow(version = "0.1.0")]
async fn text2speech_censoring(upload: Upload) -> Result<String> {
    let document = validate(upload).await?;
    let speech = synthesize(document.text.clone()).await?;
    let spans = if document.needs_review { Some(find_profanity(document.text).await?) } else { None };
    censor(speech, spans).await
}

#[test]
fn the_example_of_the_readme() {
    let inputs = [json!({"text": "ab", "size": 1}), json!({"text": "abcdef", "size": 1})];
    assert_equal_to_the_plain_call(text2speech_censoring::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn chain(a: u64) -> Result<u64> {
    let b = double(a).await?;
    let c = double(b + 1).await?;
    double(c).await
}

#[test]
fn a_chain() {
    assert_equal_to_the_plain_call(chain::WORKFLOW, &[json!(3)]);
}

#[caribou::workflow]
async fn diamond(a: u64) -> Result<u64> {
    let b = double(a).await?;
    let left = double(b).await?;
    let right = add(b, 7).await?;
    add(left, right).await
}

#[test]
fn a_diamond() {
    assert_equal_to_the_plain_call(diamond::WORKFLOW, &[json!(3)]);
}

#[caribou::workflow]
async fn relay(upload: Upload) -> Result<String> {
    let one = double(upload.size).await?;
    let two = double(one).await?;
    let three = double(two).await?;
    let title = format!("{} {}", upload.text, one);
    tell(title.clone()).await?;
    let four = double(three).await?;
    Ok(format!("{title} {four}"))
}

#[test]
fn values_are_relayed_over_several_stages() {
    assert_equal_to_the_plain_call(relay::WORKFLOW, &[json!({"text": "x", "size": 2})]);
}

#[caribou::workflow]
async fn meeting(a: u64, c: bool) -> Result<u64> {
    let y = if c { double(a).await? } else { add(a, 1).await? };
    double(y).await
}

#[test]
fn exclusive_branches_that_meet_again() {
    let inputs = [json!({"a": 1, "c": true}), json!({"a": 1, "c": false})];
    assert_equal_to_the_plain_call(meeting::WORKFLOW, &inputs);
    let graph = (meeting::WORKFLOW.graph)();
    assert!(graph.nodes.iter().all(|node| node.slots < 2));
}

#[caribou::workflow]
async fn glue_after_a_branch(upload: Upload) -> Result<String> {
    let size = if upload.size > 10 { double(upload.size).await? } else { upload.size };
    let title = format!("<{}>", upload.text);
    let sum = size + 1;
    let moved = upload.text;
    tell(title.clone()).await?;
    let last = double(sum).await?;
    Ok(format!("{title} {moved} {last}"))
}

#[test]
fn glue_that_follows_a_branch_goes_along_with_what_was_sent_before() {
    let inputs = [json!({"text": "x", "size": 2}), json!({"text": "x", "size": 20})];
    assert_equal_to_the_plain_call(glue_after_a_branch::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn nested(a: u64, b: u64) -> Result<u64> {
    let y = if a > 3 {
        let z = double(a).await?;
        if b > 3 { add(z, b).await? } else { z }
    } else if b > 3 {
        let k = b + 1;
        double(k).await?
    } else {
        7
    };
    let w = double(b).await?;
    add(y, w).await
}

#[test]
fn nested_branches() {
    let inputs = [(1, 1), (1, 5), (5, 1), (5, 5)].map(|(a, b)| json!({"a": a, "b": b}));
    assert_equal_to_the_plain_call(nested::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn joined_glue(a: u64) -> Result<u64> {
    let left = double(a).await?;
    let right = add(a, 1).await?;
    let sum = left * right;
    let more = sum + left;
    add(sum, more).await
}

#[test]
fn glue_that_one_stage_reads_is_done_when_all_has_arrived() {
    assert_equal_to_the_plain_call(joined_glue::WORKFLOW, &[json!(5)]);
    let graph = (joined_glue::WORKFLOW.graph)();
    assert_eq!(graph.stages().count() + 2, graph.nodes.len());
}

#[caribou::workflow]
async fn gated_glue(a: u64) -> Result<u64> {
    let left = double(a).await?;
    let right = add(a, 1).await?;
    let sum = left * right;
    let x = double(sum).await?;
    let y = add(sum, 1).await?;
    add(x, y).await
}

#[test]
fn glue_that_two_stages_read_is_done_at_a_gate() {
    assert_equal_to_the_plain_call(gated_glue::WORKFLOW, &[json!(5)]);
    assert!((gated_glue::WORKFLOW.graph)().find("gate#1").is_some());
}

#[caribou::workflow]
async fn gated_branch(a: u64) -> Result<u64> {
    let left = double(a).await?;
    let right = add(a, 5).await?;
    let y = if left > right { double(left).await? } else { right };
    Ok(y + a)
}

#[test]
fn a_condition_over_two_producers_is_decided_at_a_gate() {
    assert_equal_to_the_plain_call(gated_branch::WORKFLOW, &[json!(3), json!(9)]);
}

#[caribou::workflow]
async fn ordered(a: u64) -> Result<u64> {
    tell("start".to_owned()).await?;
    let b = double(a).await?;
    if b > 4 {
        tell(format!("{b}")).await?;
    }
    let c = add(a, 1).await?;
    tell("end".into()).await?;
    Ok(c)
}

#[test]
fn statements_order_what_follows() {
    assert_equal_to_the_plain_call(ordered::WORKFLOW, &[json!(1), json!(7)]);
}

#[caribou::workflow]
async fn unobserved(a: u64, c: bool) -> Result<u64> {
    let _ignored = double(a).await?;
    let y = if c {
        let _audit = add(a, 1).await?;
        let _other = add(a, 2).await?;
        a
    } else {
        5
    };
    Ok(y)
}

#[test]
fn a_run_ends_when_every_started_stage_has_ended() {
    let inputs = [json!({"a": 1, "c": true}), json!({"a": 1, "c": false})];
    assert_equal_to_the_plain_call(unobserved::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn decided_early(a: u64, c: bool) -> Result<u64> {
    let p = double(a).await?;
    let y = if c {
        let k = a + 1;
        add(p, k).await?
    } else {
        p
    };
    let q = if a > 100 { double(p).await? } else { y };
    Ok(q + y)
}

#[test]
fn a_condition_may_be_known_before_its_arms_can_run() {
    let inputs = [(1, true), (1, false), (200, true), (200, false)].map(|(a, c)| json!({"a": a, "c": c}));
    assert_equal_to_the_plain_call(decided_early::WORKFLOW, &inputs);
}

#[caribou::workflow]
async fn unordered_arm(a: u64) -> Result<u64> {
    let p = double(a).await?;
    let q = add(a, 1).await?;
    let y = if p > 5 { add(q, p).await? } else { 0 };
    let z = if q > 5 { double(p + 1).await? } else { 1 };
    add(y, z).await
}

#[test]
fn an_arm_may_read_what_its_decider_does_not_know() {
    assert_equal_to_the_plain_call(unordered_arm::WORKFLOW, &[json!(1), json!(3), json!(4), json!(9)]);
}

#[caribou::workflow]
async fn written(a: u64) -> Result<Vec<u64>> {
    let mut list = vec![a];
    list.push(a + 1);
    let b = double(list.len() as u64).await?;
    list.push(b);
    let c = add(b, list[0]).await?;
    list.push(c);
    let mut total = 0;
    total += b;
    total += c;
    list.push(total);
    Ok(list)
}

#[test]
fn a_mutable_variable_is_written_where_its_values_are() {
    assert_equal_to_the_plain_call(written::WORKFLOW, &[json!(3)]);
}

#[caribou::workflow]
async fn parts(a: u64) -> Result<(u64, String)> {
    let (one, two) = pair(a).await?;
    let sum = add(one, two.len() as u64).await?;
    let shout = two.to_uppercase();
    tell(shout.clone()).await?;
    Ok((double(sum).await?, shout + &two))
}

#[caribou::function]
async fn pair(a: u64) -> Result<(u64, String)> {
    called("pair", a);
    Ok((a, "x".repeat(a as usize)))
}

#[test]
fn the_parts_of_an_output_travel() {
    assert_equal_to_the_plain_call(parts::WORKFLOW, &[json!(3)]);
}

#[caribou::workflow]
async fn hoisted(a: u64) -> Result<Option<u64>> {
    let x = add(double(a).await?, double(a + 1).await?).await?;
    let y = Some(add(x, if x > 9 { double(x).await? } else { 1 }).await?);
    Ok(y.map(|y| y + a))
}

#[test]
fn stage_calls_are_lifted_out_of_expressions() {
    assert_equal_to_the_plain_call(hoisted::WORKFLOW, &[json!(1), json!(5)]);
}

#[caribou::workflow]
async fn failing(a: u64) -> Result<u64> {
    let b = double(a).await?;
    check(b)
}

fn check(b: u64) -> Result<u64> {
    if b > 5 { Err(caribou::Error::permanent("too much")) } else { Ok(b) }
}

#[test]
fn the_result_may_be_an_error() {
    assert_equal_to_the_plain_call(failing::WORKFLOW, &[json!(1), json!(5)]);
}

#[caribou::workflow]
async fn branching_tail(a: u64) -> Result<u64> {
    let b = double(a).await?;
    if b > 10 {
        double(b).await
    } else if b > 5 {
        tell("middle".to_owned()).await?;
        Ok(b)
    } else {
        check(b + 1)
    }
}

#[test]
fn the_result_may_come_from_any_arm() {
    assert_equal_to_the_plain_call(branching_tail::WORKFLOW, &[json!(1), json!(2), json!(4), json!(8)]);
}

#[caribou::workflow]
async fn shadowed(a: u64) -> Result<u64> {
    let x = double(a).await?;
    let keep = x;
    let x = double(x + 1).await?;
    let x = if x > 10 {
        let keep = x + 1;
        add(x, keep).await?
    } else {
        keep
    };
    add(x, keep).await
}

#[test]
fn names_may_be_used_again() {
    assert_equal_to_the_plain_call(shadowed::WORKFLOW, &[json!(1), json!(2), json!(8)]);
}

#[caribou::workflow]
async fn nothing() -> Result<()> {
    tell("hello".to_owned()).await?;
    Ok(())
}

#[test]
fn a_workflow_may_have_no_input_and_no_result() {
    assert_equal_to_the_plain_call(nothing::WORKFLOW, &[json!(null)]);
}

#[caribou::workflow]
async fn aliased(upload: Upload) -> Result<String> {
    let text = &upload.text;
    let long = text.len() > 3;
    let size = double(upload.size).await?;
    let title = if long {
        tell(text.clone()).await?;
        text.to_uppercase()
    } else {
        text.clone()
    };
    Ok(format!("{title} {size} {text}"))
}

#[test]
fn a_reference_is_resolved_to_what_it_points_at() {
    let inputs = [json!({"text": "ab", "size": 1}), json!({"text": "abcdef", "size": 1})];
    assert_equal_to_the_plain_call(aliased::WORKFLOW, &inputs);
}
