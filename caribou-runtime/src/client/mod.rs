//! Starting runs, watching them, and taking them up again.
//!
//! | module | what it holds |
//! |---|---|
//! | here | [`Client`]; starting a run |
//! | `status` | how a run stands; waiting for its end |
//! | [`history`] | the runs of a workflow, newest first |
//! | [`detail`] | what became of every node of one run |
//! | [`retry`] | taking up a run that has failed |

pub mod detail;
pub mod history;
pub mod retry;

mod status;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use bytes::Bytes;
use caribou_model::{NodeId, Plan, Region, RunId, Timestamp};
use serde_json::{Value as Json, json};

use crate::backoff::Backoff;
use crate::codec::{self, CodecError};
use crate::plan::PlanStoreError;
use crate::port::{BlobError, Condition, Ports, Put, SendError, StageAddress, StoreError};
use crate::request::{Request, RequestError};
use crate::run::{End, RunRecord};
use crate::stored::StoredValue;
use crate::{BlobReference, key, plan};

pub use self::detail::{MapDetail, NodeDetail, NodeState, RunDetail};
pub use self::history::{RunFilter, RunState, RunSummary, Runs};
pub use self::retry::RetryError;

/// The largest input that travels in the request itself, in bytes of JSON.
pub(crate) const LARGEST_INLINE: usize = 128 * 1024;
/// How long a region that is asked for too much at a time is waited for.
const BUSY_FOR: Duration = Duration::from_secs(10);
/// How long a large input waits for the entry.
pub(crate) const INPUT_KEPT: Duration = Duration::from_hours(24);

/// Starts runs of one workflow, and tells how they stand.
///
/// ```no_run
/// use std::time::Duration;
///
/// use caribou_runtime::model::Region;
/// use caribou_runtime::{Client, RunStatus, local};
///
/// # async fn example() -> Result<(), caribou_runtime::ClientError> {
/// let home = Region::aws("us-east-1");
/// let client = Client::new("press", "0.1.0", "inspect", home, local::ports("http://127.0.0.1:9400", None));
/// let run = client.start(None, serde_json::json!({ "width": 800 })).await?;
/// let status = client.wait(&run, Duration::from_millis(50), Duration::from_secs(60)).await?;
/// assert!(matches!(status, RunStatus::Succeeded { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    workflow: String,
    version: String,
    entry_function: String,
    home: Region,
    ports: Ports,
}

/// Why a run could not be started or looked at.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No region took the request.
    #[error("the request was not sent: {0}")]
    Send(#[from] SendError),
    /// The home region's store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A large input or result is not to be had.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The request could not be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] RequestError),
    /// What lies in the home region is no run record.
    #[error("the record of run `{run}` cannot be read: {cause}")]
    Record {
        /// The run.
        run: RunId,
        /// What the decoder found.
        cause: CodecError,
    },
}

impl Client {
    /// A client of a workflow. `entry_function` is the function of its first stage, which receives requests.
    pub fn new(workflow: &str, version: &str, entry_function: &str, home: Region, ports: Ports) -> Self {
        Self {
            workflow: workflow.to_owned(),
            version: version.to_owned(),
            entry_function: entry_function.to_owned(),
            home,
            ports,
        }
    }

    /// Sends a request for a run, to the region where the plan in force has the first stage. A run that is started twice is
    /// one run; without an id it gets a new one.
    ///
    /// `input` is the workflow's one parameter, an object of several by name, or `null` for none.
    ///
    /// # Errors
    ///
    /// [`ClientError`]. After [`SendError::Ambiguous`] the run may be under way: start it again with the same id.
    pub async fn start(&self, run: Option<RunId>, input: serde_json::Value) -> Result<RunId, ClientError> {
        let run = run.unwrap_or_else(|| self.new_run());
        let now = self.ports.clock.now();
        let mut region = self.region_of_first_stage(now).await;
        let mut request = Request {
            workflow: self.workflow.clone(),
            version: Some(self.version.clone()),
            run: Some(run.clone()),
            input,
            input_blob: None,
            sent: Some(now),
            traceparent: None,
            resume: None,
        };
        let text = Bytes::from(request.input.to_string());
        if text.len() > LARGEST_INLINE {
            let key = key::input(&self.workflow, &run, &text);
            let bytes = text.len() as u64;
            let put = |region: Region| {
                let (key, content, blobs) = (key.clone(), text.clone(), &self.ports.blobs);
                async move { blobs.put(&region, &key, content, now.plus(INPUT_KEPT)).await.map(|()| region) }
            };
            region = match put(region.clone()).await {
                Err(_) if region != self.home => put(self.home.clone()).await?,
                put => put?,
            };
            request.input = serde_json::Value::Null;
            request.input_blob = Some(BlobReference { region: region.clone(), key, bytes });
        }
        match self.send(&region, &request.encode()?).await {
            Err(error) if region != self.home && error.is_certain() => {
                // A region that takes no requests may give no blobs either.
                if let Some(blob) = &mut request.input_blob {
                    let (content, home) = (text, self.home.clone());
                    self.ports.blobs.put(&home, &blob.key, content, now.plus(INPUT_KEPT)).await?;
                    blob.region = home;
                }
                self.send(&self.home, &request.encode()?).await?;
            }
            accepted => accepted?,
        }
        Ok(run)
    }

