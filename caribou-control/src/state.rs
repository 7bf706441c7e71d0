//! What the framework keeps on disk: where an embedded cloud listens; what was deployed, to it or to an AWS account, learned
//! and solved.

use std::path::{Path, PathBuf};

use caribou_model::{FunctionSpec, Graph, Manifest, Region, Timestamp, Workload};
use caribou_runtime::aws::Account;
use caribou_solver::Solution;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A directory of the framework's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    directory: PathBuf,
}

/// A running embedded cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// Its regions.
    pub regions: Vec<Region>,
}

/// A workflow as it was deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    /// Its graph.
    pub graph: Graph,
    /// Names of its parameters.
    pub parameters: Vec<String>,
    /// The folder of its package.
    pub package: PathBuf,
    /// The executable that was deployed.
    pub bootstrap: PathBuf,
    /// Its manifest at that time.
    pub manifest: Manifest,
    /// When it was deployed.
    pub at: Timestamp,
}

impl Deployed {
    /// Whether it is the workflow of this name, or of the package in this folder.
    pub fn is(&self, wanted: &str) -> bool {
        self.graph.workflow == wanted
            || Path::new(wanted).canonicalize().is_ok_and(|folder| self.package == folder)
    }

    /// The options of a function.
    pub fn spec(&self, function: &str) -> Option<&FunctionSpec> {
        self.graph.functions.iter().find(|spec| spec.name == function)
    }
}

/// What was solved, and what from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solved {
    /// The workload that it was solved for.
    pub workload: Workload,
    /// The solution.
    pub solution: Solution,
    /// When it was solved.
    pub at: Timestamp,
}

/// Telemetry of a version of a workflow that was read from a platform which asks for money and time to read it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// What was printed before was read, as far as it is kept.
    pub until: Timestamp,
    /// The lines, in the order of time.
    pub lines: Vec<String>,
}

