//! Whose services the instances of a function use.

use serde::{Deserialize, Serialize};

use crate::message::RETRIES;

/// Whose topics, stores and blobs the instances of a function use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Services {
    /// The embedded cloud's.
    #[default]
    Embedded,
    /// AWS's, or those of a program that plays its part. The embedded cloud is only the function's host: an instance has
    /// the environment of the deployment and what Lambda sets, and nothing else; its events are those of
    /// [`Control::invoke`](crate::Control::invoke) and [`Control::call`](crate::Control::call).
    Aws(AsynchronousEvents),
}

/// What Lambda is told about a function's asynchronous events: its *event invoke config*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsynchronousEvents {
    /// How often a failed attempt is made again, 0 to 2.
    pub retries: u32,
    /// The failure destination: a URL of this machine, `http://127.0.0.1:PORT/..`, that is posted what Lambda sends to one
    /// when an event is given up, again and again until it answers with success. Without one the event is gone.
    pub failures: Option<String>,
}

impl Default for AsynchronousEvents {
    /// Two retries and no failure destination, as on Lambda.
    fn default() -> Self {
        Self { retries: RETRIES, failures: None }
    }
}

impl Services {
    /// What is done about a failed event.
    pub(crate) fn on_failure(&self) -> OnFailure {
        match self {
            Self::Embedded => OnFailure { retries: RETRIES, obeys_refusals: true, then: Then::FailureMode },
            Self::Aws(AsynchronousEvents { retries, failures }) => OnFailure {
                retries: *retries,
                obeys_refusals: false,
                then: failures.clone().map_or(Then::Nothing, Then::Notice),
            },
        }
    }
}

/// What is done about a failed event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnFailure {
    /// How often it is tried again.
    pub(crate) retries: u32,
    /// Whether an event that its function refuses is given up at once. Lambda knows no refusals.
    pub(crate) obeys_refusals: bool,
    /// What happens when it is given up.
    pub(crate) then: Then,
}

/// What happens to an event that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Its function notes it.
    FailureMode,
    /// This URL is posted a notice.
    Notice(String),
    /// Nothing.
    Nothing,
}
