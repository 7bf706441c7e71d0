//! Why a command failed, as a person reads it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use caribou_control::aws::AwsError;
use caribou_control::aws::telemetry::TelemetryError;
use caribou_control::bootstrap::BootstrapError;
use caribou_control::build::{ArchiveError, BuildError};
use caribou_control::deploy::DeployError;
use caribou_control::difference::DifferenceError;
use caribou_control::facts::FactsError;
use caribou_control::manifest::{ManifestFileError, Place};
use caribou_control::migrate::MigrateError;
use caribou_control::original::OriginalError;
use caribou_control::package::PackageError;
use caribou_control::sources::NotLinked;
use caribou_control::state::StateError;
use caribou_local::{CloudError, ControlError};
use caribou_runtime::client::{ClientError, RetryError};
use caribou_runtime::plan::PlanStoreError;
use caribou_runtime::release::ReleaseError;
use caribou_solver::{ProblemError, SolveError};
use miette::{Diagnostic, LabeledSpan, MietteHandlerOpts, NamedSource, SourceCode};

use crate::terminal::Terminal;

/// How a command ended that did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It held.
    Held,
    /// It was checked, and did not hold.
    DidNotHold,
    /// The user ended it.
    Interrupted,
}

impl Outcome {
    pub(crate) fn of(held: bool) -> Self {
        if held { Self::Held } else { Self::DidNotHold }
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("{0}")]
    Manifest(#[source] ManifestFileError, Option<Box<NamedSource<String>>>),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error(transparent)]
    Original(#[from] OriginalError),
    #[error(transparent)]
    Problem(#[from] ProblemError),
    #[error(transparent)]
    Solve(#[from] SolveError),
    #[error(transparent)]
    Difference(#[from] DifferenceError),
    #[error(transparent)]
    Deploy(Box<DeployError>),
    #[error(transparent)]
    Aws(Box<AwsError>),
    #[error(transparent)]
    Telemetry(Box<TelemetryError>),
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    Migrate(Box<MigrateError>),
    #[error(transparent)]
    Plan(#[from] PlanStoreError),
    #[error(transparent)]
    Cloud(#[from] CloudError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Retry(#[from] RetryError),
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error("{from} is no JSON: {cause}")]
    Input { from: String, cause: serde_json::Error },
    #[error("the system gives no threads: {0}")]
    Runtime(std::io::Error),
    #[error("{}", not_linked(.0))]
    NotLinked(Vec<NotLinked>),
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
}

impl From<DeployError> for CliError {
    fn from(error: DeployError) -> Self {
        Self::Deploy(Box::new(error))
    }
}

impl From<MigrateError> for CliError {
    fn from(error: MigrateError) -> Self {
        Self::Migrate(Box::new(error))
    }
}

impl From<AwsError> for CliError {
    fn from(error: AwsError) -> Self {
        Self::Aws(Box::new(error))
    }
}

impl From<TelemetryError> for CliError {
    fn from(error: TelemetryError) -> Self {
        Self::Telemetry(Box::new(error))
    }
}

impl From<ManifestFileError> for CliError {
    fn from(error: ManifestFileError) -> Self {
        let source = error.place().map(|Place { path, text, .. }| {
            Box::new(NamedSource::new(path.display().to_string(), text.clone()).with_language("toml"))
        });
        Self::Manifest(error, source)
    }
}

impl Diagnostic for CliError {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Manifest(_, Some(source)) => Some(&**source),
            _ => None,
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Self::Manifest(error, _) = self else { return None };
        let label = LabeledSpan::at(error.place()?.span.clone()?, "here");
        Some(Box::new(std::iter::once(label)))
    }
}

/// The workflows that a bootstrap lacks; several by the crates that are not linked, a line each.
fn not_linked(workflows: &[NotLinked]) -> String {
    if let [one] = workflows {
        return one.to_string();
    }
    let mut text = format!("the bootstrap lacks {} workflows of its sources", workflows.len());
    let crates = workflows.chunk_by(|a, b| (&a.library, &a.user) == (&b.library, &b.user));
    for group in crates {
        let (library, user) = (&group[0].library, group[0].user.display());
        let remedy = format!(
            "\nnobody names `{library}`, so it is not linked; write `use {library} as _;` in {user}:"
        );
        let lines =
            group.iter().map(|one| format!("\n    {} ({}:{})", one.workflow, one.file.display(), one.line));
        text.extend(std::iter::once(remedy).chain(lines));
    }
    text
}

/// Sets how errors are drawn: compiler output keeps its lines.
pub(crate) fn install_handler() {
    // it fails only where it was done before
    let _ = miette::set_hook(Box::new(|_| {
        Box::new(MietteHandlerOpts::new().wrap_lines(false).without_cause_chain().build())
    }));
}

/// Tells why a command failed, and gives its exit code.
pub(crate) fn report(terminal: Terminal, error: CliError) -> ExitCode {
    let code = if matches!(error, CliError::Usage(_)) { 2 } else { 1 };
    terminal.document(&serde_json::json!({ "error": error.to_string() }));
    let _ = writeln!(std::io::stderr().lock(), "{:?}", miette::Report::new(error));
    ExitCode::from(code)
}
