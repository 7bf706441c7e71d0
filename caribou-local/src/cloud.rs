//! An embedded cloud in this process.

use std::fmt;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use caribou_model::Timestamp;
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::Clock;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::disk::Disk;
use crate::distance::Distances;
use crate::platform::Platform;
use crate::{CloudError, Config, DiskUse, FaultCounts, server, store};

/// How often what has expired is removed.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// A running embedded cloud. It ends when it is stopped or dropped, and its function instances with it; whatever was
/// in flight is delivered again by the next cloud on the same state.
///
/// ```
/// use caribou_local::{Cloud, Config, Control};
/// use caribou_local::model::{LatencyTable, Region};
///
/// # let state = tempfile::tempdir()?;
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let cloud = Cloud::start(Config {
///     state: state.path().into(),
///     port: 0,
///     regions: vec![Region::aws("us-east-1"), Region::aws("ca-central-1")],
///     latencies: LatencyTable::new(),
///     latency_scale: 0.0,
///     most_instances: 4,
/// })
/// .await?;
/// let control = Control::new(&cloud.endpoint());
/// assert_eq!(control.status().await?.queued, 0);
/// cloud.stop().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Cloud {
    endpoint: String,
    stopped: tokio::sync::watch::Receiver<bool>,
    /// A runtime of its own, so that everything ends when it does; and the writer of its disk.
    running: Option<(Runtime, JoinHandle<()>)>,
    platform: Weak<Platform>,
}

/// What is going on in a cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudStatus {
    /// Messages that wait to be delivered.
    pub queued: usize,
    /// Messages that are being handled.
    pub in_flight: usize,
    /// Messages that were given up and kept.
    pub dead_letters: usize,
    /// Function instances that live, at work or waiting.
    pub instances: usize,
    /// What went wrong because it was asked for.
    pub faults: FaultCounts,
    /// What was written to the disk.
    pub disk: DiskUse,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Cloud {
    /// Starts a cloud on what is in its state directory.
    ///
    /// # Errors
    ///
    /// [`CloudError`] if the configuration makes no sense, the state is in use, unusable or its disk full, or the
    /// port is taken.
    pub async fn start(mut config: Config) -> Result<Self, CloudError> {
        if config.regions.is_empty() {
            return Err(CloudError::Config("it has no regions; give at least one".into()));
        }
        if config.most_instances == 0 {
            let wrong = "not one instance may work at a time; allow at least one";
            return Err(CloudError::Config(wrong.into()));
        }
        Distances::new(&config)?;
        // instances work in a folder of their own, and the state outlives the folder that this process works in
        config.state = std::path::absolute(&config.state).map_err(|e| CloudError::io(&config.state, &e))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("caribou-cloud")
            .enable_all()
            .build()
            .map_err(CloudError::Threads)?;
        let started = runtime.spawn(run(config)).await;
        let started = started.unwrap_or_else(|_| {
            Err(CloudError::Config("starting it failed; this is a fault in caribou, please report it".into()))
        });
        match started {
            Ok((platform, writer)) => {
                let (sender, stopped) = tokio::sync::watch::channel(false);
                let endpoint = platform.endpoint().to_owned();
                let weak = Arc::downgrade(&platform);
                runtime.spawn(async move {
                    platform.stop_requested.notified().await;
                    let _ = sender.send(true);
                });
                Ok(Self { endpoint, stopped, running: Some((runtime, writer)), platform: weak })
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Waits until somebody asks with [`Control::stop`](crate::Control::stop) that it be stopped.
    pub async fn stop_requested(&self) {
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }

    /// Removes the items, sets and blobs that have expired at `now`, in all regions. A cloud does that by itself as it
    /// starts and every ten minutes; this is for those whose clock is not the machine's.
    ///
    /// # Errors
    ///
    /// [`CloudError::State`] if the state cannot be written.
    pub async fn remove_expired(&self, now: Timestamp) -> Result<(), CloudError> {
        let Some(platform) = self.platform.upgrade() else { return Ok(()) };
        let state = platform.config.state.clone();
        remove_expired(&platform, now).await.map_err(|cause| CloudError::State { path: state, cause })
    }

    /// Ends all function instances and the cloud. When this returns the port is free and the state may be used by
    /// another cloud.
    pub async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            let _ = tokio::task::spawn_blocking(move || end(running)).await;
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // A runtime must not be ended by a thread that runs async code, as this one may.
            let _ = std::thread::spawn(move || end(running)).join();
        }
    }
}

fn end((runtime, writer): (Runtime, JoinHandle<()>)) {
    runtime.shutdown_timeout(Duration::from_secs(5));
    let _ = writer.join();
}

async fn run(config: Config) -> Result<(Arc<Platform>, JoinHandle<()>), CloudError> {
    let state = config.state.clone();
    let opened = tokio::task::spawn_blocking(move || Disk::open(&state)).await;
    let (disk, writer) = opened.unwrap_or_else(|error| {
        Err(CloudError::State { path: config.state.clone(), cause: error.to_string() })
    })?;
    let (listener, endpoint) = server::listen(config.port).await?;
    let platform = Platform::open(config, endpoint, disk)?;
    tokio::spawn(server::serve(listener, Arc::clone(&platform)));
    tokio::spawn(Arc::clone(&platform).schedule());
    tokio::spawn(sweep(Arc::clone(&platform)));
    Ok((platform, writer))
}

async fn sweep(platform: Arc<Platform>) {
    loop {
        if let Err(error) = remove_expired(&platform, SystemClock.now()).await {
            tracing::warn!(%error, "what has expired is not removed");
        }
        SystemClock.sleep(SWEEP_EVERY).await;
    }
}

async fn remove_expired(platform: &Arc<Platform>, now: Timestamp) -> Result<(), String> {
    let swept = platform.disk().write(move |tables| store::sweep(tables, now)).await;
    let blobs = Arc::clone(platform);
    let blobs = tokio::task::spawn_blocking(move || blobs.blobs.sweep(now)).await;
    swept.map_err(|error| error.to_string())?;
    blobs.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
