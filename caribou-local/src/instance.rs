//! One function instance: a process that runs the real bootstrap.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::output::Output;
use crate::platform::Platform;
use crate::scheduler::InstanceId;
use crate::{FunctionDeployment, Services};

/// How long an instance may take from its start to asking for its first event. Lambda allows 10 s, on machines
/// that are not compiling at the same time.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How often a start is tried that finds the executable still open for writing, 20 ms apart.
const BUSY_TRIES: u32 = 50;
/// What of the cloud's own environment its instances see.
const INHERITED: [&str; 6] = ["HOME", "LD_LIBRARY_PATH", "PATH", "RUST_BACKTRACE", "RUST_LOG", "TMPDIR"];
/// What of it an instance does not see that calls AWS: where the developer's own credentials lie.
const PRIVATE: &str = "HOME";

/// A deployment, and where the cloud keeps its copy of the bootstrap.
pub(crate) struct Deployed {
    pub(crate) deployment: FunctionDeployment,
    pub(crate) executable: PathBuf,
}

impl Deployed {
    /// Longest time of one attempt.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.deployment.spec.timeout_s.into())
    }
}

/// How long an instance lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// As long as it likes: it waits for an event.
    None,
    /// Until this instant, by which it must have asked for its first event.
    Start(Instant),
    /// Until this instant, by which it must have finished its event.
    Event(Instant),
    /// It is ended now: it is not needed any more.
    Ended,
    /// It is killed now: a fault that was asked for.
    Killed,
    /// It is killed at this instant: a fault that was asked for.
    Doomed(Instant),
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was not started.
    NotStarted(String),
    /// By itself.
    Exited(String),
    /// It did not ask for an event in time.
    SlowStart,
    /// It did not finish its event in time.
    TimedOut,
    /// It was not needed any more.
    Ended,
    /// By a fault that was asked for.
    Killed,
}

impl End {
    /// The type of the error, in Lambda's words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::TimedOut => "Sandbox.Timedout",
            _ => "Runtime.ExitError",
        }
    }

    /// Why its event was not handled.
    pub(crate) fn reason(&self, timeout: Duration, last_words: &str) -> String {
        let words =
            if last_words.is_empty() { String::new() } else { format!("; it said last: {last_words}") };
        match self {
            Self::NotStarted(cause) => format!("the bootstrap cannot be started: {cause}"),
            Self::Exited(status) => {
                format!("the instance ended ({status}) before it had handled the event{words}")
            }
            Self::SlowStart => {
                format!("the instance did not ask for an event within {} s{words}", START_WITHIN.as_secs())
            }
            Self::TimedOut => {
                format!("the function ran longer than its timeout of {} s{words}", timeout.as_secs())
            }
            Self::Ended => "the instance was ended".to_owned(),
            Self::Killed => "the instance was killed, a fault that was asked for".to_owned(),
        }
    }
}

/// Starts an instance and sees it to its end.
pub(crate) async fn run(
    platform: Arc<Platform>,
    id: InstanceId,
    deployed: Arc<Deployed>,
    mut limit: watch::Receiver<Limit>,
) {
    let end = match start(&platform, id, &deployed).await {
        Ok((mut child, output)) => {
            platform.started(id, &output);
            let end = supervise(&mut child, &mut limit).await;
            if !matches!(end, End::Exited(_)) {
                let _ = child.kill().await;
            }
            output.drain();
            end
        }
        Err(error) => End::NotStarted(error.to_string()),
    };
    platform.ended(id, &end);
}

async fn supervise(child: &mut Child, limit: &mut watch::Receiver<Limit>) -> End {
    loop {
        let current = *limit.borrow_and_update();
        let until = match current {
            Limit::None => None,
            Limit::Start(until) | Limit::Event(until) | Limit::Doomed(until) => Some(until),
            Limit::Ended => return End::Ended,
            Limit::Killed => return End::Killed,
        };
        tokio::select! {
            status = child.wait() => return End::Exited(describe(&status)),
            changed = limit.changed() => if changed.is_err() { return End::Ended },
            () = sleep_until(until) => {
                return match current {
                    Limit::Start(_) => End::SlowStart,
                    Limit::Doomed(_) => End::Killed,
                    _ => End::TimedOut,
                };
            }
        }
    }
}

