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
    assert!(mistake("let y = a.iter().map(|x| f(x).await?); g(y).await").contains("in a closure"));
    assert!(mistake("let y = a.c && f(1).await?; g(y).await").contains("right of `&&`"));
    assert!(mistake("let y = match a { 1 => f(1).await?, _ => 2 }; g(y).await").contains("`match` arm"));
    assert!(
        mistake("let y = if let Some(x) = a { f(x).await? } else { 2 }; g(y).await").contains("`if let`")
    );
    assert!(mistake("let y = { let x = f(1).await?; x }; g(y).await").contains("nested block"));
    assert!(mistake("let y = vec![f(1).await?]; g(y).await").contains("in a macro"));
    assert!(mistake("let y = async { f(1).await }; g(y).await").contains("`async` block"));
    assert!(mistake("let (x, y) = tokio::join!(f(1), f(2)); g(x).await").contains("`join!`"));
}

#[test]
fn awaiting_what_is_no_stage() {
    assert!(mistake("a.send().await?; g(1).await").contains("awaits a method"));
    assert!(mistake("let y = a.await?; g(y).await").contains("awaits a value"));
    assert!(mistake("let y = f::<u8>(a).await?; g(y).await").contains("generic"));
    assert!(mistake("let y = (a.f)(1).await?; g(y).await").contains("by the path"));
}

#[test]
fn leaving_early() {
    assert!(mistake("if a.c { return Ok(1); } g(a).await").contains("`return`"));
    assert!(mistake("let x: u8 = a.parse()?; g(x).await").contains("`?`"));
    assert!(mistake("let Some(x) = a else { panic!() }; g(x).await").contains("`let .. else`"));
    assert!(mistake("let y = f(a).await; g(y).await").contains("write `?`"));
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
            .contains("outside of this `if`")
    );
    assert!(mistake("let mut v = a; f(v.pop()).await").contains("a statement of its own"));
    assert!(mistake("let v = &a.x; let w = &mut y; f(1).await?; g(w).await").contains("borrows"));
}

#[test]
fn statements_without_a_place() {
    assert!(mistake("fn helper() {} g(a).await").contains("move it out"));
    assert!(mistake("let x; x = 1; g(x).await").contains("has a value from the start"));
    assert!(mistake("#[cfg(x)] let x = 1; g(x).await").contains("attribute"));
    assert!(mistake("Ok(a)").contains("calls no caribou function"));
}

#[test]
fn all_mistakes_are_reported_together() {
    let found = mistakes(
        "fn w<T>(a: &A, _: B) -> Result<D> {
            for x in a { f(x).await?; }
            let y = g(a).await;
            return Ok(y);
        }",
    );
    assert_eq!(found.len(), 7, "{found:#?}");
}
