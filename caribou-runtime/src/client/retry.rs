//! Taking up a run that has failed.

use std::time::Duration;

use caribou_model::{RunId, Timestamp};

use super::{Client, ClientError};
use crate::port::StageAddress;
use crate::request::Request;
use crate::run::{RunRecord, RunStatus};
use crate::shim::resume::Closed;

/// Why a run cannot be taken up again.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// Home knows of no such run.
    #[error(
        "there is no run `{run}`: it was never started, or it has expired; see those there are with `caribou runs list`"
    )]
    Unknown {
        /// The run.
        run: RunId,
    },
    /// It has not failed.
    #[error("run `{run}` is under way; wait for its end, or for its deadline")]
    Running {
        /// The run.
        run: RunId,
        /// When it must have ended.
        deadline: Timestamp,
    },
    /// It has not failed.
    #[error("run `{run}` has succeeded: there is nothing to do again; start a new run for the same input")]
    Succeeded {
        /// The run.
        run: RunId,
    },
    /// What it has recorded is gone.
    #[error("what run `{run}` had recorded has expired; start a new run with the same input")]
    Expired {
        /// The run.
        run: RunId,
    },
    /// Its entry came to no outcome, and its input is gone.
    #[error(
        "run `{run}` came to nothing before its first stage, and its input was not kept; start a new run"
    )]
    NoInput {
        /// The run.
        run: RunId,
    },
    /// It could not be asked for.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Client {
    /// Asks for a run that has failed to be taken up again: what is done stays done, everything else of it runs, from
    /// where it failed, in the run's version and with its inputs. Tells how often it will have been taken up then, for
    /// [`Self::wait_resumed`]. Asking twice, or two at once, is asking once.
    ///
    /// # Errors
    ///
    /// [`RetryError`]: the run has not failed, or is gone; or nobody took the request.
    pub async fn retry(&self, run: &RunId) -> Result<u32, RetryError> {
        let of = || run.clone();
        let record = self.record(run).await?.ok_or_else(|| RetryError::Unknown { run: of() })?;
        let now = self.ports.clock.now();
        record.resumable(now).map_err(|closed| match closed {
            Closed::Running => RetryError::Running { run: of(), deadline: record.pin.deadline },
            Closed::Succeeded => RetryError::Succeeded { run: of() },
            Closed::NoInput => RetryError::NoInput { run: of() },
            Closed::Expired => RetryError::Expired { run: of() },
        })?;
        let RunRecord { pin, function, .. } = record;
        let resumption = pin.resumed.saturating_add(1);
        let request = Request {
            workflow: pin.workflow.clone(),
            version: Some(pin.version.clone()),
            run: Some(pin.run),
            input: serde_json::Value::Null,
            input_blob: None,
            sent: Some(now),
            traceparent: None,
            resume: Some(resumption),
        };
        let body = request.encode().map_err(ClientError::from)?;
        let (workflow, version, region) = (pin.workflow, pin.version, pin.home);
        let to = StageAddress { workflow, version, function, region };
        self.ports.transport.send(&to, &body, None).await.map_err(ClientError::from)?;
        Ok(resumption)
    }

    /// Looks every `poll` until the run has been taken up so often and is over, or until `timeout` has passed; tells how it
    /// stands then. `None` if it has not been taken up.
    ///
    /// # Errors
    ///
    /// [`ClientError`] as for [`Self::status`].
    pub async fn wait_resumed(
        &self,
        run: &RunId,
        resumption: u32,
        poll: Duration,
        timeout: Duration,
    ) -> Result<Option<RunStatus>, ClientError> {
        let end = self.ports.clock.now().plus(timeout);
        loop {
            let record = self.record(run).await?.filter(|record| record.pin.resumed >= resumption);
            let status = match record {
                Some(record) => Some(self.status_of(record).await?),
                None => None,
            };
            let over = status.as_ref().is_some_and(RunStatus::is_over);
            if over || self.ports.clock.now() >= end {
                return Ok(status);
            }
            self.ports.clock.sleep(poll).await;
        }
    }
}
