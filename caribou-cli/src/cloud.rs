//! The embedded cloud as a child process that ends with this one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use caribou_control::state::{Endpoint, State};
use caribou_model::Region;

use crate::error::CliError;

/// A cloud in a process of its own. It holds the other end of the process's standard input, so whatever becomes of
/// this process, even by `kill -9`, the cloud sees it close and ends.
pub(crate) struct CloudProcess {
    state: State,
    regions: Vec<Region>,
    child: Mutex<Child>,
    /// Several runs may find at once that the cloud has ended; one of them starts it again.
    reviving: tokio::sync::Mutex<()>,
    endpoint: Endpoint,
}

/// How long a cloud may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

impl CloudProcess {
    /// Starts a cloud on this state, and waits until it listens.
    pub(crate) async fn start(state: State, regions: Vec<Region>) -> Result<Self, CliError> {
        let (child, endpoint) = spawn(&state, &regions, 0).await?;
        Ok(Self {
            state,
            regions,
            child: Mutex::new(child),
            reviving: tokio::sync::Mutex::default(),
            endpoint,
        })
    }

    /// Where it listens; a cloud that was started again listens there too.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Starts the cloud again on the same state and port if its process has ended. Tells whether it did.
    pub(crate) async fn revive(&self) -> Result<bool, CliError> {
        let _alone = self.reviving.lock().await;
        let ended = matches!(self.child().try_wait(), Ok(Some(_)));
        if !ended {
            return Ok(false);
        }
        let port = self.endpoint.url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        let (child, _) = spawn(&self.state, &self.regions, port).await?;
        *self.child() = child;
        Ok(true)
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&self) {
        let mut child = self.child();
        // a process that has ended already needs no killing
        let _ = child.kill();
        let _ = child.wait();
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CloudProcess {
    fn drop(&mut self) {
        let mut child = self.child();
        drop(child.stdin.take());
        let patience = Instant::now() + GRACE;
        while Instant::now() < patience {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

async fn spawn(state: &State, regions: &[Region], port: u16) -> Result<(Child, Endpoint), CliError> {
    let file = |path: PathBuf| move |cause| CliError::File { path, cause };
    let directory = state.directory();
    std::fs::create_dir_all(directory).map_err(file(directory.to_path_buf()))?;
    let log = directory.join("cloud.log");
    let open = File::options().append(true).create(true).open(&log).map_err(file(log.clone()))?;
    let program = std::env::current_exe().map_err(file("caribou".into()))?;
    let mut command = Command::new(&program);
    command.args(["--json", "local", "start", "--until-stdin-closes", "--state"]).arg(directory);
    command.args(["--port", &port.to_string()]);
    for region in regions {
        command.args(["--region", region.code()]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(open);
    let mut child = command.spawn().map_err(file(program))?;
    let stdout = child.stdout.take();
    let first = tokio::task::spawn_blocking(move || {
        let mut lines = stdout.map(BufReader::new)?.lines();
        let mut document = String::new();
        while let Some(Ok(line)) = lines.next() {
            document.push_str(&line);
            if let Ok(endpoint) = serde_json::from_str::<Endpoint>(&document) {
                return Some(endpoint);
            }
        }
        None
    });
    if let Ok(Some(endpoint)) = first.await {
        return Ok((child, endpoint));
    }
    let _ = child.kill();
    let _ = child.wait();
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    Err(CliError::Failed(format!("the embedded cloud did not start:\n{}", said.trim_end())))
}
