//! The attributes of Caribou: `#[caribou::function]` and `#[caribou::workflow]`.
//!
//! Both go the same way: parse, build a model, validate, expand. All mistakes of one attribute are reported together,
//! each at its place, and the author's function is kept, so that one mistake gives one error.
//!
//! | module | what it holds |
//! |---|---|
//! | `settings`, `unit` | the attribute's options, their values and units |
//! | `region`, `typo` | the regions of AWS; what may have been meant |
//! | `signature` | what an annotated `async fn` looks like, and what it must not look like |
//! | `manifest` | what of `caribou.toml` can be checked when a workflow is compiled |
//! | `function` | `#[caribou::function]` |
//! | `workflow` | `#[caribou::workflow]`: from the body to the graph and its slices |
//! | `text` | tokens as an author would have written them |
//! | `errors` | the mistakes found so far |

mod errors;
mod function;
mod manifest;
mod region;
mod settings;
mod signature;
mod text;
mod typo;
mod unit;
mod workflow;

use proc_macro::TokenStream;

/// Makes an `async fn` deployable.
///
/// The function owns its parameters, returns a `Result`, and all of them are serialisable. It stays the function that it
/// is: it can be called in a test or anywhere. Attributes below this one stay in their order, and see the function
/// without its context.
///
/// | option | what it says | default |
/// |---|---|---|
/// | `name = "press"` | its name in the graph and in the cloud: letters, digits, `-` and `_` | the Rust name |
/// | `memory = 1024`, `memory = "1 GB"` | memory, 128 to 10,240 MB; 1,769 MB is one vCPU | 1,769 MB |
/// | `timeout = "30s"`, `timeout = "5min"` | longest time of one attempt, 1 s to 15 min | 60 s |
/// | `ephemeral_storage = "2 GB"` | space below `/tmp`, 512 to 10,240 MB | 512 MB |
/// | `architecture = "arm64"` | the processor it is built for: `"x86_64"` or `"arm64"` | `"x86_64"` |
/// | `regions(allow = ["us-east-1"])` | the only [regions](#regions) where it may run | any |
/// | `regions(deny = ["us-west-1"])` | regions where it must not run | none |
/// | `environment(LOG = "info")` | environment variables of its instances, 3.5 KB together | none |
/// | `retries = 3` | how often a failed attempt is tried again, 0 to 10 | 2 |
/// | `idempotent` | repeating it is harmless: no claim before it runs | off |
/// | `crate = my::caribou` | where Caribou is found, if the dependency was renamed or is re-exported | `::caribou` |
///
/// As everywhere on Lambda, 1 GB is 1024 MB. Environment variables are set where the function is deployed; a plain call
/// has those of its process. Names that begin with `AWS_`, `LAMBDA_` or `CARIBOU_` are taken.
///
/// # Context
///
/// A function may take a `&Context`, in any position. Its caller does not pass it: `async fn press(context: &Context,
/// photo: Photo) -> Result<Card>` is called as `press(photo)`. It tells the run, stage, region, attempt and deadline.
///
/// # Regions
///
/// A region is written `"us-east-1"` or `"aws:us-east-1"`. These are known:
/// `af-south-1`, `ap-east-1`, `ap-east-2`, `ap-northeast-1`, `ap-northeast-2`, `ap-northeast-3`, `ap-south-1`,
/// `ap-south-2`, `ap-southeast-1`, `ap-southeast-2`, `ap-southeast-3`, `ap-southeast-4`, `ap-southeast-5`,
/// `ap-southeast-6`, `ap-southeast-7`, `ca-central-1`, `ca-west-1`, `eu-central-1`, `eu-central-2`, `eu-north-1`,
/// `eu-south-1`, `eu-south-2`, `eu-west-1`, `eu-west-2`, `eu-west-3`, `il-central-1`, `me-central-1`,
/// `me-south-1`, `mx-central-1`, `sa-east-1`, `us-east-1`, `us-east-2`, `us-west-1`, `us-west-2`.
#[proc_macro_attribute]
pub fn function(options: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(options.into(), &item.into()).into()
}

/// Compiles the body of an `async fn` into a graph of stages. The function itself stays as it is, to be called in a
/// test or anywhere.
///
/// | option | what it says | default |
/// |---|---|---|
/// | `version = "1.2.0"` | the version under which it is deployed | the package's version |
/// | `name = "press"` | its name in the cloud | the Rust name |
/// | `crate = my::caribou` | where Caribou is found, if the dependency was renamed or is re-exported | `::caribou` |
///
/// What only the compiler sees of all functions together is checked as well: no name under which a function is deployed
/// is longer than the 64 characters of Lambda, no two functions of the workflow have one name, and each of them may run
/// in the home region of `caribou.toml` in the package's folder, if there is one.
#[proc_macro_attribute]
pub fn workflow(options: TokenStream, item: TokenStream) -> TokenStream {
    workflow::expand(options.into(), &item.into()).into()
}
