//! A typed client of a running cloud.

use std::time::Duration;

use caribou_runtime::local::http::{Answer, Ask, Http, HttpError};
use caribou_runtime::local::wire::Refused;
use caribou_runtime::port::StageAddress;
use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{CloudStatus, DeadLetter, Faults, FunctionDeployment, Telemetry};

/// A client of the cloud at an endpoint. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    http: Http,
}

/// Why the cloud did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It does not answer.
    #[error(transparent)]
    Unreachable(#[from] HttpError),
    /// It refuses.
    #[error("{error}; {remedy}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What is wrong.
        error: String,
        /// What to do.
        remedy: String,
    },
    /// Its answer is not what this version of the client reads.
    #[error("{endpoint} does not answer as the embedded cloud of this version does: {cause}")]
    Strange {
        /// The server.
        endpoint: String,
        /// What it said.
        cause: String,
    },
}

/// What became of an event that somebody waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Called {
    /// The function handled it, and answered this, as JSON.
    Answered(String),
    /// It did not.
    Failed {
        /// The error's type, as the function or the platform names it.
        kind: String,
        /// What is wrong.
        reason: String,
    },
}

/// An event, and the function that it is for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Invocation {
    pub(crate) to: StageAddress,
    pub(crate) event: Box<RawValue>,
}

impl Control {
    /// A client of the cloud at `endpoint`: `http://127.0.0.1:PORT`.
    pub fn new(endpoint: &str) -> Self {
        Self { http: Http::new(endpoint) }
    }

    /// Where the cloud listens.
    pub fn endpoint(&self) -> &str {
        self.http.endpoint()
    }

    /// Deploys a function, or deploys it anew. Instances of the earlier deployment finish their events.
    ///
    /// # Errors
    ///
    /// [`ControlError`], for example if the bootstrap is no executable file.
    pub async fn deploy(&self, deployment: &FunctionDeployment) -> Result<(), ControlError> {
        self.send(Method::PUT, "/control/deployments", deployment).await
    }

    /// Removes a function whose queue is empty.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it is not deployed, or has messages.
    pub async fn remove(&self, address: &StageAddress) -> Result<(), ControlError> {
        self.send(Method::DELETE, "/control/deployments", address).await
    }

    /// What is deployed, in order of address.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the cloud does not answer.
    pub async fn deployments(&self) -> Result<Vec<FunctionDeployment>, ControlError> {
        self.fetch("/control/deployments").await
    }

    /// What is going on.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the cloud does not answer.
    pub async fn status(&self) -> Result<CloudStatus, ControlError> {
        self.fetch("/control/status").await
    }

    /// Waits until no message is in a queue or in flight, and all their telemetry is in the log. `false` if that takes
    /// longer than `within`.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the cloud does not answer.
    pub async fn settled(&self, within: Duration) -> Result<bool, ControlError> {
        let path = format!("/control/settled/{}", within.as_millis());
        let ask = Ask::new(Method::GET, path).within(within + Duration::from_secs(10));
        self.read(&self.ask(ask).await?)
    }

    /// Telemetry after `after`: 0 at first, then what [`Telemetry::next`] said. Call it again until there are no lines.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the cloud does not answer.
    pub async fn telemetry(&self, after: u64) -> Result<Telemetry, ControlError> {
        self.fetch(&format!("/control/telemetry/{after}")).await
    }

    /// The last `bytes` of a function's log in its region, in whole lines: when a line was printed (RFC 3339), by which instance,
    /// and what it says. Around each event the cloud writes the lines that Lambda does.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the cloud does not answer.
    pub async fn logs(&self, address: &StageAddress, bytes: u64) -> Result<String, ControlError> {
        let ask = Ask::new(Method::POST, format!("/control/logs/{bytes}")).body(self.json(address)?);
        let answer = self.ask(ask).await?;
        String::from_utf8(answer.body.into()).map_err(|error| self.strange(&error))
    }

    /// Messages that were given up, oldest first.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the cloud does not answer.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, ControlError> {
        self.fetch("/control/dead-letters").await
    }

    /// Sets what shall go wrong, instead of what went wrong before.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if a probability is none, or a region unknown.
    pub async fn faults(&self, faults: &Faults) -> Result<(), ControlError> {
        self.send(Method::PUT, "/control/faults", faults).await
    }

    /// Asks the process that runs the cloud to stop it.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the cloud does not answer.
    pub async fn stop(&self) -> Result<(), ControlError> {
        self.send(Method::POST, "/control/stop", &()).await
    }

    /// Hands an event, as JSON, to a function as Lambda's asynchronous `Invoke` does, and gives the request id. It is on disk
    /// when this returns. What fails is tried again, and given up in the end.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the function is not deployed, its region is down, or the event is larger than 6 MiB.
    pub async fn invoke(&self, to: &StageAddress, event: &RawValue) -> Result<String, ControlError> {
        let body = self.json(&Invocation { to: to.clone(), event: event.to_owned() })?;
        self.read(&self.ask(Ask::new(Method::POST, "/control/events").body(body)).await?)
    }

    /// Hands an event, as JSON, to a function as Lambda's `Invoke` does, and waits until it is handled, for `within` at most.
    /// Nothing is tried again.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the function is not deployed, its region is down, the event is larger than 6 MiB, or there is no
    /// answer in time: the function may have done its work nevertheless.
    pub async fn call(
        &self,
        to: &StageAddress,
        event: &RawValue,
        within: Duration,
    ) -> Result<Called, ControlError> {
        let body = self.json(&Invocation { to: to.clone(), event: event.to_owned() })?;
        self.read(&self.ask(Ask::new(Method::POST, "/control/calls").body(body).within(within)).await?)
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, ControlError> {
        let answer = self.http.ask(ask).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let status = answer.status.as_u16();
        match serde_json::from_slice(&answer.body) {
            Ok(Refused { error, remedy }) => Err(ControlError::Refused { status, error, remedy }),
            Err(_) => Err(self.strange(&format!("status {status}"))),
        }
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlError> {
        self.read(&self.ask(Ask::new(Method::GET, path)).await?)
    }

    async fn send<T: Serialize>(&self, method: Method, path: &str, body: &T) -> Result<(), ControlError> {
        self.ask(Ask::new(method, path).body(self.json(body)?)).await.map(drop)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ControlError> {
        serde_json::from_slice(&answer.body).map_err(|error| self.strange(&error))
    }

    fn json<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, ControlError> {
        serde_json::to_vec(value).map_err(|error| self.strange(&error))
    }

    fn strange(&self, cause: &impl ToString) -> ControlError {
        ControlError::Strange { endpoint: self.endpoint().to_owned(), cause: cause.to_string() }
    }
}
