//! A workflow as it goes to Lambda: built, checked, packed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use caribou_control::aws::{Archive, Archives};
use caribou_control::bootstrap::{Bootstrap, BootstrapError, Described};
use caribou_control::build::{ArchiveError, Executable, ExtraFile, LAMBDA, Recipe};
use caribou_control::manifest::ManifestFile;
use caribou_control::package::Package;
use caribou_control::state::Deployed;
use caribou_control::{calendar, quantity, sources};
use caribou_model::Graph;

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

/// What each function finds beside its bootstrap. One that is not in it has no archive.
type Files = BTreeMap<String, Vec<ExtraFile>>;

/// An archive, the functions that it serves, and the executable in it.
struct Packed {
    path: PathBuf,
    functions: Vec<String>,
    executable: PathBuf,
}

impl Args {
    pub(crate) async fn build(&self, terminal: Terminal) -> Result<Built, CliError> {
        let package = Package::read(&self.path).await?;
        let manifest = ManifestFile::read(&package.directory)?.manifest;
        let folder = package.target_directory.join("caribou");
        let files = |graph: &Graph| -> Result<Files, ArchiveError> {
            let mut files = Files::new();
            for spec in &graph.functions {
                let wanted = manifest.aws.function(&spec.name);
                // an image brings its own code
                if wanted.image.is_none() {
                    files.insert(spec.name.clone(), ExtraFile::beside(&package.directory, &wanted.files)?);
                }
            }
            Ok(files)
        };
        let (workflow, packed) = if let Some(executable) = &self.executable {
            let described = Bootstrap::at(executable.clone()).describe().await?;
            let workflow = Bootstrap::at(executable.clone()).choose(described, self.workflow.as_deref())?;
            let packed = pack(executable, &workflow.graph, &files(&workflow.graph)?, &folder)?;
            (workflow, packed)
        } else {
            let binary = package.bootstrap(self.bin.as_deref())?;
            let spinner = terminal.spinner(format!("building {binary} ({})", self.profile));
            let told = |line: &str| spinner.set_message(line.to_owned());
            let recipe = Recipe::new(&package, binary, Some(&self.profile)).await?;
            let described = recipe.describe(told).await?;
            let workflow = self.choose(described, &package, binary).await?;
            let files = files(&workflow.graph)?;
            let packed =
                recipe.pack(&workflow.graph, |spec| files.get(&spec.name).cloned(), &folder, told).await;
            spinner.finish_and_clear();
            let packed = packed?.into_iter().map(|packed| Packed {
                path: packed.path,
                functions: packed.functions,
                executable: packed.executable.path,
            });
            (workflow, packed.collect())
        };
        let (mut archives, mut bootstrap, mut sizes) = (Archives::default(), PathBuf::new(), Vec::new());
        for Packed { path, functions, executable } in packed {
            let archive = Archive::read(&path)?;
            sizes.push(quantity::bytes(archive.bytes()));
            for function in functions {
                archives = archives.with(function, archive.clone());
            }
            bootstrap = executable;
        }
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

/// Packs an executable that is there: an archive for all functions that find the same files beside it.
fn pack(executable: &Path, graph: &Graph, files: &Files, folder: &Path) -> Result<Vec<Packed>, CliError> {
    let mut shares: BTreeMap<&[ExtraFile], Vec<String>> = BTreeMap::new();
    for (function, files) in files {
        shares.entry(files).or_default().push(function.clone());
    }
    let mut packed = Vec::new();
    for (files, functions) in shares {
        for spec in graph.functions.iter().filter(|spec| functions.contains(&spec.name)) {
            Executable::read(executable.to_path_buf(), spec.architecture, files)?;
        }
        let whose = if files.is_empty() { String::new() } else { format!("-{}", functions[0]) };
        let path = folder.join(format!("{}-{}-given{whose}.zip", graph.workflow, graph.version));
        let unwritable = |cause| CliError::File { path: path.clone(), cause };
        let content =
            std::fs::read(executable).map_err(|cause| CliError::File { path: executable.into(), cause })?;
        let archive = caribou_control::build::Archive::pack(&content, files)?;
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        std::fs::write(&path, &archive.bytes).map_err(unwritable)?;
        packed.push(Packed { path, functions, executable: executable.to_path_buf() });
    }
    Ok(packed)
}
