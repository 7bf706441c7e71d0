//! Runs the command, and packages for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a command said, and how it ended.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().expect("an exit code"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The one JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }
}

/// Exit code and both streams, for snapshots.
impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// The command with a fixed environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caribou"));
    command.env("NO_COLOR", "1").env("LANG", "C.UTF-8").env_remove("CARGO_MANIFEST_DIR");
    for variable in ["FORCE_COLOR", "CLICOLOR_FORCE", "LC_ALL", "COLUMNS", "CARIBOU_LOG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the command in a folder.
pub(crate) fn caribou(folder: &Path, arguments: &[&str]) -> Said {
    Said::of(&command().args(arguments).current_dir(folder).output().expect("caribou runs"))
}

/// What was said, without where the test runs.
pub(crate) fn plain(said: &Said, folder: &tempfile::TempDir) -> String {
    let path = folder.path().canonicalize().expect("a folder");
    said.to_string().replace(&path.display().to_string(), "FOLDER")
}

/// The root of this repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_path_buf()
}

/// The example workflow of this repository.
pub(crate) fn example() -> PathBuf {
    root().join("examples/image-press")
}

/// A package of several small workflows.
pub(crate) fn flows() -> PathBuf {
    root().join("tests")
}

/// Writes files into a new folder.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    folder
}

/// An embedded cloud that ends with the test, even if that fails: its standard input closes then.
pub(crate) struct Cloud {
    child: Child,
}

impl Cloud {
    /// Starts one in a folder, with its state where commands look for it, and waits until it listens.
    pub(crate) fn start(folder: &Path, regions: &[&str]) -> Self {
        let mut command = command();
        command.args(["--json", "local", "start", "--until-stdin-closes", "--latency", "0"]);
        for region in regions {
            command.args(["--region", region]);
        }
        command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("caribou runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut document = String::new();
        while serde_json::from_str::<Value>(&document).is_err() {
            document.push_str(&lines.next().expect("an endpoint").expect("text"));
        }
        Self { child }
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> i32 {
        let status = self.child.wait().expect("it ends");
        status.code().expect("an exit code")
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let patience = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
