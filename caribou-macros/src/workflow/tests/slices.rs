//! The slices of small workflows, as code.

use super::slices;

#[test]
fn what_is_moved_later_is_encoded_first() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let b = f(a.id).await?;
            let text = format!(\"{}\", a.title);
            let rest = consume(a);
            g(b, text, rest).await
        }"
    ));
}

#[test]
fn what_a_branch_leaves_behind_joins_what_was_sent_before() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let y = if a.c { f(a.x.clone()).await? } else { a.x.clone() };
            let title = a.title.to_uppercase();
            g(y, title).await
        }"
    ));
}

#[test]
fn what_follows_in_both_cases_is_written_for_each() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let y = if a.c { f(a.x.clone()).await? } else { a.x.clone() };
            let z = join(&y, &a.x);
            let x = a.x;
            let w = g(x).await?;
            h(z, w).await
        }"
    ));
}

#[test]
fn a_sync_node_builds_what_several_producers_feed() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let left = f(a.x).await?;
            let right = g(a.y).await?;
            let both = left.clone() + right;
            let more = h(both, left.len(), a.z).await?;
            Ok((left, more))
        }"
    ));
}

#[test]
fn a_gate_decides_for_those_it_guards() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let left = f(a.x).await?;
            let right = g(a.y).await?;
            if left > right { h(left, a.z).await } else { Ok(right) }
        }"
    ));
}

#[test]
fn a_condition_that_is_known_early_travels() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let b = f(a.x).await?;
            let y = if a.c { let k = a.k; g(b, k).await? } else { b };
            Ok(y)
        }"
    ));
}

#[test]
fn a_variable_is_written_where_its_value_is() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let mut list = Vec::new();
            let b = f(a).await?;
            list.push(b);
            let c = g(list.clone()).await?;
            list.push(c);
            Ok(list)
        }"
    ));
}

#[test]
fn a_match_is_written_where_it_is_decided_and_remembered_where_not() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let p = f(a.x).await?;
            let q = g(p.q).await?;
            let y = match p.kind {
                Kind::Left(n) if n > 2 => h(q, n).await?,
                Kind::Left(n) => n,
                Kind::Right => return Ok(q),
            };
            k(y).await
        }"
    ));
}

#[test]
fn a_failure_is_decided_on_where_it_is_known() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let booked = f(a.x).await;
            match booked {
                Ok(b) => g(b).await,
                Err(error) => { h(a.y, error.to_string()).await?; Err(error) }
            }
        }"
    ));
}

#[test]
fn a_map_is_dispatched_by_its_producer() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let list = split(a.x).await?;
            let scale = a.scale;
            let sizes = caribou::map(list, |(index, item)| f(item, index + 1, scale.clone())).await?;
            g(sizes, a.z).await
        }"
    ));
}

#[test]
fn glue_may_leave() {
    insta::assert_snapshot!(slices(
        "async fn w(a: A) -> Result<D> {
            let p = f(a.x.parse()?).await?;
            let Some(x) = p.x else { return Err(Error::permanent(\"no x\")) };
            if let Some(bad) = x.bad { return Err(Error::permanent(bad)); }
            g(x.list.iter().map(|y| y.parse()).collect::<Result<Vec<u8>, _>>()?).await
        }"
    ));
}
