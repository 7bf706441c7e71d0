//! Serverless workflows as ordinary Rust, each function in the region that suits it best.
//!
//! A *function* is what is deployed; a *workflow* is an `async fn` that calls functions. Its body is the graph: the
//! compiler finds in it what waits for what, and refuses what it cannot deploy, where it stands. At run time no
//! orchestrator sits in the middle: each function sends its result to those that read it, in whichever regions the
//! deployment plan put them.
//!
//! ```
//! use caribou::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! pub struct Document {
//!     text: String,
//!     needs_review: bool,
//! }
//!
//! #[caribou::function(memory = 1024, timeout = "30s")]
//! async fn validate(text: String) -> Result<Document> {
//!     if text.is_empty() {
//!         return Err(Error::permanent("there is nothing to read"));
//!     }
//!     Ok(Document { needs_review: text.contains('!'), text })
//! }
//!
//! #[caribou::function]
//! async fn synthesize(text: String) -> Result<Vec<u8>> {
//!     Ok(text.into_bytes())
//! }
//!
//! #[caribou::function(regions(deny = ["us-west-1"]))]
//! async fn find_profanity(text: String) -> Result<Vec<usize>> {
//!     Ok(text.match_indices('!').map(|(at, _)| at).collect())
//! }
//!
//! #[caribou::function]
//! async fn censor(mut speech: Vec<u8>, spans: Option<Vec<usize>>) -> Result<Vec<u8>> {
//!     spans.unwrap_or_default().into_iter().for_each(|at| speech[at] = b'.');
//!     Ok(speech)
//! }
//!
//! #[caribou::workflow(version = "0.1.0")]
//! async fn text2speech_censoring(text: String) -> Result<Vec<u8>> {
//!     let document = validate(text).await?;
//!     let speech = synthesize(document.text.clone()).await?;
//!     let spans = if document.needs_review { Some(find_profanity(document.text).await?) } else { None };
//!     censor(speech, spans).await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! // In a test, or anywhere, the workflow is the function that it looks like.
//! assert_eq!(text2speech_censoring("oh no!".into()).await?, b"oh no.");
//! # Ok(())
//! # }
//! ```
//!
//! Deployed, `synthesize` and `find_profanity` run at the same time in regions of their own; `censor` waits for both,
//! or for `synthesize` alone if there is nothing to review. The binary's `main.rs` is one line, [`main!`].
//!
//! # The language
//!
//! A call `path(args).await?` of a caribou function is a *stage*. It may stand as a statement, as the value of a `let`,
//! in an arm of an `if`, or anywhere in an ordinary expression. Everything else is *glue*: any Rust that does not leave
//! the workflow early. Glue runs once, in the function whose result it reads last.
//!
//! - **Parallel.** Stages that do not read each other's values run at the same time; nothing needs to be joined.
//! - **Order.** A stage in statement position (`notify(id).await?;`), or an `if` with stages in it, comes before whatever
//!   follows it in its block.
//! - **Branches.** An `if` with stages in its arms is decided as soon as its condition is known. Only the arm taken
//!   runs; where the arms meet again nothing waits but what reads the value.
//! - **Values** travel if they are owned and serialisable. Only what a later stage reads is sent along, and it is sent
//!   once from where it is made. `let name = &value.part;` may be read anywhere: it is resolved to `value`. Any other
//!   borrow must be cloned before a later stage reads it.
//! - **`let mut`.** A statement that may change a variable makes a new version of it, which later code reads. Within an
//!   `if` with stages, only the arm's own variables can be changed: make the new value the value of the `if`.
//! - **The result** is `Ok(value)`, a stage, or any expression of type `Result` at the end. A run ends when every stage
//!   that was started has ended.
//!
//! ```
//! # use caribou::prelude::*;
//! # #[caribou::function] async fn fetch(id: u32) -> Result<String> { Ok(format!("order {id}")) }
//! # #[caribou::function] async fn price(order: String) -> Result<u64> { Ok(order.len() as u64) }
//! # #[caribou::function] async fn approve(total: u64) -> Result<bool> { Ok(total < 99) }
//! # #[caribou::function] async fn notify(text: String) -> Result<()> { Ok(()) }
//! #[caribou::workflow]
//! async fn order(id: u32) -> Result<String> {
//!     let order = fetch(id).await?;
//!     let total = price(order.clone()).await? + 5;
//!     let title = format!("{order}: {total}");
//!     if total > 50 && id > 3 {
//!         approve(total).await?;
//!     }
//!     notify(title.clone()).await?;
//!     Ok(title)
//! }
//! ```
//!
//! What cannot stand in a workflow yet is refused with a way out: stages in loops, closures, `match` arms, under `if let`
//! and right of `&&` or `||`; a stage awaited without `?` other than at the end; `return`, `let .. else`, and `?` on
//! glue; `join!`; generic or borrowed parameters. Values that several stages share and change through a `Cell`, a
//! `Mutex` or the like are beyond what the compiler sees: each region has its own.
//!
//! # Errors
//!
//! A function that fails is tried again within its budget (`retries`); an [`Error::permanent`] is not. When a stage has
//! failed for good, so has the run.

/// The names that a workflow's file needs. The attributes are written `#[caribou::function]` and `#[caribou::workflow]`.
pub mod prelude {
    pub use crate::{Bytes, Context, Error, Result};
}

#[doc(hidden)]
pub mod __private {
    //! What the expansions of the macros refer to. Not for use by hand.

    pub use caribou_runtime as runtime;
    pub use caribou_runtime::draft::{Draft, check_deployed_name};
    pub use caribou_runtime::exit::{Flow, attempt, failure};
    pub use caribou_runtime::function::{Failed, Output, Success, check_caught, success};
    pub use caribou_runtime::map::each;
    pub use caribou_runtime::model::{FunctionSpec, Graph, NodeId, Region};
    pub use caribou_runtime::plain::{Input, plain_result};
    pub use caribou_runtime::tag::Tag;
    pub use caribou_runtime::{
        BoxFuture, Call, Context, Error, Function, FunctionResult, Outbox, RouteError, Step, Values,
        Workflow, call_stage,
    };
    pub use inventory;
    pub use serde_json::Value as Json;
}

pub use caribou_macros::{function, workflow};
pub use caribou_runtime::map::map;
#[cfg(feature = "testing")]
pub use caribou_runtime::memory as testing;
pub use caribou_runtime::{Bytes, Client, Context, Error, Result};

/// The `main` of a bootstrap: one binary that serves every function of the workflows that are linked into it.
///
/// ```no_run
/// caribou::main!();
/// ```
#[macro_export]
macro_rules! main {
    () => {
        fn main() -> ::std::process::ExitCode {
            $crate::__private::runtime::bootstrap::run()
        }
    };
}
