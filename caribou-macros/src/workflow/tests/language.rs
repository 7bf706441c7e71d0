//! The graphs of what the language has beyond calls and plain `if`s.

use super::edges;

#[test]
fn a_match_decides_between_its_arms() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let y = match a.kind {
                Kind::Left(n) if n > 1 => f(n).await?,
                Kind::Right { m, .. } => g(m).await?,
                _ => 0,
            };
            h(y).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [n] if a.kind is Kind::Left(n) if n > 1",
            "input -> g [m] if a.kind is Kind::Right { m, .. }",
            "input -> h [y] if a.kind is _",
            "f -> h [y]",
            "g -> h [y]",
            "h -> result [h_output]"
        ]
    );
}

#[test]
fn if_let_binds_in_its_arm() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            if let Some(x) = a.x { f(x).await } else if let Some(y) = a.y && y > 2 { g(y).await } else { Ok(0) }
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [x] if a.x is Some(x)",
            "input -> g [y] if !(a.x is Some(x)) && let Some(y) = a.y && y > 2",
            "input -> result [result] if !(a.x is Some(x)) && !(let Some(y) = a.y && y > 2)",
            "f -> result [result]",
            "g -> result [result]"
        ]
    );
}

#[test]
fn what_a_pattern_binds_travels_to_where_the_arm_goes_on() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let p = f(a.x).await?;
            let q = g(p.q).await?;
            match p.kind { Kind::Left(n) => h(q, n).await, Kind::Right => Ok(q) }
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x]",
            "f -> g [p.q, arm of p.kind, n]",
            "g -> h [q, n] if p.kind is Kind::Left(n)",
            "g -> result [result] if p.kind is Kind::Right",
            "h -> result [result]"
        ]
    );
}

#[test]
fn a_return_guards_what_follows() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let p = f(a.x).await?;
            if p.done { return Ok(p.value); }
            let Some(rest) = p.rest else { return k(p.value).await };
            g(rest).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x]",
            "f -> g [rest] if !(p.done) && (p.rest is Some(rest))",
            "f -> k [p.value] if !(p.done) && (p.rest is _)",
            "f -> result [result] if p.done",
            "g -> result [result]",
            "k -> result [result]"
        ]
    );
}

#[test]
fn glue_that_may_fail_guards_what_follows() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let p = f(a.x).await?;
            let n: u64 = p.parse()?;
            let q = g(a.y).await?;
            h(q, n).await
        }",
    );
    assert_eq!(found, ["input -> f [a.x, a]", "f -> g [a.y, n]", "g -> h [q, n]", "h -> result [h_output]"]);
}

#[test]
fn a_let_else_that_fails_is_glue() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let Some(x) = a.x else { return Err(Error::permanent(\"no x\")) };
            let y = f(x).await?;
            if y > 3 { return Err(Error::permanent(\"too much\")); }
            g(y).await
        }",
    );
    assert_eq!(found, ["input -> f [x]", "f -> g [y]", "g -> result [g_output]"]);
}

#[test]
fn joins_run_side_by_side() {
    for join in ["tokio::try_join!(f(a.x), g(a.y))?", "(f(a.x).await?, g(a.y).await?)"] {
        let found = edges(&format!("async fn w(a: A) -> Result<D> {{ let (b, c) = {join}; h(b, c).await }}"));
        assert_eq!(
            found,
            [
                "input -> f [a.x]",
                "input -> g [a.y]",
                "f -> h.0 [b]",
                "g -> h.1 [c]",
                "h -> result [h_output]"
            ]
        );
    }
}

#[test]
fn a_block_is_its_statements() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let x = 1;
            let b = { let x = f(a.x).await?; x + 1 };
            g(b, x).await
        }",
    );
    assert_eq!(found, ["input -> f [a.x, x]", "f -> g [b, x]", "g -> result [g_output]"]);
}

#[test]
fn stages_in_macros_of_std() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let list = vec![f(a.x).await?, 2];
            g(format!(\"{:?} {}\", list, h(a.y).await?)).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x]",
            "input -> h [a.y]",
            "f -> g.0 [list]",
            "h -> g.1 [h_output]",
            "g -> result [g_output]"
        ]
    );
}

#[test]
fn a_failure_is_a_value_to_decide_on() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            match f(a.x).await {
                Ok(b) => g(b).await,
                Err(error) => { h(a.y).await?; Err(error) }
            }
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [a.x, a]",
            "f -> g [b] if f(..) is Ok(b)",
            "f -> h [a.y, error] if f(..) is Err(error)",
            "g -> result [result]",
            "h -> result [result]"
        ]
    );
}

#[test]
fn a_map_is_dispatched_and_collected() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let list = split(a.x).await?;
            let sizes = caribou::map(list, |item| f(item, a.y.clone(), 3)).await?;
            g(sizes, a.z).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> split [a.x, a]",
            "split -> f [each of list, a.y, 3]",
            "split -> collect.0 [a]",
            "f -> collect.1 [sizes]",
            "collect -> g [sizes, a.z]",
            "g -> result [g_output]"
        ]
    );
}

#[test]
fn a_map_that_several_producers_feed_is_dispatched_at_a_gate() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let list = split(a.x).await?;
            let scale = measure(a.y).await?;
            let sizes = caribou::map(list, |item| f(item, scale)).await?;
            let other = caribou::map(sizes, |item| g(item)).await?;
            Ok(other)
        }",
    );
    assert_eq!(
        found,
        [
            "input -> split [a.x]",
            "input -> measure [a.y]",
            "split -> gate.0 [list]",
            "measure -> gate.1 [scale]",
            "gate -> f [each of list, scale]",
            "gate -> collect.0 []",
            "f -> collect.1 [sizes]",
            "collect -> g [each of sizes]",
            "collect -> collect_2.0 []",
            "g -> collect_2.1 [other]",
            "collect_2 -> result [other]"
        ]
    );
}

#[test]
fn several_arms_that_go_on() {
    let found = edges(
        "async fn w(a: A) -> Result<D> {
            let y = match a.kind { Kind::A => f(1).await?, Kind::B => 2, Kind::C => return Ok(3) };
            g(y).await
        }",
    );
    assert_eq!(
        found,
        [
            "input -> f [1] if a.kind is Kind::A",
            "input -> g [y] if a.kind is Kind::B",
            "input -> result [result] if a.kind is Kind::C",
            "f -> g [y]",
            "g -> result [result]"
        ]
    );
}
