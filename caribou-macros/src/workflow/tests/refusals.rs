//! What is refused, and that one mistake gives one error.

use super::mistakes;

/// The one mistake of a body.
fn mistake(body: &str) -> String {
    let found = mistakes(&format!("async fn w(a: A) -> Result<D> {{ {body} }}"));
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn stages_where_no_stage_can_be() {
    assert!(mistake("for x in a { f(x).await?; } g(1).await").contains("in a loop"));
    assert!(mistake("while a.c { f(1).await?; } g(1).await").contains("in a loop"));
    assert!(mistake("loop { f(1).await?; break; } g(1).await").contains("in a loop"));
    assert!(mistake("let y = a.iter().map(|x| f(x).await?); g(y).await").contains("in a closure"));
    assert!(mistake("let y = a.c && f(1).await?; g(y).await").contains("right of `&&`"));
    assert!(
        mistake("let y = match a { x if f(x).await? => 1, _ => g(1).await? }; g(y).await").contains("guard")
    );
    assert!(mistake("let y = match a { x if f(x).await? => 1, _ => 2 }; g(y).await").contains("guard"));
    assert!(mistake("let y = 'l: { f(1).await? }; g(y).await").contains("labelled"));
    assert!(mistake("let y = json!([f(1).await?]); g(y).await").contains("`json!`"));
    assert!(mistake("let y = async { f(1).await }; g(y).await").contains("`async` block"));
    assert!(mistake("tokio::select!(x = f(1) => x); g(x).await").contains("`select!`"));
}

#[test]
fn stages_that_are_not_awaited() {
    assert!(mistake("let x = f(1); let y = f(2).await?; g(x, y).await").contains("`f(..).await?`"));
    let found = mistakes("async fn w(a: A) -> Result<D> { let x = s::f(1); let y = x.await?; g(y).await }");
    assert!(found[0].contains("`s::f(..).await?`"), "{found:?}");
}

#[test]
fn joins_and_maps_of_another_shape() {
    assert!(mistake("let (x, y) = tokio::try_join!(f(1), f(2)); g(x).await").contains("write `?`"));
    assert!(mistake("let x = tokio::join!(biased; f(1)); g(x).await").contains("not awaited yet"));
    assert!(mistake("let (x,) = tokio::join!(async { 1 }); g(x).await").contains("an `async` block"));
    for call in [
        "caribou::map(a, a)",
        "caribou::map(a, |x| x + 1)",
        "map(a, |x, y| f(x))",
        "map(a, |x| { let y = x; f(y) })",
    ] {
        assert!(mistake(&format!("let x = {call}.await?; g(x).await")).contains("one stage call"), "{call}");
    }
    assert!(mistake("let x = map(a, |x| f(h(x).await?)).await?; g(x).await").contains("in a closure"));
}

#[test]
fn awaiting_what_is_no_stage() {
    assert!(mistake("a.send().await?; g(1).await").contains("awaits a method"));
    assert!(mistake("let y = a.await?; g(y).await").contains("awaits a value"));
    assert!(mistake("let y = f::<u8>(a).await?; g(y).await").contains("generic"));
    assert!(mistake("let y = (a.f)(1).await?; g(y).await").contains("by the path"));
}

#[test]
fn leaving_early_from_within_a_loop() {
    assert!(
        mistake("for x in &a { if x.c { return Ok(1); } } g(a).await")
            .contains("cannot `return` a value from here")
    );
    assert!(
        mistake("let y = a.c && { return Ok(1) }; g(y).await").contains("cannot `return` a value from here")
    );
    assert!(mistake("let y = json!([a.parse()?]); g(y).await").contains("`?` cannot stand in `json!`"));
}

#[test]
fn glue_may_leave_its_own_closures() {
    let found = mistakes(
        "async fn w(a: A) -> Result<D> {
            let parse = |x: &str| -> Result<u8, E> { if x.is_empty() { return Ok(0); } Ok(x.parse()?) };
            g(parse(\"1\").unwrap_or(2)).await
        }",
    );
    assert_eq!(found, [""; 0]);
}

#[test]
fn writes_that_cannot_be_placed() {
    assert!(
        mistake("let mut v = a; if v.c { f(1).await?; v.push(1); } g(1).await")
            .contains("outside of this branch")
    );
    assert!(mistake("let mut v = a; f(v.pop()).await").contains("a statement of its own"));
    assert!(mistake("let v = &a.x; let w = &mut y; f(1).await?; g(w).await").contains("borrows"));
}

#[test]
fn statements_without_a_place() {
    assert!(mistake("static X: u8 = 1; g(a).await").contains("move this item out"));
    assert!(mistake("let x; x = 1; g(x).await").contains("has a value from the start"));
    assert!(mistake("#[cfg(x)] let x = 1; g(x).await").contains("attribute"));
    assert!(mistake("Ok(a)").contains("calls no caribou function"));
}

#[test]
fn all_mistakes_are_reported_together() {
    let found = mistakes(
        "fn w<T>(a: &A, _: B) -> Result<D> {
            for x in a { f(x).await?; }
            let y = a.send().await;
            let z;
            Ok(y)
        }",
    );
    assert_eq!(found.len(), 7, "{found:#?}");
}
