//! Several calls of AWS at the same time.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::error::AwsError;

/// How many things are looked at, or changed, at the same time.
const AT_A_TIME: usize = 8;

/// Work under way.
pub(super) type Work<'w, T> = BoxFuture<'w, Result<T, AwsError>>;

/// Does all, some at a time, and gives what they gave in their order, or the first error.
pub(super) async fn all<T: Send>(work: Vec<Work<'_, T>>) -> Result<Vec<T>, AwsError> {
    stream::iter(work).buffered(AT_A_TIME).try_collect().await
}

/// Does all, some at a time, and gives each result as it comes.
pub(super) fn each<'w, T: Send + 'w>(work: Vec<Work<'w, T>>) -> BoxStream<'w, Result<T, AwsError>> {
    stream::iter(work).buffer_unordered(AT_A_TIME).boxed()
}
