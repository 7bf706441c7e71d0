//! The process of `moto_server`.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use caribou_runtime::local::http::{Ask, Http};
use http::Method;

use crate::Wrong;

/// Where the program is.
const PROGRAM: &str = "MOTO_SERVER";
/// `require` makes it a failure that there is none.
const REQUIRED: &str = "CARIBOU_MOTO";
/// How long it may take to start, on a machine that does much else.
const START_WITHIN: Duration = Duration::from_mins(2);
/// How many ports are tried: another process may take one between the look and the use.
const TRIES: u32 = 5;

/// A running moto. It ends when this is dropped, and when this process ends in whatever way: it reads a pipe of which only
/// this process has the other end.
#[derive(Debug)]
pub struct Moto {
    endpoint: String,
    process: Child,
    /// Its other end is read by the server.
    _alive: ChildStdin,
    log: PathBuf,
}

impl Moto {
    /// Starts one that logs to a file in `state`. `None`, after a notice, if there is no program to start.
    ///
    /// # Errors
    ///
    /// What keeps it from starting; also that there is no program, if `CARIBOU_MOTO` is `require`.
    pub async fn start(state: &Path) -> Result<Option<Self>, Wrong> {
        let Some(program) = program()? else { return Ok(None) };
        let log = state.join("moto.log");
        let mut tries = 0;
        loop {
            let mut moto = Self::spawn(&program, &log)?;
            match moto.answers().await {
                Ok(()) => return Ok(Some(moto)),
                Err(wrong) if tries == TRIES => return Err(wrong),
                Err(_) => tries += 1,
            }
        }
    }

    fn spawn(program: &Path, log: &Path) -> Result<Self, Wrong> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let patches = Path::new(env!("CARGO_MANIFEST_DIR")).join("moto");
        let output = std::fs::File::create(log)?;
        let mut process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", patches)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| {
                format!("`{PROGRAM}` is {}, which does not start: {error}", program.display())
            })?;
        let alive = process.stdin.take().ok_or("the server has no standard input")?;
        Ok(Self { endpoint: format!("http://127.0.0.1:{port}"), process, _alive: alive, log: log.to_owned() })
    }

    /// Waits until it answers, and tells it to do without Docker.
    async fn answers(&mut self) -> Result<(), Wrong> {
        let http = Http::new(&self.endpoint);
        let patience = Instant::now() + START_WITHIN;
        loop {
            let ask = Ask::new(Method::POST, "/moto-api/config").body(r#"{"lambda":{"use_docker":false}}"#);
            match http.ask(ask).await {
                Ok(answer) if answer.status.is_success() => return Ok(()),
                _ if self.process.try_wait()?.is_some() || Instant::now() > patience => {
                    return Err(format!("moto does not start; it says:\n{}", self.log()).into());
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Result<Option<PathBuf>, Wrong> {
    if let Some(program) = std::env::var_os(PROGRAM).filter(|program| !program.is_empty()) {
        return Ok(Some(program.into()));
    }
    let remedy = "install it with `pip install 'moto[server]'` in a virtual environment, and let `MOTO_SERVER` be the path of \
                  its `moto_server`";
    if std::env::var(REQUIRED).is_ok_and(|value| value == "require") {
        return Err(format!("there is no moto, and `{REQUIRED}` requires it; {remedy}").into());
    }
    eprintln!("SKIPPED: a test against AWS's interfaces needs moto; {remedy}");
    Ok(None)
}
