//! How a run stands.

use std::time::Duration;

use caribou_model::RunId;

use super::{Client, ClientError};
use crate::codec;
use crate::run::{End, RunRecord, RunStatus};

/// What is said of a run that did not end in time.
pub(super) const OVERDUE: &str =
    "the run passed its deadline; a stage was lost, is too slow, or could not be reached";

impl Client {
    /// How a run stands. A run that did not end before its deadline has failed.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if home does not answer, or a large result is not to be had.
    pub async fn status(&self, run: &RunId) -> Result<RunStatus, ClientError> {
        match self.record(run).await? {
            Some(record) => self.status_of(record).await,
            None => Ok(RunStatus::Unknown),
        }
    }

    /// How a run stands that has this record.
    pub(super) async fn status_of(&self, record: RunRecord) -> Result<RunStatus, ClientError> {
        let RunRecord { pin, started, end, .. } = record;
        let (run, deadline) = (pin.run.clone(), pin.deadline);
        let unreadable = |cause| ClientError::Record { run: run.clone(), cause };
        let pin = Box::new(pin);
        Ok(match end {
            None if self.ports.clock.now() < deadline => RunStatus::Running { started, deadline },
            None => RunStatus::Failed {
                stage: None,
                item: None,
                error: OVERDUE.into(),
                input: Vec::new(),
                started,
                ended: deadline,
                pin,
            },
            Some(End::Succeeded { at: ended, result }) => {
                let result = codec::to_json(&self.content(result).await?).map_err(unreadable)?;
                RunStatus::Succeeded { result, started, ended, pin }
            }
            Some(End::Failed { at: ended, failure }) => {
                let mut input = Vec::new();
                for value in failure.input {
                    input.push(codec::to_json(&self.content(value).await?).map_err(unreadable)?);
                }
                let (stage, item, error) = (Some(failure.stage), failure.item, failure.error);
                RunStatus::Failed { stage, item, error, input, started, ended, pin }
            }
        })
    }

    /// Looks every `poll` until the run is over or `timeout` has passed; tells how it stands then.
    ///
    /// # Errors
    ///
    /// [`ClientError`] as for [`Self::status`].
    pub async fn wait(
        &self,
        run: &RunId,
        poll: Duration,
        timeout: Duration,
    ) -> Result<RunStatus, ClientError> {
        let end = self.ports.clock.now().plus(timeout);
        loop {
            let status = self.status(run).await?;
            if status.is_over() || self.ports.clock.now() >= end {
                return Ok(status);
            }
            self.ports.clock.sleep(poll).await;
        }
    }
}
