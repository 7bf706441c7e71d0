//! A built bootstrap, asked on this machine: what it holds, and plain calls.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use caribou_model::{Graph, GraphError};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The executable of a workflow's package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    path: PathBuf,
}

/// One workflow of a bootstrap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// What the compiler found in its body.
    pub graph: Graph,
    /// Names of its parameters, in order.
    pub parameters: Vec<String>,
}

#[derive(Deserialize)]
struct Description {
    caribou: u32,
    workflows: Vec<Described>,
    /// Why the bootstrap cannot serve them.
    error: Option<String>,
}

/// Why a bootstrap did not answer.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// It could not be started.
    #[error("{} could not be started: {cause}", path.display())]
    Start {
        /// The executable.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It is another program.
    #[error(
        "{} is not a caribou bootstrap: {why}. A workflow's src/main.rs ends with `caribou::main!();`",
        path.display()
    )]
    NotOne {
        /// The executable.
        path: PathBuf,
        /// How that was seen.
        why: String,
    },
    /// It speaks another version of the language.
    #[error("{} speaks version {found} of the bootstrap's language, this caribou speaks version 1; rebuild it", path.display())]
    Version {
        /// The executable.
        path: PathBuf,
        /// The version it speaks.
        found: u32,
    },
    /// It is one, and cannot serve what was linked into it.
    #[error("{} cannot be deployed: {message}", path.display())]
    Unusable {
        /// The executable.
        path: PathBuf,
        /// What it says.
        message: String,
    },
    /// A graph of it is not sound.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// It is a bootstrap without a workflow.
    #[error(
        "{} holds no workflow; put `#[caribou::workflow]` on an `async fn` in a module that the binary uses",
        path.display()
    )]
    Empty {
        /// The executable.
        path: PathBuf,
    },
    /// It has no workflow of the name asked for.
    #[error("the bootstrap has no workflow `{wanted}`; it has:{}", listed(known))]
    NoSuchWorkflow {
        /// The name asked for.
        wanted: String,
        /// What it has.
        known: Vec<String>,
    },
    /// It has several workflows, and none was named.
    #[error("the bootstrap has several workflows; name one with --workflow:{}", listed(known))]
    SeveralWorkflows {
        /// What it has.
        known: Vec<String>,
    },
    /// The workflow was called and returned an error.
    #[error("the plain call of `{workflow}` failed: {message}")]
    Call {
        /// The workflow.
        workflow: String,
        /// The error.
        message: String,
    },
}

/// Names, a line each.
fn listed(names: &[String]) -> String {
    [&[String::new()], names].concat().join("\n    ")
}

impl Bootstrap {
    /// How long `describe` may take. It only prints what was compiled in.
    const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(20);

    /// The bootstrap at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The workflows that it holds.
    ///
    /// # Errors
    ///
    /// [`BootstrapError::NotOne`] if the program does not answer as a bootstrap does.
    pub async fn describe(&self) -> Result<Vec<Described>, BootstrapError> {
        let not_one = |why: String| BootstrapError::NotOne { path: self.path.clone(), why };
        let answer = tokio::time::timeout(Self::DESCRIBE_TIMEOUT, self.ask(&["describe"], b""));
        let output = match answer.await {
            Ok(output) => output?,
            Err(_) => return Err(not_one("asked to `describe` itself, it did not end".into())),
        };
        if let Ok(Description { caribou: 1, error: Some(message), .. }) =
            serde_json::from_slice(&output.stdout)
        {
            return Err(self.refusal(&message));
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            if said.starts_with("this bootstrap ") {
                return Err(self.refusal(&said));
            }
            let said = said.trim().lines().last().unwrap_or("it said nothing").to_owned();
            return Err(not_one(format!(
                "asked to `describe` itself, it ended with {} ({said})",
                output.status
            )));
        }
        if output.stdout.trim_ascii().is_empty() {
            return Err(not_one("asked to `describe` itself, it printed nothing".into()));
        }
        let description: Description = serde_json::from_slice(&output.stdout)
            .map_err(|cause| not_one(format!("its answer to `describe` cannot be read ({cause})")))?;
        if description.caribou != 1 {
            return Err(BootstrapError::Version { path: self.path.clone(), found: description.caribou });
        }
        for workflow in &description.workflows {
            workflow.graph.validate()?;
        }
        Ok(description.workflows)
    }

    /// What a bootstrap says that cannot serve.
    fn refusal(&self, said: &str) -> BootstrapError {
        let path = self.path.clone();
        if said.starts_with("this bootstrap has no workflow;") {
            BootstrapError::Empty { path }
        } else {
            BootstrapError::Unusable { path, message: said.trim().to_owned() }
        }
    }