/// Why something that is kept cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No cloud runs on this state.
    #[error("no embedded cloud runs with its state in {}; start one with `caribou local start`", directory.display())]
    NotRunning {
        /// The directory.
        directory: PathBuf,
    },
    /// Nothing was deployed.
    #[error("no workflow is deployed in {}; deploy one with `caribou local deploy PATH`", directory.display())]
    NothingDeployed {
        /// The directory.
        directory: PathBuf,
    },
    /// Another workflow was deployed.
    #[error("workflow `{wanted}` is not deployed; deployed are {}", known.join(", "))]
    NoSuchWorkflow {
        /// The name asked for.
        wanted: String,
        /// What is deployed.
        known: Vec<String>,
    },
    /// Several workflows are deployed, and none was named.
    #[error("several workflows are deployed ({}); name one", known.join(", "))]
    SeveralWorkflows {
        /// What is deployed.
        known: Vec<String>,
    },
    /// The workflow was not solved for.
    #[error("nothing was solved for `{workflow}` {version} yet; run `caribou solve`")]
    NotSolved {
        /// The workflow.
        workflow: String,
        /// Its version.
        version: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

impl State {
    /// The state in a directory, which need not exist yet.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Notes where the cloud listens.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if that cannot be written.
    pub fn write_endpoint(&self, endpoint: &Endpoint) -> Result<(), StateError> {
        write(&self.endpoint_file(), endpoint)
    }

    /// Where the cloud listens.
    ///
    /// # Errors
    ///
    /// [`StateError::NotRunning`] if none was started, or it was stopped.
    pub fn endpoint(&self) -> Result<Endpoint, StateError> {
        let not_running = || StateError::NotRunning { directory: self.directory.clone() };
        read(&self.endpoint_file())?.ok_or_else(not_running)
    }

    /// Forgets where the cloud listened, if it is still that one.
    pub fn forget_endpoint(&self, endpoint: &Endpoint) {
        if self.endpoint().is_ok_and(|noted| noted == *endpoint) {
            // a file that stays is found out at the first call
            let _ = std::fs::remove_file(self.endpoint_file());
        }
    }

    /// Notes what was deployed.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if that cannot be written.
    pub fn write_deployed(&self, deployed: &Deployed) -> Result<(), StateError> {
        let Graph { workflow, version, .. } = &deployed.graph;
        write(&self.version(workflow, version), deployed)?;
        write(&self.workflow(workflow).join(DEPLOYED), deployed)
    }

    /// This version of a workflow as it was deployed from here last. `None` if it was not.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if a file cannot be read.
    pub fn deployed_version(&self, workflow: &str, version: &str) -> Result<Option<Deployed>, StateError> {
        read(&self.version(workflow, version))
    }

    /// Notes the AWS account that a workflow was deployed to.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if that cannot be written.
    pub fn write_account(&self, workflow: &str, account: &Account) -> Result<(), StateError> {
        write(&self.workflow(workflow).join(ACCOUNT), &account.as_str())
    }

    /// The AWS account that a workflow was deployed to; `None` if it was not deployed to AWS.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if the file cannot be read, or holds no account.
    pub fn account(&self, workflow: &str) -> Result<Option<Account>, StateError> {
        let path = self.workflow(workflow).join(ACCOUNT);
        let Some(noted) = read::<String>(&path)? else { return Ok(None) };
        noted.parse().map(Some).map_err(|cause| fault(&path, cause))
    }

    /// Telemetry of this version of a workflow that was read before; nothing if none was.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if the file cannot be read.
    pub fn telemetry(&self, graph: &Graph) -> Result<Telemetry, StateError> {
        Ok(read(&self.telemetry_file(graph))?.unwrap_or_default())
    }

    /// Keeps telemetry.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if that cannot be written.
    pub fn write_telemetry(&self, graph: &Graph, telemetry: &Telemetry) -> Result<(), StateError> {
        write(&self.telemetry_file(graph), telemetry)
    }

    /// Forgets a workflow and all that was noted of it.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if its folder cannot be removed.
    pub fn forget(&self, workflow: &str) -> Result<(), StateError> {
        let directory = self.workflow(workflow);
        match std::fs::remove_dir_all(&directory) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(fault(&directory, cause)),
            _ => Ok(()),
        }
    }

    /// Every workflow that was deployed, by name.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if a file cannot be read.
    pub fn all_deployed(&self) -> Result<Vec<Deployed>, StateError> {
        let directory = self.directory.join(WORKFLOWS);
        let mut all = Vec::new();
        let Ok(entries) = std::fs::read_dir(&directory) else { return Ok(all) };
        for entry in entries.flatten() {
            all.extend(read::<Deployed>(&entry.path().join(DEPLOYED))?);
        }
        all.sort_by(|a, b| a.graph.workflow.cmp(&b.graph.workflow));
        Ok(all)
    }

    /// The deployed workflow of this name, or of the package in this folder; the only one if nothing is named.
    ///
    /// # Errors
    ///
    /// [`StateError`] says what is deployed instead.
    pub fn deployed(&self, wanted: Option<&str>) -> Result<Deployed, StateError> {
        let mut all = self.all_deployed()?;
        if all.is_empty() {
            return Err(StateError::NothingDeployed { directory: self.directory.clone() });
        }
        let known: Vec<String> = all.iter().map(|one| one.graph.workflow.clone()).collect();
        if let Some(wanted) = wanted {
            all.retain(|one| one.is(wanted));
        }
        match (all.len(), wanted) {
            (1, _) => Ok(all.swap_remove(0)),
            (0, Some(wanted)) => Err(StateError::NoSuchWorkflow { wanted: wanted.to_owned(), known }),
            _ => Err(StateError::SeveralWorkflows {
                known: all.into_iter().map(|w| w.graph.workflow).collect(),
            }),
        }
    }

    /// Notes what was solved.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] if that cannot be written.
    pub fn write_solved(&self, solved: &Solved) -> Result<(), StateError> {
        write(&self.workflow(&solved.solution.workflow).join(SOLVED), solved)
    }

    /// What was solved for this version of a workflow.
    ///
    /// # Errors
    ///
    /// [`StateError::NotSolved`] if nothing was, or for another version.
    pub fn solved(&self, graph: &Graph) -> Result<Solved, StateError> {
        let solved: Option<Solved> = read(&self.workflow(&graph.workflow).join(SOLVED))?;
        solved.filter(|solved| solved.solution.version == graph.version).ok_or_else(|| {
            StateError::NotSolved { workflow: graph.workflow.clone(), version: graph.version.clone() }
        })
    }

    fn endpoint_file(&self) -> PathBuf {
        self.directory.join("endpoint.json")
    }

    fn workflow(&self, name: &str) -> PathBuf {
        self.directory.join(WORKFLOWS).join(plain(name))
    }

    fn telemetry_file(&self, graph: &Graph) -> PathBuf {
        self.workflow(&graph.workflow).join(TELEMETRY).join(format!("{}.json", plain(&graph.version)))
    }

    fn version(&self, workflow: &str, version: &str) -> PathBuf {
        self.workflow(workflow).join(VERSIONS).join(format!("{}.json", plain(version)))
    }
}

/// Names are Rust identifiers or what the `name` option allows; none leads out of the directory.
fn plain(name: &str) -> String {
    name.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'), "_")
}

const WORKFLOWS: &str = "workflows";
const VERSIONS: &str = "versions";
const TELEMETRY: &str = "telemetry";
const ACCOUNT: &str = "account.json";
const DEPLOYED: &str = "deployed.json";
const SOLVED: &str = "solved.json";

fn fault(path: &Path, cause: impl std::fmt::Display) -> StateError {
    StateError::File { path: path.to_path_buf(), cause: cause.to_string() }
}

