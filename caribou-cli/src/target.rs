//! A workflow's package on the command line, built and asked what it holds.

use std::path::PathBuf;

use caribou_control::bootstrap::{Bootstrap, BootstrapError, Described};
use caribou_control::calendar;
use caribou_control::manifest::ManifestFile;
use caribou_control::package::{Package, Profile};
use caribou_control::sources::{self, NotLinked};
use caribou_control::state::Deployed;

use crate::error::CliError;
use crate::terminal::Terminal;

/// Which package, which binary of it, and how it is built.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The folder of the workflow's package.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// The binary that is the bootstrap, where the package has several.
    #[arg(long, value_name = "NAME")]
    pub(crate) bin: Option<String>,
    /// The workflow, where the bootstrap has several.
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Option<String>,
    /// Build with optimisations.
    #[arg(long, conflicts_with = "profile")]
    pub(crate) release: bool,
    /// Build with this cargo profile.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// A package whose features it is built with.
    #[arg(skip)]
    pub(crate) built_with: Option<String>,
}

/// A package that was built.
pub(crate) struct Built {
    pub(crate) package: Package,
    pub(crate) bootstrap: Bootstrap,
    pub(crate) workflow: Described,
    binary: String,
    /// Every workflow that it holds.
    held: Vec<String>,
}

impl Target {
    pub(crate) async fn build(&self, terminal: Terminal) -> Result<Built, CliError> {
        let mut package = Package::read(&self.path).await?;
        package.built_with.extend(self.built_with.clone());
        let binary = package.bootstrap(self.bin.as_deref())?;
        let profile = match &self.profile {
            Some(name) => Profile::Named(name.clone()),
            None if self.release => Profile::Release,
            None => Profile::Dev,
        };
        let executable = build(&package, binary, &profile, terminal).await?;
        let bootstrap = Bootstrap::at(executable);
        let wanted = self.workflow.as_deref();
        let (error, held) = match bootstrap.describe().await {
            Ok(workflows) => {
                let held: Vec<String> = workflows.iter().map(|one| one.graph.workflow.clone()).collect();
                match bootstrap.choose(workflows, wanted) {
                    Ok(workflow) => {
                        let binary = binary.to_owned();
                        return Ok(Built { package, bootstrap, workflow, binary, held });
                    }
                    Err(error) => (error, held),
                }
            }
            Err(error) => (error, Vec::new()),
        };
        if let BootstrapError::Empty { .. } | BootstrapError::NoSuchWorkflow { .. } = error {
            let mut missing = sources::not_linked(&package, binary, &held).await?;
            missing.retain(|one| wanted.is_none_or(|name| one.workflow == name));
            if !missing.is_empty() {
                return Err(CliError::NotLinked(missing));
            }
        }
        Err(error.into())
    }
}

impl Built {
    /// The manifest beside the package's Cargo.toml.
    pub(crate) fn manifest(&self) -> Result<ManifestFile, CliError> {
        Ok(ManifestFile::read(&self.package.directory)?)
    }

    /// The workflows of its sources that it does not hold.
    pub(crate) async fn not_linked(&self) -> Result<Vec<NotLinked>, CliError> {
        Ok(sources::not_linked(&self.package, &self.binary, &self.held).await?)
    }

    /// What is noted when this is deployed under a manifest.
    pub(crate) fn deployed(&self, manifest: caribou_model::Manifest) -> Deployed {
        Deployed {
            graph: self.workflow.graph.clone(),
            parameters: self.workflow.parameters.clone(),
            package: self.package.directory.clone(),
            bootstrap: self.bootstrap.path().to_path_buf(),
            manifest,
            at: calendar::now(),
        }
    }
}

/// Builds a binary of a package, with what cargo says as progress.
pub(crate) async fn build(
    package: &Package,
    binary: &str,
    profile: &Profile,
    terminal: Terminal,
) -> Result<PathBuf, CliError> {
    let spinner = terminal.spinner(format!("building {binary} ({})", profile.name()));
    let built = package.build(binary, profile, |line| spinner.set_message(line.to_owned())).await;
    spinner.finish_and_clear();
    Ok(built?)
}
