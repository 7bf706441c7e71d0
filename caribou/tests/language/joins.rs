//! Stages side by side.

use caribou::prelude::*;

use crate::engine::assert_equal_to_the_plain_call;
use crate::functions::{add, double, even, note, numbers, sum};

#[caribou::workflow]
async fn joined(number: u64) -> Result<(u64, String)> {
    let (left, right) = tokio::try_join!(double(number), even(number * 2))?;
    tokio::try_join!(note("a".to_owned()), note("b".to_owned()))?;
    let list = vec![add(left, right).await?, 4, double(right).await?];
    let text = format!("{list:?} {} {left}", sum(list.clone()).await?);
    Ok((sum(list).await?, text))
}

#[test]
fn joins_and_macros() {
    assert_equal_to_the_plain_call(joined::WORKFLOW, &numbers());
}