/// Reads a file; `None` if there is none.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    match std::fs::read(path) {
        Ok(content) => serde_json::from_slice(&content)
            .map(Some)
            .map_err(|cause| fault(path, format!("{cause}; remove the file and repeat what wrote it"))),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(fault(path, cause)),
    }
}

/// Writes a file whole or not at all.
fn write<T: Serialize>(path: &Path, content: &T) -> Result<(), StateError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let content = serde_json::to_vec_pretty(content).map_err(|cause| fault(path, cause))?;
    let unfinished = path.with_extension("unfinished");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&unfinished, content))
        .and_then(|()| std::fs::rename(&unfinished, path))
        .map_err(|cause| fault(path, cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOME, diamond};

    fn deployed(name: &str) -> Deployed {
        let mut graph = diamond();
        graph.workflow = name.into();
        Deployed {
            graph,
            parameters: Vec::new(),
            package: PathBuf::from("/flows").join(name),
            bootstrap: "/flows/bootstrap".into(),
            manifest: Manifest::at_home(HOME),
            at: Timestamp::from_millis(1),
        }
    }

    #[test]
    fn a_cloud_that_was_not_started_is_told_so() {
        let directory = tempfile::tempdir().unwrap();
        let error = State::in_directory(directory.path()).endpoint().unwrap_err().to_string();
        assert!(error.contains("caribou local start"), "{error}");
    }

    #[test]
    fn an_endpoint_is_forgotten_only_by_the_cloud_that_wrote_it() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::in_directory(directory.path().join("new"));
        let [old, new] =
            [1, 2].map(|pid| Endpoint { url: "http://127.0.0.1:9".into(), pid, regions: vec![HOME] });
        state.write_endpoint(&new).unwrap();
        state.forget_endpoint(&old);
        assert_eq!(state.endpoint().unwrap(), new);
        state.forget_endpoint(&new);
        assert!(state.endpoint().is_err());
    }

    #[test]
    fn a_deployed_workflow_is_found_by_its_name_or_alone() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::in_directory(directory.path());
        assert!(matches!(state.deployed(None), Err(StateError::NothingDeployed { .. })));
        state.write_deployed(&deployed("b")).unwrap();
        assert_eq!(state.deployed(None).unwrap(), deployed("b"));
        state.write_deployed(&deployed("a")).unwrap();
        assert_eq!(state.deployed(Some("a")).unwrap(), deployed("a"));
        assert!(matches!(state.deployed(None), Err(StateError::SeveralWorkflows { .. })));
        let error = state.deployed(Some("c")).unwrap_err().to_string();
        assert!(error.contains("deployed are a, b"), "{error}");
    }

    #[test]
    fn each_version_that_was_deployed_is_kept_and_a_workflow_is_forgotten_whole() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::in_directory(directory.path());
        let mut first = deployed("press");
        first.graph.version = "0.1.0-rc.1".into();
        let second = deployed("press");
        state.write_deployed(&first).unwrap();
        state.write_deployed(&second).unwrap();
        assert_eq!(state.deployed(Some("press")).unwrap(), second);
        assert_eq!(state.deployed_version("press", "0.1.0-rc.1").unwrap(), Some(first));
        assert_eq!(state.deployed_version("press", "../deployed").unwrap(), None);
        state.forget("press").unwrap();
        state.forget("press").unwrap();
        assert!(state.all_deployed().unwrap().is_empty());
        assert_eq!(state.deployed_version("press", "0.1.0").unwrap(), None);
    }

    #[test]
    fn telemetry_is_kept_by_version() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::in_directory(directory.path());
        let mut graph = diamond();
        assert_eq!(state.telemetry(&graph).unwrap(), Telemetry::default());
        let kept = Telemetry { until: Timestamp::from_millis(7), lines: vec!["{}".into()] };
        state.write_telemetry(&graph, &kept).unwrap();
        assert_eq!(state.telemetry(&graph).unwrap(), kept);
        graph.version = "0.2.0".into();
        assert_eq!(state.telemetry(&graph).unwrap(), Telemetry::default());
    }

    #[test]
    fn the_account_of_a_workflow_is_noted() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::in_directory(directory.path());
        assert_eq!(state.account("press").unwrap(), None);
        let account: Account = "123456789012".parse().unwrap();
        state.write_account("press", &account).unwrap();
        assert_eq!(state.account("press").unwrap(), Some(account));
        std::fs::write(directory.path().join("workflows/press/account.json"), "\"12\"").unwrap();
        let error = state.account("press").unwrap_err().to_string();
        assert!(error.contains("account.json") && error.contains("12 digits"), "{error}");
    }

    #[test]
    fn a_file_that_was_cut_off_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("endpoint.json"), "{").unwrap();
        let error = State::in_directory(directory.path()).endpoint().unwrap_err().to_string();
        assert!(error.contains("endpoint.json"), "{error}");
    }
}
