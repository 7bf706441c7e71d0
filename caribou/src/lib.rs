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
//! [The language](docs::language) is taught in one page, with examples; [another](docs::refused) lists what is refused, why, and
//! what to write instead.
//!
//! # Options
//!
//! [`function`] lists memory, timeout, storage, architecture, regions, environment variables and retries; [`workflow`] name
//! and version. A function that wants to know its run, region or attempt takes a `&`[`Context`], which its callers do
//! not pass.

/// The names that a workflow's file needs. The attributes are written `#[caribou::function]` and `#[caribou::workflow]`.
pub mod prelude {
    pub use crate::{Bytes, Context, Error, Result};
}

pub mod docs {
    //! What an author reads.

    #[doc = include_str!("docs/language.md")]
    pub mod language {}

    #[doc = include_str!("docs/refused.md")]
    pub mod refused {}
}

#[doc(hidden)]
pub mod __private {
    //! What the expansions of the macros refer to. Not for use by hand.

    pub use caribou_runtime as runtime;
    pub use caribou_runtime::check::{Fault, Home};
    pub use caribou_runtime::context::current_context;
    pub use caribou_runtime::draft::Draft;
    pub use caribou_runtime::exit::{Flow, Never, attempt, failure, result};
    pub use caribou_runtime::faults;
    pub use caribou_runtime::function::{
        Failed, Output, Success, argument, call, check_caught, environment, regions, success,
    };
    pub use caribou_runtime::map::each;
    pub use caribou_runtime::model::{Architecture, FunctionSpec, Graph, NodeId};
    pub use caribou_runtime::plain::{Input, PlainResult, plain, plain_result};
    pub use caribou_runtime::tag::Tag;
    pub use caribou_runtime::workflow::{Routed, stage};
    pub use caribou_runtime::{
        BoxFuture, Call, Context, Error, Function, FunctionResult, Outbox, RouteError, Step, ValueError,
        Values, Workflow,
    };
    pub use inventory;
    pub use serde_json::Value as Json;
}

