//! The attributes of Caribou: `#[caribou::function]` and `#[caribou::workflow]`.
//!
//! Both go the same way: parse, build a model, validate, expand. All mistakes of one attribute are reported together,
//! each at its place, and the author's function is kept, so that one mistake gives one error.
//!
//! | module | what it holds |
//! |---|---|
//! | `settings`, `unit` | the attribute's options, their values and units |
//! | `signature` | what an annotated `async fn` looks like, and what it must not look like |
//! | `function` | `#[caribou::function]` |
//! | `workflow` | `#[caribou::workflow]`: from the body to the graph and its slices |
//! | `text` | tokens as an author would have written them |
//! | `errors` | the mistakes found so far |

mod errors;
mod function;
mod settings;
mod signature;
mod text;
mod unit;
mod workflow;

use proc_macro::TokenStream;

/// Makes an `async fn` deployable.
///
/// | option | what it says | default |
/// |---|---|---|
/// | `memory = 1024` | memory in MB, 128 to 10,240; 1,769 MB is one vCPU | 1769 |
/// | `timeout = "30s"` | longest time of one attempt, 1 s to 15 min | 60 s |
/// | `retries = 3` | how often a failed attempt is tried again, 0 to 10 | 2 |
/// | `regions(allow = [..])` | the only regions where it may run | any |
/// | `regions(deny = [..])` | regions where it must not run | none |
/// | `name = "press"` | its name in the graph and in the cloud | the Rust name |
/// | `idempotent` | repeating it is harmless: no claim before it runs | off |
///
/// The function owns its parameters, returns a `Result`, and all of them are serialisable.
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
#[proc_macro_attribute]
pub fn workflow(options: TokenStream, item: TokenStream) -> TokenStream {
    workflow::expand(options.into(), &item.into()).into()
}
