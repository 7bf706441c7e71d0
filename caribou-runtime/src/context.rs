//! What a function may know of the attempt it runs in.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use caribou_model::{FunctionSpec, Region, RunId, Timestamp};

/// One attempt at a stage, as the function sees it.
///
/// A function that wants to know takes a `&Context`, which its caller does not pass.
///
/// In a deployed function it is the attempt's. Where a function is called plainly, as in a unit test, it is that of
/// [`Context::plain`], unless the test sets the [`scope`](Context::scope).
///
/// It belongs to the function's own future. A task that the function spawns is another one: give it a clone, or spawn
/// its future within the scope of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// The run.
    pub run: RunId,
    /// The stage's name in the graph.
    pub stage: String,
    /// Which item of a map it is for, from 0; `None` in a stage that is no map.
    pub item: Option<u32>,
    /// Where it runs.
    pub region: Region,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// When the platform will end it.
    pub deadline: Timestamp,
    /// The W3C `traceparent` of the run, if the caller sent one.
    pub traceparent: Option<String>,
}

thread_local! {
    /// The attempt whose future is being polled on this thread.
    static CURRENT: RefCell<Option<Arc<Context>>> = const { RefCell::new(None) };
}

/// Where code runs that was not deployed, unless `AWS_REGION` says otherwise.
const SOMEWHERE: Region = Region::aws("us-east-1");

impl Context {
    /// The context of the attempt that calls this, or [`Context::plain`] outside of any.
    ///
    /// ```
    /// use caribou_runtime::Context;
    ///
    /// assert_eq!(Context::current().run.as_str(), "plain");
    /// ```
    pub fn current() -> Self {
        current_context("plain", FunctionSpec::DEFAULT_TIMEOUT_S)
    }

    /// The context of a plain call of a function: the first attempt of the run `plain`, in the region that `AWS_REGION`
    /// names or else `us-east-1`, with a minute from now to its deadline.
    ///
    /// ```
    /// use caribou_runtime::Context;
    ///
    /// let mut context = Context::plain("press");
    /// context.attempt = 3;
    /// assert_eq!((context.stage.as_str(), context.run.as_str()), ("press", "plain"));
    /// ```
    pub fn plain(stage: impl Into<String>) -> Self {
        Self::plain_for(stage.into(), FunctionSpec::DEFAULT_TIMEOUT_S)
    }

    fn plain_for(stage: String, timeout_s: u32) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let region = std::env::var("AWS_REGION").ok().and_then(|code| code.parse().ok());
        Self {
            run: RunId::plain(),
            item: None,
            stage,
            region: region.unwrap_or(SOMEWHERE),
            attempt: 1,
            deadline: Timestamp::from_millis(0).plus(now + Duration::from_secs(timeout_s.into())),
            traceparent: None,
        }
    }

    /// Runs a future in which this is the [current](Context::current) context: that of every function that it calls.
    ///
    /// ```
    /// use caribou_runtime::Context;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut last = Context::plain("press");
    /// last.attempt = 3;
    /// let attempt = Context::scope(last, async { Context::current().attempt }).await;
    /// assert_eq!(attempt, 3);
    /// # }
    /// ```
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        let context = Arc::new(self);
        let mut future = pin!(future);
        poll_fn(|waker| {
            let _entered = Entered::new(&context);
            future.as_mut().poll(waker)
        })
        .await
    }
}

/// The context of the attempt that calls this, or that of a plain call of the function with this name and timeout. What
/// the expansion of `#[caribou::function]` calls.
pub fn current_context(name: &str, timeout_s: u32) -> Context {
    let current = CURRENT.with_borrow(Clone::clone);
    current.map_or_else(|| Context::plain_for(name.to_owned(), timeout_s), Arc::unwrap_or_clone)
}

/// While it lives, a context is the current one of this thread.
struct Entered {
    outer: Option<Arc<Context>>,
}

impl Entered {
    fn new(context: &Arc<Context>) -> Self {
        Self { outer: CURRENT.replace(Some(Arc::clone(context))) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context as TaskContext, Poll, Waker};

    use super::*;

    fn attempt(number: u32) -> Context {
        let mut context = Context::plain("press");
        context.attempt = number;
        context
    }

    fn current() -> u32 {
        Context::current().attempt
    }

    fn poll<T>(future: &mut Pin<Box<dyn Future<Output = T>>>) -> Poll<T> {
        future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()))
    }

    /// Waits once before and once after it looks.
    async fn look() -> u32 {
        let mut polled = false;
        poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        current()
    }

    #[test]
    fn a_plain_call_has_the_timeout_of_its_function() {
        let before = current_context("press", 0).deadline;
        let context = current_context("press", 900);
        assert_eq!((context.stage.as_str(), context.attempt), ("press", 1));
        assert!(context.deadline.since(before) >= Duration::from_mins(15));
    }

    #[test]
    fn each_of_two_interleaved_futures_has_its_own_context() {
        let mut first: Pin<Box<dyn Future<Output = u32>>> = Box::pin(attempt(2).scope(look()));
        let mut second: Pin<Box<dyn Future<Output = u32>>> = Box::pin(attempt(3).scope(look()));
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        assert_eq!((poll(&mut first), poll(&mut second)), (Poll::Ready(2), Poll::Ready(3)));
        assert_eq!(current(), 1);
    }

    #[test]
    fn the_inner_of_two_scopes_counts() {
        let both = async { (attempt(3).scope(async { current() }).await, current()) };
        let mut future: Pin<Box<dyn Future<Output = (u32, u32)>>> = Box::pin(attempt(2).scope(both));
        assert_eq!(poll(&mut future), Poll::Ready((3, 2)));
    }

    #[test]
    fn a_panic_leaves_no_context_behind() {
        let scoped = || {
            let mut future: Pin<Box<dyn Future<Output = ()>>> =
                Box::pin(attempt(2).scope(async { panic!("message") }));
            let _ = poll(&mut future);
        };
        assert!(std::panic::catch_unwind(scoped).is_err());
        assert_eq!(current(), 1);
    }
}
