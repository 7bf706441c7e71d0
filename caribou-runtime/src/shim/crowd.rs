//! Many requests, a few at a time.

use std::future::Future;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

/// How many requests are under way at the same time.
pub(crate) const MOST_IN_FLIGHT: usize = 64;

/// Makes requests, [`MOST_IN_FLIGHT`] at a time; gives the answers in the order of the requests. The first failure ends
/// it.
pub(crate) async fn crowd<I, F, T, E>(requests: I) -> Result<Vec<T>, E>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>>,
{
    stream::iter(requests).buffered(MOST_IN_FLIGHT).try_collect().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_than_a_few_are_under_way_and_their_order_is_kept() {
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let request = |n: usize| {
            let (under_way, most) = (&under_way, &most);
            async move {
                most.fetch_max(under_way.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                for _ in 0..n % 7 {
                    tokio::task::yield_now().await;
                }
                under_way.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, ()>(n)
            }
        };
        assert_eq!(crowd((0..1000).map(request)).await, Ok((0..1000).collect()));
        let most = most.into_inner();
        assert!((2..=MOST_IN_FLIGHT).contains(&most), "{most} were under way");
    }
}