    /// The workflow of this name among those that it [holds](Self::describe); the only one if none is named.
    ///
    /// # Errors
    ///
    /// [`BootstrapError`] says what the bootstrap has instead.
    pub fn choose(
        &self,
        mut workflows: Vec<Described>,
        wanted: Option<&str>,
    ) -> Result<Described, BootstrapError> {
        let known: Vec<String> = workflows.iter().map(|w| w.graph.workflow.clone()).collect();
        let index = match wanted {
            _ if known.is_empty() => return Err(BootstrapError::Empty { path: self.path.clone() }),
            Some(name) => known.iter().position(|workflow| workflow == name),
            None if known.len() == 1 => Some(0),
            None => return Err(BootstrapError::SeveralWorkflows { known }),
        };
        let missing = || wanted.unwrap_or_default().to_owned();
        index
            .map(|index| workflows.swap_remove(index))
            .ok_or_else(|| BootstrapError::NoSuchWorkflow { wanted: missing(), known })
    }

    /// Calls a workflow as a plain function, in a process of its own.
    ///
    /// # Errors
    ///
    /// [`BootstrapError::Call`] with the workflow's own error.
    pub async fn call(
        &self,
        workflow: &str,
        input: &serde_json::Value,
    ) -> Result<serde_json::Value, BootstrapError> {
        let output = self.ask(&["call", workflow], input.to_string().as_bytes()).await?;
        let failed = |message: String| BootstrapError::Call { workflow: workflow.to_owned(), message };
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|cause| failed(format!("what it printed is no JSON: {cause}")))
    }

    async fn ask(&self, arguments: &[&str], input: &[u8]) -> Result<Output, BootstrapError> {
        let start = |cause| BootstrapError::Start { path: self.path.clone(), cause };
        let mut child = Command::new(&self.path)
            .args(arguments)
            .env_remove("AWS_LAMBDA_RUNTIME_API")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(start)?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // a program that does not read its input tells why by its exit code
                let _ = stdin.write_all(input).await;
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        output.map_err(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with this text. A process of its own writes it: while this one had it open, another test's fork
    /// could hold it open too, and a file that is open for writing cannot be started.
    #[cfg(unix)]
    fn script(text: &str) -> (tempfile::TempDir, Bootstrap) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap");
        let written = std::process::Command::new("sh")
            .args(["-c", r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#])
            .arg(&path)
            .arg(text)
            .status();
        assert!(written.unwrap().success());
        (folder, Bootstrap::at(path))
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_is_no_bootstrap_is_told_apart() {
        let (_folder, bootstrap) = script("echo hello");
        let error = bootstrap.describe().await.unwrap_err().to_string();
        assert!(error.contains("not a caribou bootstrap") && error.contains("caribou::main!()"), "{error}");
        let (_folder, bootstrap) = script("echo 'what?' >&2; exit 3");
        let error = bootstrap.describe().await.unwrap_err().to_string();
        assert!(error.contains("what?"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_bootstrap_that_holds_nothing_or_too_much_says_so_itself() {
        let empty = caribou_runtime::bootstrap::BootstrapError::Empty;
        let (_folder, bootstrap) = script(&format!("echo '{empty}' >&2; exit 1"));
        assert!(matches!(bootstrap.describe().await, Err(BootstrapError::Empty { .. })));
        let twice = caribou_runtime::bootstrap::BootstrapError::Twice("press");
        let (_folder, bootstrap) = script(&format!("echo '{twice}' >&2; exit 1"));
        let error = bootstrap.describe().await.unwrap_err().to_string();
        assert!(
            error.contains("cannot be deployed: this bootstrap has two workflows called `press`"),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_bootstrap_of_another_language_is_told_apart() {
        let (_folder, bootstrap) = script(r#"echo '{"caribou":2,"workflows":[]}'"#);
        assert!(matches!(bootstrap.describe().await, Err(BootstrapError::Version { found: 2, .. })));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_bootstrap_that_cannot_serve_says_why() {
        let (_folder, bootstrap) =
            script(r#"echo '{"caribou":1,"workflows":[],"error":"two of `press`"}'; exit 1"#);
        let error = bootstrap.describe().await.unwrap_err().to_string();
        assert!(error.ends_with("cannot be deployed: two of `press`"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_plain_call_returns_the_result_or_the_workflows_error() {
        let (_folder, bootstrap) = script("cat");
        let input = serde_json::json!({"a": [1, 2.5]});
        assert_eq!(bootstrap.call("w", &input).await.unwrap(), input);
        let (_folder, bootstrap) = script("echo 'no photo' >&2; exit 1");
        let error = bootstrap.call("w", &input).await.unwrap_err().to_string();
        assert_eq!(error, "the plain call of `w` failed: no photo");
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let error = Bootstrap::at("/nowhere/bootstrap").describe().await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/bootstrap"), "{error}");
    }
}
