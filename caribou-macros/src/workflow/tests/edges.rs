//! The graphs of small workflows.

use super::{TEXT2SPEECH, edges};

#[test]
fn a_chain() {
    let found =
        edges("async fn w(a: A) -> Result<D> { let b = f(a).await?; let c = g(b).await?; h(c).await }");
    assert_eq!(found, ["input -> f [a]", "f -> g [b]", "g -> h [c]", "h -> result [h_output]"]);
}

#[test]
fn a_diamond() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let b = f(a).await?;
            let left = g(b.clone()).await?;
            let right = h(b).await?;
            k(left, right).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a]",
            "f -> g [b]",
            "f -> h [b]",
            "g -> k.0 [left]",
            "h -> k.1 [right]",
            "k -> result [k_output]"
        ]
    );
}

#[test]
fn the_example_of_the_readme() {
    assert_eq!(
        edges(TEXT2SPEECH),
        [
            "input -> validate [upload]",
            "validate -> synthesize [document.text]",
            "validate -> find_profanity [document.text] if document.needs_review",
            "validate -> censor.1 [spans] if !(document.needs_review)",
            "synthesize -> censor.0 [speech]",
            "find_profanity -> censor.1 [spans]",
            "censor -> result [censor_output]"
        ]
    );
}

#[test]
fn exclusive_branches_that_meet_again_need_no_sync_node() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let y = if a.c { f(a).await? } else { g(a).await? };
            h(y).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a] if a.c",
            "input -> g [a] if !(a.c)",
            "f -> h [y]",
            "g -> h [y]",
            "h -> result [h_output]"
        ]
    );
}

#[test]
fn nested_branches_have_the_conditions_around_them() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let y = if a.c { if a.d || a.e { f(a).await? } else { 1 } } else { 2 };
            h(y).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a] if a.c && (a.d || a.e)",
            "input -> h [y] if a.c && !(a.d || a.e) || !(a.c)",
            "f -> h [y]",
            "h -> result [h_output]"
        ]
    );
}

#[test]
fn a_condition_on_which_nothing_depends_is_not_on_the_edge() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let y = if a.c { if a.d { 1 } else { 2 } } else { let z = f(a).await?; z };
            let w = if a.c { 3 } else { 4 };
            h(y, w).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a, w] if !(a.c)",
            "input -> h [y, w] if a.c",
            "f -> h [y, w]",
            "h -> result [h_output]"
        ]
    );
}

#[test]
fn glue_that_one_stage_reads_is_done_there() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let left = f(a.x).await?;
            let right = g(a.y).await?;
            let both = left + right;
            h(both).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x]",
            "input -> g [a.y]",
            "f -> h.0 [left]",
            "g -> h.1 [right]",
            "h -> result [h_output]"
        ]
    );
}

#[test]
fn glue_that_two_stages_read_is_done_at_a_gate() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let left = f(a.x).await?;
            let right = g(a.y).await?;
            let both = left + right;
            let x = h(both).await?;
            let y = k(both).await?;
            Ok(x + y)
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x]",
            "input -> g [a.y]",
            "f -> gate.0 [left]",
            "g -> gate.1 [right]",
            "gate -> h [both]",
            "gate -> k [both]",
            "h -> result.0 [x]",
            "k -> result.1 [y]"
        ]
    );
}

#[test]
fn a_condition_over_two_producers_is_decided_at_a_gate() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let left = f(a.x).await?;
            let right = g(a.y).await?;
            if left > right { h(left).await } else { Ok(right) }
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x]",
            "input -> g [a.y]",
            "f -> gate.0 [left]",
            "g -> gate.1 [right]",
            "gate -> h [left] if left > right",
            "gate -> result [result] if !(left > right)",
            "h -> result [result]"
        ]
    );
}

#[test]
fn a_value_is_relayed_by_the_stages_between() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let id = a.id;
            let b = f(a.x).await?;
            let c = g(b).await?;
            let d = h(c).await?;
            k(d, id).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x, id]",
            "f -> g [b, id]",
            "g -> h [c, id]",
            "h -> k [d, id]",
            "k -> result [k_output]"
        ]
    );
}

#[test]
fn a_stage_in_statement_position_orders_what_follows() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            f(a.x).await?;
            let b = g(a.y).await?;
            let c = h(a.z).await?;
            Ok((b, c))
        }",
    );
    assert_eq!(
        found,
        ["input -> f [a.x, a]", "f -> g [a.y]", "f -> h [a.z]", "g -> result.0 [b]", "h -> result.1 [c]"]
    );
}

#[test]
fn the_run_waits_for_a_stage_in_an_arm_that_nothing_reads() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            if a.c { let _ignored = f(a.x).await?; }
            Ok(a.y)
        }",
    );
    assert_eq!(found, ["input -> f [a.x, a] if a.c", "input -> result [a.y] if !(a.c)", "f -> result [a.y]"]);
}

#[test]
fn an_arm_waits_for_what_its_decider_does_not_have() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let p = f(a.x).await?;
            let q = g(a.y).await?;
            let y = if p.c { h(q).await? } else { 0 };
            Ok(y)
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x]",
            "input -> g [a.y]",
            "f -> h.1 [] if p.c",
            "f -> result.0 [y] if !(p.c)",
            "g -> h.0 [q]",
            "g -> result.1 []",
            "h -> result.0 [y]"
        ]
    );
}
