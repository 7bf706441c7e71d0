//! A workflow as it goes to Lambda: built, checked, packed.

use std::path::PathBuf;

use caribou_control::aws::Archives;
use caribou_control::bootstrap::{Bootstrap, BootstrapError, Described};
use caribou_control::build::{Beside, LAMBDA, Packed, Recipe};
use caribou_control::manifest::ManifestFile;
use caribou_control::package::Package;
use caribou_control::state::Deployed;
use caribou_control::{calendar, quantity, sources};

use crate::error::CliError;
use crate::phrase;
use crate::terminal::Terminal;

/// Which package, which binary of it, and how it is built.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The folder of the workflow's package.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The binary that is the bootstrap, where the package has several.
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,
    /// The workflow, where the bootstrap has several.
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Build with this cargo profile.
    #[arg(long, value_name = "NAME", default_value = LAMBDA)]
    profile: String,
    /// Build nothing: this executable was built before, by `caribou build` or in CI.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bin", "profile"])]
    executable: Option<PathBuf>,
}

/// A workflow, and the code of its functions.
pub(crate) struct Built {
    pub(crate) deployed: Deployed,
    pub(crate) archives: Archives,
}

impl Args {
    pub(crate) async fn build(&self, terminal: Terminal) -> Result<Built, CliError> {
        let package = Package::read(&self.path).await?;
        let manifest = ManifestFile::read(&package.directory)?.manifest;
        let folder = package.target_directory.join("caribou");
        let beside = |workflow: &Described| Beside::of(&workflow.graph, &manifest.aws, &package.directory);
        let (workflow, packed) = if let Some(executable) = &self.executable {
            let described = Bootstrap::at(executable.clone()).describe().await?;
            let workflow = Bootstrap::at(executable.clone()).choose(described, self.workflow.as_deref())?;
            let packed = Packed::given(executable, &workflow.graph, &beside(&workflow)?, &folder)?;
            (workflow, packed)
        } else {
            let binary = package.bootstrap(self.bin.as_deref())?;
            let spinner = terminal.spinner(format!("building {binary} ({})", self.profile));
            let told = |line: &str| spinner.set_message(line.to_owned());
            let recipe = Recipe::new(&package, binary, Some(&self.profile)).await?;
            let described = recipe.describe(told).await?;
            let workflow = self.choose(described, &package, binary).await?;
            let packed = recipe.pack(&workflow.graph, &beside(&workflow)?, &folder, told).await;
            spinner.finish_and_clear();
            (workflow, packed?)
        };
        let archives = Archives::packed(&packed)?;
        let size = |one: &Packed| quantity::bytes(one.archive.bytes.len() as u64);
        let sizes: Vec<String> = packed.iter().map(size).collect();
        let bootstrap = packed.into_iter().last().map(|one| one.executable.path).unwrap_or_default();
        let Described { graph, parameters, .. } = workflow;
        let zipped =
            if sizes.is_empty() { String::new() } else { format!(", zipped {}", sizes.join(" and ")) };
        terminal.step(format!(
            "{} {} for Lambda: {}{zipped}",
            graph.workflow,
            graph.version,
            phrase::count(graph.functions.len(), "function")
        ));
        let (package, at) = (package.directory, calendar::now());
        let deployed = Deployed { graph, parameters, package, bootstrap, manifest, at };
        Ok(Built { deployed, archives })
    }

    /// The workflow that is meant. One that the sources have and the binary lacks is told of.
    async fn choose(
        &self,
        described: Vec<Described>,
        package: &Package,
        binary: &str,
    ) -> Result<Described, CliError> {
        let wanted = self.workflow.as_deref();
        let held: Vec<String> = described.iter().map(|one| one.graph.workflow.clone()).collect();
        let error = match Bootstrap::at(package.directory.clone()).choose(described, wanted) {
            Ok(workflow) => return Ok(workflow),
            Err(error) => error,
        };
        if let BootstrapError::Empty { .. } | BootstrapError::NoSuchWorkflow { .. } = error {
            let mut missing = sources::not_linked(package, binary, &held).await?;
            missing.retain(|one| wanted.is_none_or(|name| one.workflow == name));
            if !missing.is_empty() {
                return Err(CliError::NotLinked(missing));
            }
        }
        Err(error.into())
    }
}
