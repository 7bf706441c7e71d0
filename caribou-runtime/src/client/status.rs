//! How a run stands.

use std::time::Duration;

use caribou_model::RunId;

use super::{Client, ClientError};
use crate::codec;
use crate::port::BlobError;
use crate::run::{End, RunRecord, RunStatus};

/// What is said of a run that did not end in time.
pub(super) const OVERDUE: &str =
    "the run passed its deadline; a stage was lost, is too slow, or could not be reached";

impl Client {
    /// How a run stands. A run that did not end before its deadline has failed: whoever finds that first records it, so that
    /// nothing that ends later can say otherwise.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if home does not answer, or a large result is not to be had. Of a failed run, an input that is not
    /// to be had is told of in its place.
    pub async fn status(&self, run: &RunId) -> Result<RunStatus, ClientError> {
        match self.record(run).await? {
            Some(record) => self.status_of(record).await,
            None => Ok(RunStatus::Unknown),
        }
    }

    /// How a run stands that has this record.
    pub(crate) async fn status_of(&self, record: RunRecord) -> Result<RunStatus, ClientError> {
        let RunRecord { pin, started, end, .. } = record;
        let (run, deadline) = (pin.run.clone(), pin.deadline);
        let unreadable = |cause| ClientError::Record { run: run.clone(), cause };
        let pin = Box::new(pin);
        Ok(match end {
            None if self.ports.clock.now() < deadline => RunStatus::Running { started, deadline },
            None | Some(End::Overdue { .. }) => RunStatus::Failed {
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
                    input.push(self.noted(value).await);
                }
                let (stage, item, error) = (Some(failure.stage), failure.item, failure.error);
                RunStatus::Failed { stage, item, error, input, started, ended, pin }
            }
        })
    }

    /// Looks every `poll` until the run is over or `timeout` has passed; tells how it stands then. A region that does not
    /// answer is asked again with the next look.
    ///
    /// # Errors
    ///
    /// [`ClientError`] as for [`Self::status`], of the last look.
    pub async fn wait(
        &self,
        run: &RunId,
        poll: Duration,
        timeout: Duration,
    ) -> Result<RunStatus, ClientError> {
        let end = self.ports.clock.now().plus(timeout);
        loop {
            let status = self.status(run).await;
            let over = match &status {
                Ok(status) => status.is_over(),
                Err(ClientError::Store(_) | ClientError::Blob(BlobError::Unreachable { .. })) => false,
                Err(_) => true,
            };
            if over || self.ports.clock.now() >= end {
                return status;
            }
            self.ports.clock.sleep(poll).await;
        }
    }
}
