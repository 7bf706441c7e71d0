//! One call of a function for each of many items.

use std::future::Future;

use futures_util::future::join_all;

use crate::{RouteError, Value};

/// The most items that one map of a deployed run may have.
pub const MOST_ITEMS: usize = 10_000;

/// Calls a function for each item, all at the same time, and gives what the calls return, in the order of the items.
///
/// In a workflow the closure holds one call of a caribou function, and the whole is one *stage*: its items are spread over
/// as many instances of the function as there is work for, all in one region. What the closure reads besides its item is
/// sent once for all items. No items are fine: then nothing is called. A deployed run fails if there are more than
/// 10,000.
///
/// ```
/// use caribou_runtime::{Error, Result, map};
///
/// async fn fetch(page: u32, size: u32) -> Result<u32> {
///     if page > 9 { Err(Error::permanent(format!("there is no page {page}"))) } else { Ok(page * size) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let size = 100;
/// assert_eq!(map::map([3, 1, 2], |page| fetch(page, size)).await?, [300, 100, 200]);
/// assert!(map::map([], |page| fetch(page, size)).await?.is_empty());
///
/// let failed = map::map([3, 10, 11], |page| fetch(page, size)).await;
/// assert_eq!(failed.unwrap_err().message(), "there is no page 10");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The error of the first item that failed, in the order of the items, after all calls have ended. With `?` behind the
/// `await` the first item of a deployed run that fails for good fails the run.
pub async fn map<I, F, Fut, T, E>(items: I, f: F) -> Result<Vec<T>, E>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    join_all(items.into_iter().map(f)).await.into_iter().collect()
}

/// What each item of a map is sent, for [`Outbox::dispatch`](crate::Outbox::dispatch).
///
/// # Errors
///
/// The first error of `f`, and [`RouteError::TooManyItems`] for more than [`MOST_ITEMS`].
pub fn each<I, F>(items: I, mut f: F) -> Result<Vec<Vec<Value>>, RouteError>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Result<Vec<Value>, RouteError>,
{
    let mut each = Vec::new();
    for item in items {
        if each.len() == MOST_ITEMS {
            return Err(RouteError::TooManyItems);
        }
        each.push(f(item)?);
    }
    Ok(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_map_has_more_items_than_it_may_have() {
        let each = |count: usize| each(0..count, |_| Ok(Vec::new()));
        assert_eq!(each(MOST_ITEMS).unwrap().len(), MOST_ITEMS);
        let error = each(MOST_ITEMS + 1).unwrap_err().to_string();
        assert!(error.starts_with("a map has more than 10000 items"), "{error}");
    }
}