async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn describe(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// The limit of an instance that has just been asked for.
pub(crate) fn start_limit() -> Limit {
    Limit::Start(Instant::now() + START_WITHIN)
}

async fn start(platform: &Platform, id: InstanceId, deployed: &Deployed) -> io::Result<(Child, Arc<Output>)> {
    let (stdout, stdout_end) = io::pipe()?;
    let (stderr, stderr_end) = io::pipe()?;
    let mut command = Command::new(&deployed.executable);
    command
        .env_clear()
        .envs(environment(deployed, platform.endpoint(), id))
        .current_dir(deployed.executable.parent().unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .stdout(stdout_end)
        .stderr(stderr_end)
        .process_group(0)
        .kill_on_drop(true);
    let mut tries = 0;
    let child = loop {
        match command.spawn() {
            // Another thread has forked while the copy was written, and its child has not called exec yet.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => break other?,
        }
    };
    let log = platform.log(&deployed.deployment.address);
    let output = Output::follow(id, stdout, stderr, log, platform.disk().clone())?;
    Ok((child, output))
}

fn environment(deployed: &Deployed, endpoint: &str, id: InstanceId) -> Vec<(String, String)> {
    let FunctionDeployment { address, spec, home, probe_share, run_deadline_s, env, services, .. } =
        &deployed.deployment;
    let embedded = *services == Services::Embedded;
    let root = deployed.executable.parent().unwrap_or(Path::new("/"));
    let inherited = INHERITED.iter().filter(|name| embedded || **name != PRIVATE);
    let inherited = inherited.filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let set = [
        ("AWS_LAMBDA_RUNTIME_API", format!("{endpoint}/instances/{id}")),
        ("AWS_REGION", address.region.code().to_owned()),
        ("AWS_DEFAULT_REGION", address.region.code().to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", address.deployed_name()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", spec.timeout_s.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("LAMBDA_TASK_ROOT", root.display().to_string()),
    ];
    let of_the_deployment = [
        ("CARIBOU_WORKFLOW", address.workflow.clone()),
        ("CARIBOU_VERSION", address.version.clone()),
        ("CARIBOU_FUNCTION", address.function.clone()),
        ("CARIBOU_HOME", home.to_string()),
        ("CARIBOU_PROBE_SHARE", probe_share.to_string()),
        ("CARIBOU_RUN_DEADLINE_S", run_deadline_s.to_string()),
        ("CARIBOU_LOCAL", endpoint.to_owned()),
    ];
    let zone = ("TZ".to_owned(), ":UTC".to_owned());
    let own = spec.environment.iter().chain(env).map(|(name, value)| (name.clone(), value.clone()));
    // what the platform sets comes last, as nobody may change it
    let set: Vec<_> = match services {
        Services::Embedded => set.into_iter().chain(of_the_deployment).collect(),
        Services::Aws(_) => set.into_iter().chain([("CARIBOU_HOSTED", "1".to_owned())]).collect(),
    };
    let set = set.into_iter().map(|(name, value)| (name.to_owned(), value));
    inherited.chain([zone]).chain(own).chain(set).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use caribou_model::{FunctionSpec, Region};
    use caribou_runtime::port::StageAddress;

    use super::*;

    #[test]
    fn a_functions_variables_are_set_and_those_of_the_platform_stay() {
        let mut spec = FunctionSpec::new("resize");
        for (name, value) in [("LOG", "info"), ("TZ", "CET"), ("MODEL", "small"), ("AWS_REGION", "mars")] {
            spec.environment.insert(name.into(), value.into());
        }
        let address = StageAddress {
            workflow: "press".into(),
            version: "0.1.0".into(),
            function: "resize".into(),
            region: Region::aws("ca-central-1"),
        };
        let deployment = FunctionDeployment {
            address,
            spec,
            bootstrap: "/bootstrap".into(),
            home: Region::aws("us-east-1"),
            probe_share: 0.0,
            run_deadline_s: 600,
            env: BTreeMap::from([("MODEL".into(), "large".into())]),
            services: Services::Embedded,
        };
        let mut deployed = Deployed { deployment, executable: "/copies/bootstrap".into() };
        let set: HashMap<_, _> = environment(&deployed, "http://127.0.0.1:1", 7).into_iter().collect();
        let expected = [("LOG", "info"), ("TZ", "CET"), ("MODEL", "large"), ("AWS_REGION", "ca-central-1")];
        for (name, value) in expected {
            assert_eq!(set[name], value, "{name}");
        }
        assert_eq!(set["CARIBOU_LOCAL"], "http://127.0.0.1:1");

        deployed.deployment.services = Services::Aws(crate::AsynchronousEvents::default());
        let hosted: HashMap<_, _> = environment(&deployed, "http://127.0.0.1:1", 7).into_iter().collect();
        for (name, value) in expected {
            assert_eq!(hosted[name], value, "{name}");
        }
        assert_eq!(hosted["CARIBOU_HOSTED"], "1");
        for absent in ["CARIBOU_LOCAL", "CARIBOU_HOME", "CARIBOU_WORKFLOW", "HOME", "AWS_PROFILE"] {
            assert!(!hosted.contains_key(absent), "{absent}");
        }
    }
}
