//! The shim inside every function instance, and what the macros generate against.
//!
//! | module | what it holds |
//! |---|---|
//! | [`function`], [`workflow`] | what `#[caribou::function]` and `#[caribou::workflow]` implement and register |
//! | [`codec`], [`bytes`] | the format in which values travel |
//! | [`exit`] | ways out of a body before its end |
//! | [`draft`], [`check`], [`tag`], [`plain`] | what their expansions call |
//! | [`mod@map`] | one call of a function for each of many items |
//! | [`shim`] | the protocol: claims, outcomes, sync nodes, failover |
//! | [`request`], [`message`] | what a client sends, what stages send to each other |
//! | [`client`], [`run`], [`plan`], [`pin`] | starting, watching and retrying runs; plans in the store; what is fixed for a run |
//! | `memory` | the ports in memory, with virtual time and injected faults (feature `memory`) |
//! | [`deployed`] | a deployed workflow, as an author's own programs see it |
//! | [`value`], [`outbox`] | values on their way, and what a slice of the body sends |
//! | [`error`], [`context`] | what an author sees |
//! | [`port`] | the ports through which the shim touches the world |
//! | [`local`] | the adapter for the embedded cloud |
//! | [`aws`] | the adapter for AWS (feature `aws`) |
//! | [`release`] | the version that receives new runs |
//! | [`bootstrap`], [`lambda`] | what a bootstrap's `main` does; the Lambda entry |
//! | [`stdout`], [`process`] | telemetry to standard output; what the process has used |

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "lambda")]
pub mod bootstrap;
pub mod bytes;
pub mod check;
pub mod client;
pub mod codec;
pub mod context;
#[cfg(feature = "lambda")]
pub mod deployed;
pub mod draft;
pub mod error;
pub mod exit;
pub mod function;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "lambda")]
pub mod local;
pub mod map;
#[cfg(feature = "memory")]
pub mod memory;
pub mod message;
pub mod outbox;
pub mod pin;
pub mod plain;
pub mod plan;
pub mod port;
pub mod process;
pub mod release;
pub mod request;
pub mod run;
pub mod shim;
pub mod stdout;
pub mod tag;
pub mod value;
pub mod workflow;

mod backoff;
#[cfg(feature = "lambda")]
mod body;
#[cfg(test)]
mod hostile;
mod key;
mod stored;

pub use self::bytes::Bytes;
pub use caribou_model as model;
pub use client::{Client, ClientError, RetryError};
pub use context::Context;
pub use error::{Error, Result};
pub use function::{Arguments, Caught, Failed, Function, FunctionResult, Payload, check_caught};
pub use map::each;
pub use outbox::{Delivery, Items, Outbox};
pub use pin::Pin;
pub use release::Release;
pub use request::Request;
pub use run::RunStatus;
pub use shim::{Deployment, Event, HandleError, Handled, Shim, ShimError};
pub use value::{BlobReference, Value, ValueError, Values};
pub use workflow::{BoxFuture, Call, Returned, RouteError, Step, Workflow, call_stage};
