//! How one binary of a package is compiled for Lambda.

use std::path::PathBuf;

use caribou_model::Architecture;
use tokio::process::Command;
use toml::Value;

use super::configuration::{Configuration, cargo_home};
use super::prefixes::Prefixes;
use super::toolchain::{Compiler, Toolchain};
use super::{ArchiveError, BuildError, Executable, ExtraFile, LAMBDA, profile};
use crate::bootstrap::{Bootstrap, Described};
use crate::package::{Package, Profile, cargo};

/// Added to the linker's own script; GNU ld and LLD read it.
const WITHOUT_UNWINDING: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) } }\nINSERT AFTER .comment;\n";

/// A binary of a package, the profile it is compiled with, and the toolchain that does it.
///
/// ```no_run
/// use caribou_control::build::Recipe;
/// use caribou_control::package::Package;
///
/// # async fn build() -> Result<(), Box<dyn std::error::Error>> {
/// let package = Package::read("press".as_ref()).await?;
/// let recipe = Recipe::new(&package, package.bootstrap(None)?, None).await?;
/// for workflow in recipe.describe(|line| println!("{line}")).await? {
///     for function in &workflow.graph.functions {
///         let executable = recipe.build(function.architecture, &[], |_| ()).await?;
///         println!("{}: {} bytes", function.name, executable.pack(&[])?.bytes.len());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    package: &'a Package,
    binary: &'a str,
    profile: String,
    configuration: Configuration,
    toolchain: Toolchain,
    prefixes: Prefixes,
}

impl<'a> Recipe<'a> {
    /// For a binary of a package and a cargo profile; without one, the one that the documentation recommends.
    ///
    /// # Errors
    ///
    /// [`ToolchainError::NoCompiler`](super::ToolchainError::NoCompiler).
    pub async fn new(
        package: &'a Package,
        binary: &'a str,
        profile: Option<&str>,
    ) -> Result<Self, BuildError> {
        let home = cargo_home();
        let toolchain = Toolchain::of(&package.directory).await?;
        let prefixes =
            Prefixes::of(&package.workspace, &package.target_directory, home.as_deref(), &toolchain);
        Ok(Self {
            package,
            binary,
            profile: profile.unwrap_or(LAMBDA).to_owned(),
            configuration: Configuration::read(&package.directory, home.as_deref()),
            toolchain,
            prefixes,
        })
    }

    /// The workflows of the binary. It is built for this machine and asked: where this machine is one of Lambda's, that
    /// is the executable that [`build`](Self::build) gives for its processor.
    ///
    /// # Errors
    ///
    /// [`BuildError::Package`] or [`BuildError::Bootstrap`].
    pub async fn describe(&self, mut progress: impl FnMut(&str)) -> Result<Vec<Described>, BuildError> {
        let path = match [Architecture::X86_64, Architecture::Arm64]
            .into_iter()
            .find(|architecture| self.toolchain.is_native(*architecture))
        {
            Some(architecture) => {
                self.compile(&Compiler::Cargo { linker: None }, architecture, &mut progress).await?
            }
            None => self.package.build(self.binary, &Profile::Dev, progress).await?,
        };
        Ok(Bootstrap::at(path).describe().await?)
    }

    /// Builds the executable for a processor, and checks it. `files` are what its archive holds beside it: libraries
    /// among them are there when it is loaded.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says what is missing on this machine, or what Lambda could not run.
    pub async fn build(
        &self,
        architecture: Architecture,
        files: &[ExtraFile],
        mut progress: impl FnMut(&str),
    ) -> Result<Executable, BuildError> {
        let directory = &self.package.directory;
        let compiler = self.toolchain.compiler(directory, architecture, &self.configuration).await?;
        let path = self.compile(&compiler, architecture, &mut progress).await?;
        let mut executable = Executable::read(path, architecture, files)?;
        executable.held_paths = self.prefixes.held_by(&executable.bytes);
        Ok(executable)
    }

    async fn compile(
        &self,
        compiler: &Compiler,
        architecture: Architecture,
        progress: &mut impl FnMut(&str),
    ) -> Result<PathBuf, BuildError> {
        let target = self.toolchain.target(architecture);
        let mut command = cargo();
        let mut shown = vec!["cargo"];
        match compiler {
            Compiler::Cargo { linker } => {
                shown.push("build");
                if let Some(linker) = linker {
                    let variable = target.replace('-', "_").to_uppercase();
                    command.env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
                }
            }
            // it would add the target by itself
            Compiler::CargoLambda => shown.extend(["lambda", "build", "--skip-target-check"]),
        }
        // named even if it is this machine's, so that flags are not those of macros and build scripts too
        shown.extend(["--target", target]);
        shown.extend(["--profile", &self.profile]);
        command.args(&shown[1..]).current_dir(&self.package.directory);
        for setting in profile::settings(&self.profile, &self.package.workspace, &self.configuration) {
            command.args(["--config", &setting]);
        }
        let keeps_own_linker = matches!(compiler, Compiler::CargoLambda) || self.configuration.links(target);
        let linking = if keeps_own_linker { Vec::new() } else { self.without_unwinding(target)? };
        self.set_flags(&mut command, linking);
        if std::env::var_os("SOURCE_DATE_EPOCH").is_none() {
            // what a C compiler and build scripts take for now; 1980 is the first year of a zip file
            command.env("SOURCE_DATE_EPOCH", "315532800");
        }
        let shown = format!("{} --bin {}", shown.join(" "), self.binary);
        Ok(self.package.compile(command, shown, self.binary, progress).await?)
    }

    /// The flags that leave out what only the unwinding of a stack reads, an eighth of the executable, where a panic ends
    /// the program instead. (A backtrace has one frame then; without symbols nobody could read more of it.)
    fn without_unwinding(&self, target: &str) -> Result<Vec<String>, ArchiveError> {
        let aborts = profile::aborts(&self.profile, &self.package.workspace, &self.configuration);
        if !aborts || !target.ends_with("-gnu") {
            return Ok(Vec::new());
        }
        let folder = self.package.target_directory.join("caribou");
        let path = folder.join("without-unwinding.ld");
        let written =
            std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, WITHOUT_UNWINDING));
        written.map_err(|cause| ArchiveError::Unwritable { path: path.clone(), cause })?;
        Ok(vec!["-Clink-arg=-T".to_owned(), format!("-Clink-arg={}", path.display())])
    }

    /// Adds compiler flags to whichever of cargo's sources of flags is in force: it reads one of them only.
    fn set_flags(&self, command: &mut Command, linking: Vec<String>) {
        const BETWEEN: &str = "\x1f";
        let mut flags: Vec<String> = self.prefixes.flags().collect();
        flags.extend(linking);
        let set = |name: &str| std::env::var(name).ok();
        let encoded = set("CARGO_ENCODED_RUSTFLAGS").or_else(|| {
            let flags = set("RUSTFLAGS")?;
            Some(flags.split_whitespace().collect::<Vec<_>>().join(BETWEEN))
        });
        if let Some(first) = encoded {
            let first = if first.is_empty() { None } else { Some(first) };
            let all: Vec<String> = first.into_iter().chain(flags).collect();
            command.env("CARGO_ENCODED_RUSTFLAGS", all.join(BETWEEN));
            return;
        }
        let of_target = |name: &str| name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
        let in_environment = std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(of_target));
        let key = if in_environment || self.configuration.has_flags_of_targets() {
            "target.'cfg(all())'.rustflags"
        } else {
            "build.rustflags"
        };
        let value = Value::Array(flags.into_iter().map(Value::String).collect());
        command.args(["--config", &format!("{key}={value}")]);
    }
}
