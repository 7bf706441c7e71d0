//! One start of a bootstrap, up to its first handled event.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::runtime_api::RuntimeApi;

/// What a start took.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// From the start of the process to its question for an event.
    pub asked: Duration,
    /// From the start of the process to its answer to the event.
    pub answered: Duration,
    /// The most memory that it had until then, in bytes.
    pub resident: u64,
}

/// A start that does nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a bootstrap as a function of the smallest workflow in a world where its services are at one address, and gives it
/// one event.
///
/// # Errors
///
/// If it does not start, does not answer in 20 s, or answers with an error.
pub fn start(bootstrap: &Path, function: &str, services: SocketAddr, event: &str) -> Outcome<Start> {
    let api = RuntimeApi::with(event.to_owned())?;
    let began = Instant::now();
    let mut process = Ended(
        Command::new(bootstrap)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "measured")
            .env("AWS_SECRET_ACCESS_KEY", "measured")
            .env("AWS_ENDPOINT_URL", format!("http://{services}"))
            .env("CARIBOU_ACCOUNT", "123456789012")
            .env("CARIBOU_WORKFLOW", "smallest")
            .env("CARIBOU_VERSION", "0.1.0")
            .env("CARIBOU_FUNCTION", function)
            .env("CARIBOU_HOME", "aws:us-east-1")
            .env("CARIBOU_PROBE_SHARE", "0")
            .env("CARIBOU_RUN_DEADLINE_S", "600")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?,
    );
    let asked = api.calls.recv_timeout(PATIENCE)?;
    let answered = api.calls.recv_timeout(PATIENCE)?;
    let resident = resident(process.0.id())?;
    process.0.kill()?;
    if !answered.path.ends_with("/response") {
        return Err(format!("{function} answers {}: {}", answered.path, answered.body).into());
    }
    Ok(Start { asked: asked.at - began, answered: answered.at - began, resident })
}

/// A process that ends with its measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The most memory that a process had, in bytes, as Linux tells it.
fn resident(process: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line.unwrap_or_default().trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