pub use caribou_macros::{function, workflow};
/// What a function may know of its attempt: `&Context` in its parameters.
///
/// A function takes it in any position, and its caller does not pass it.
///
/// ```
/// use caribou::prelude::*;
///
/// #[caribou::function(timeout = "5min")]
/// async fn press(context: &Context, photo: String) -> Result<String> {
///     Ok(format!("{photo}, pressed in {} at attempt {}", context.region.code(), context.attempt))
/// }
///
/// #[caribou::workflow]
/// async fn card(photo: String) -> Result<String> {
///     press(photo).await
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
///
/// // In a test the context is that of a plain call, or the one that the test chooses.
/// let mut context = Context::plain("press");
/// context.attempt = 2;
/// context.region = "ca-central-1".parse()?;
/// let pressed = Context::scope(context, card("a lake".into())).await?;
/// assert_eq!(pressed, "a lake, pressed in ca-central-1 at attempt 2");
/// # Ok(())
/// # }
/// ```
///
/// ---
#[doc(inline)]
pub use caribou_runtime::Context;
/// Starts runs of a deployed workflow, and waits for their results: from a server, a test, or a function of another
/// workflow.
///
/// A name and a home region are all that it has to be told; it reads which version is in force, and sends each request
/// straight to the region where the plan in force has the first stage. Results come in the workflow's own types.
///
/// ```no_run
/// use std::time::Duration;
///
/// use caribou::Client;
/// use caribou::client::RunError;
///
/// # async fn example() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// // With the credentials of the environment, as in every Lambda function. `Client::connect_with` takes a
/// // configuration of the AWS SDK instead.
/// let client = Client::connect("text2speech_censoring", "us-east-1").await?;
/// let run = client.start_as("order-1234", "oh no!").await?;
/// match run.result::<Vec<u8>>(Duration::from_secs(60)).await {
///     Ok(speech) => println!("{} bytes of speech", speech.len()),
///     Err(RunError::Failed { stage, error, .. }) => eprintln!("{stage:?} failed: {error}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
///
/// A bootstrap that does not use it is not larger for it.
///
/// ---
#[doc(inline)]
pub use caribou_runtime::deployed::Client;
pub use caribou_runtime::map::map;
/// Tests of a workflow in simulated regions, in memory (feature `testing`, for `dev-dependencies`).
///
/// A [`Simulation`](testing::Simulation) runs the real shims with the real functions in virtual time: where stages are placed,
/// how long functions and regions take, and [what goes wrong](testing::Faults) are set, and a seed chooses the schedule. The
/// [`Report`](testing::Report) tells what came of it: results, calls, arguments, regions, messages; and whether the
/// [first law](testing::Report::check_first_law) held. A hundred simulations take a second or so.
///
/// ```toml
/// [dev-dependencies]
/// caribou = { version = "0.1", features = ["testing"] }
/// ```
///
/// ```
/// use std::time::Duration;
///
/// use caribou::prelude::*;
/// use caribou::testing::{Faults, Outage, Region, Simulation};
///
/// #[caribou::function]
/// async fn translate(text: String) -> Result<String> {
///     Ok(text.to_uppercase())
/// }
///
/// #[caribou::function]
/// async fn count(text: String) -> Result<usize> {
///     Ok(text.len())
/// }
///
/// #[caribou::function]
/// async fn publish(text: String, letters: usize) -> Result<String> {
///     Ok(format!("{text} ({letters})"))
/// }
///
/// #[caribou::workflow]
/// async fn page(text: String) -> Result<String> {
///     let translated = translate(text.clone()).await?;
///     let letters = count(text).await?;
///     publish(translated, letters).await
/// }
///
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let sweden = Region::aws("eu-north-1");
/// let simulation = || Simulation::new(&page::WORKFLOW).place("translate", sweden.clone());
///
/// // Without faults: what ran where, with which arguments, and how long it took.
/// let slow = simulation().latency(|_, _| Duration::from_millis(60)).work(|_| Duration::from_secs(2));
/// let report = slow.run(["hello"]);
/// let run = report.run("run-0");
/// assert_eq!(run.result::<String>()?, "HELLO (5)");
/// assert_eq!(run.regions("translate"), ["eu-north-1"].into());
/// assert_eq!(run.calls("publish")[0].arguments(), ["HELLO".into(), 5.into()] as [serde_json::Value; 2]);
/// assert_eq!(run.stages().last(), Some(&"publish"));
/// assert_eq!(run.messages("translate").len(), 1);
/// assert!(run.duration() < Some(Duration::from_secs(6)), "translate and count run in parallel");
///
/// // On bad days, with Sweden cut off for a while: every run is what its plain call is, or failed for a cause.
/// let outage = Outage::new(sweden.clone(), Duration::from_secs(1), Duration::from_secs(60));
/// let faults = Faults { outages: vec![outage], ..Faults::some() };
/// for seed in 0..50 {
///     let report = simulation().seed(seed).faults(faults.clone()).run(["hello", "good bye"]);
///     report.check_first_law()?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// A [`Violation`](testing::Violation) shows the seed that replays it, and what happened, step by step. Besides results it is
/// held that each stage has one outcome that all of its successors see, that nothing is lost, that no attempt calls a function
/// twice, and that a run fails for a cause that the injected faults account for.
///
/// Plans and versions [change while runs are in flight](testing::Simulation::switch_at), too.
///
/// ---
#[cfg(feature = "testing")]
pub use caribou_runtime::memory as testing;
pub use caribou_runtime::{Bytes, Error, Result};

/// What a [`Client`] gives, and why it cannot.
pub mod client {
    pub use caribou_runtime::ClientError;
    pub use caribou_runtime::RunStatus;
    pub use caribou_runtime::deployed::{Client, ConnectError, Run, RunError, StartError};
}

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