    /// Sends a request, and waits a while for a region that is busy.
    async fn send(&self, region: &Region, body: &str) -> Result<(), SendError> {
        let to = StageAddress {
            workflow: self.workflow.clone(),
            version: self.version.clone(),
            function: self.entry_function.clone(),
            region: region.clone(),
        };
        let until = self.ports.clock.now().plus(BUSY_FOR);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3), 2, body);
        loop {
            match self.ports.transport.send(&to, body, None).await {
                Err(SendError::Busy { .. }) if self.ports.clock.now() < until => {
                    self.ports.clock.sleep(backoff.wait()).await;
                }
                sent => return sent,
            }
        }
    }

    /// The record of a run. If it is overdue and has no end, it gets that end now.
    pub(crate) async fn record(&self, run: &RunId) -> Result<Option<RunRecord>, ClientError> {
        let key = key::run(&self.workflow, run);
        let unreadable = |cause| ClientError::Record { run: run.clone(), cause };
        loop {
            let Some(item) = self.ports.store.get(&self.home, &key).await? else { return Ok(None) };
            let mut record = RunRecord::decode(&item.value).map_err(unreadable)?;
            let at = record.pin.deadline;
            if record.end.is_some() || self.ports.clock.now() < at {
                return Ok(Some(record));
            }
            record.end = Some(End::Overdue { at });
            let value = codec::encode(&record).map_err(unreadable)?.into();
            let (condition, expires) = (Condition::Revision(item.revision), record.pin.kept_until());
            if let Put::Written(_) = self.ports.store.put(&self.home, &key, value, condition, expires).await?
            {
                return Ok(Some(record));
            }
        }
    }

    #[cfg(feature = "lambda")]
    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// One value of a failing input; a note in its place if it is not to be had.
    async fn noted(&self, value: StoredValue) -> Json {
        match self.content(value).await {
            Ok(content) => codec::to_json(&content)
                .unwrap_or_else(|cause| json!({ "unreadable": cause.to_string(), "bytes": content.len() })),
            Err(BlobError::Missing { region, key }) => json!({ "gone": key, "region": region }),
            Err(
                BlobError::Unreachable { region, key, cause } | BlobError::Refused { region, key, cause },
            ) => {
                json!({ "unreachable": key, "region": region, "cause": cause })
            }
        }
    }

    pub(crate) async fn content(&self, value: StoredValue) -> Result<Bytes, BlobError> {
        match value {
            StoredValue::Inline(bytes) => Ok(bytes.into_inner()),
            StoredValue::Blob(reference) => self.ports.blobs.get(&reference.region, &reference.key).await,
        }
    }

    /// Home if the plan is unknown or expired; the entry pins the run to what is in force there.
    async fn region_of_first_stage(&self, now: Timestamp) -> Region {
        let read = plan::read(&*self.ports.store, &self.home, &self.workflow, &self.version).await;
        let first = |plan: &Plan| plan.placement(now.hour())?.region_of(0).cloned();
        match read {
            Ok(Some((plan, _))) if now < plan.expires => first(&plan).unwrap_or_else(|| self.home.clone()),
            Ok(_) => self.home.clone(),
            Err(error @ (PlanStoreError::Store(_) | PlanStoreError::Unreadable { .. })) => {
                tracing::warn!(%error, "the request goes home");
                self.home.clone()
            }
        }
    }

    /// A run id that nobody else makes: 122 bits and more of the process's randomness.
    pub(crate) fn new_run(&self) -> RunId {
        let now = self.ports.clock.now().as_millis();
        let random = || RandomState::new().hash_one((now, NodeId::ENTRY));
        crate::shim::run_of(&format!("{:016x}{:016x}", random(), random()))
    }
}
