//! A workflow's cargo package, and how its bootstrap is built.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// A cargo package that holds one workflow, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The folder of its Cargo.toml.
    pub directory: PathBuf,
    /// The folder of its workspace's Cargo.toml; its own if it is in none.
    pub workspace: PathBuf,
    /// Where cargo puts what it builds.
    pub target_directory: PathBuf,
    /// Its binaries.
    pub binaries: Vec<String>,
    /// Packages of the same workspace whose features what they need in common is compiled with: what was compiled for them is used.
    pub built_with: Vec<String>,
    default_run: Option<String>,
}

/// How cargo optimises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// `cargo build`.
    #[default]
    Dev,
    /// `cargo build --release`.
    Release,
    /// `cargo build --profile NAME`.
    Named(String),
}

impl Profile {
    /// The profile as cargo names it.
    pub fn name(&self) -> &str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Named(name) => name,
        }
    }
}

/// Why there is no bootstrap.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// There is no Cargo.toml.
    #[error("there is no Cargo.toml in {}; name the folder of a workflow's package", directory.display())]
    NoPackage {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// Cargo could not be started.
    #[error(
        "cargo could not be started ({cause}); install Rust from https://rustup.rs, or set CARGO to its path"
    )]
    NoCargo {
        /// What the system said.
        cause: std::io::Error,
    },
    /// Cargo does not understand the package.
    #[error("cargo cannot read the package in {}:\n{stderr}", directory.display())]
    Metadata {
        /// The package's folder.
        directory: PathBuf,
        /// What cargo said.
        stderr: String,
    },
    /// The Cargo.toml is that of a workspace without a package of its own.
    #[error("{} is a workspace, not a package; name one of its packages: {}", directory.display(), members.join(", "))]
    Workspace {
        /// The folder.
        directory: PathBuf,
        /// Names of the packages there.
        members: Vec<String>,
    },
    /// The package has no binary.
    #[error("package `{package}` has no binary; a workflow's src/main.rs ends with `caribou::main!();`")]
    NoBinary {
        /// The package.
        package: String,
    },
    /// The package has several binaries, and none is the obvious one.
    #[error(
        "package `{package}` has several binaries ({}); name one with --bin, or set `default-run` in its Cargo.toml",
        binaries.join(", ")
    )]
    SeveralBinaries {
        /// The package.
        package: String,
        /// Its binaries.
        binaries: Vec<String>,
    },
    /// The package has no binary of the name asked for.
    #[error("package `{package}` has no binary `{wanted}`; it has {}", binaries.join(", "))]
    NoSuchBinary {
        /// The package.
        package: String,
        /// The name asked for.
        wanted: String,
        /// Its binaries.
        binaries: Vec<String>,
    },
    /// The build failed.
    #[error("`{command}` failed:\n{stderr}")]
    Build {
        /// What was run.
        command: String,
        /// What the compiler said.
        stderr: String,
    },
    /// The build succeeded and named no executable.
    #[error("`{command}` built no executable; is the binary behind a feature that is off?")]
    NothingBuilt {
        /// What was run.
        command: String,
    },
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Member>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

/// A package as cargo describes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Member {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    default_run: Option<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
struct Dependency {
    path: Option<PathBuf>,
    /// `None` for an ordinary one.
    kind: Option<String>,
    rename: Option<String>,
    optional: bool,
}

impl Member {
    /// Whether its Cargo.toml lies in a folder.
    pub(crate) fn is_in(&self, folder: &Path) -> bool {
        let own = self.manifest_path.parent().and_then(|own| own.canonicalize().ok());
        own.is_some() && own == folder.canonicalize().ok()
    }

    /// The root file of a binary.
    pub(crate) fn binary(&self, name: &str) -> Option<PathBuf> {
        let target = self.targets.iter().find(|target| target.is_binary() && target.name == name)?;
        Some(target.src_path.clone())
    }

    /// The name and the root file of its library.
    pub(crate) fn library(&self) -> Option<(String, PathBuf)> {
        let is_library = |kind: &String| kind == "lib" || kind == "rlib";
        let target = self.targets.iter().find(|target| target.kind.iter().any(is_library))?;
        Some((target.name.replace('-', "_"), target.src_path.clone()))
    }

    /// The folders of the packages that it always needs by path, each with the name that it has here, if that is
    /// another.
    pub(crate) fn path_dependencies(&self) -> Vec<(PathBuf, Option<String>)> {
        let always = |one: &&Dependency| one.kind.is_none() && !one.optional;
        let needed = self.dependencies.iter().filter(always);
        needed
            .filter_map(|one| {
                Some((one.path.clone()?, one.rename.as_ref().map(|name| name.replace('-', "_"))))
            })
            .collect()
    }
}

#[derive(Deserialize)]
struct BuildMessage {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

impl Target {
    fn is_binary(&self) -> bool {
        self.kind.iter().any(|kind| kind == "bin")
    }
}

impl Package {
    /// Reads the package in a folder; a path to its Cargo.toml does too.
    ///
    /// # Errors
    ///
    /// [`PackageError`] says what is wrong with it.
    pub async fn read(path: &Path) -> Result<Self, PackageError> {
        let directory = if path.file_name().is_some_and(|name| name == "Cargo.toml") {
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
        } else {
            path
        };
        let no_package = || PackageError::NoPackage { directory: directory.to_path_buf() };
        let directory = directory.canonicalize().map_err(|_| no_package())?;
        let cargo_toml = directory.join("Cargo.toml");
        if !cargo_toml.is_file() {
            return Err(no_package());
        }
        let Metadata { packages, workspace_root, target_directory } = metadata(&directory).await?;
        let mut members: Vec<String> = packages.iter().map(|package| package.name.clone()).collect();
        let found = packages.into_iter().find(|package| {
            package.manifest_path.canonicalize().is_ok_and(|manifest| manifest == cargo_toml)
        });
        let Some(package) = found else {
            members.sort();
            return Err(PackageError::Workspace { directory, members });
        };
        let binaries = package.targets.into_iter().filter(Target::is_binary).map(|target| target.name);
        Ok(Self {
            name: package.name,
            directory,
            workspace: workspace_root,
            target_directory,
            binaries: binaries.collect(),
            built_with: Vec::new(),
            default_run: package.default_run,
        })
    }

    /// The binary that is the bootstrap: the one asked for, else the only one, the one of `default-run`, or the one
    /// named as the package is.
    ///
    /// # Errors
    ///
    /// [`PackageError::NoBinary`], [`PackageError::SeveralBinaries`] or [`PackageError::NoSuchBinary`].
    pub fn bootstrap(&self, wanted: Option<&str>) -> Result<&str, PackageError> {
        let (package, binaries) = (self.name.clone(), self.binaries.clone());
        if self.binaries.is_empty() {
            return Err(PackageError::NoBinary { package });
        }
        let has = |name: &str| self.binaries.iter().find(|binary| *binary == name).map(String::as_str);
        if let Some(name) = wanted {
            let wanted = name.to_owned();
            return has(name).ok_or(PackageError::NoSuchBinary { package, wanted, binaries });
        }
        if let [only] = self.binaries.as_slice() {
            return Ok(only);
        }
        let default = self.default_run.as_deref().and_then(has).or_else(|| has(&self.name));
        default.ok_or(PackageError::SeveralBinaries { package, binaries })
    }

    /// Builds a binary with cargo and returns the path of the executable. Every line that cargo writes meanwhile is
    /// given to `progress`.
    ///
    /// # Errors
    ///
    /// [`PackageError::Build`] with what the compiler said.
    pub async fn build(
        &self,
        binary: &str,
        profile: &Profile,
        mut progress: impl FnMut(&str),
    ) -> Result<PathBuf, PackageError> {
        let shown = match profile {
            Profile::Dev => format!("cargo build --bin {binary}"),
            Profile::Release => format!("cargo build --release --bin {binary}"),
            Profile::Named(name) => format!("cargo build --profile {name} --bin {binary}"),
        };
        let mut command = cargo();
        command.arg("build");
        if *profile != Profile::Dev {
            command.args(["--profile", profile.name()]);
        }
        self.compile(command, shown, binary, &mut progress).await
    }

    /// Lets cargo, or a program that passes its arguments on to cargo, build a binary.
    pub(crate) async fn compile(
        &self,
        mut command: Command,
        shown: String,
        binary: &str,
        progress: &mut impl FnMut(&str),
    ) -> Result<PathBuf, PackageError> {
        command.arg("--manifest-path").arg(self.directory.join("Cargo.toml")).args(["--bin", binary]);
        if !self.built_with.is_empty() {
            for package in std::iter::once(&self.name).chain(&self.built_with) {
                command.args(["--package", package]);
            }
        }
        command.arg("--message-format=json-render-diagnostics");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|cause| PackageError::NoCargo { cause })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let messages = async {
            let mut text = String::new();
            if let Some(mut stdout) = stdout {
                // what is not UTF-8 is no message; the exit code tells the rest
                let _ = stdout.read_to_string(&mut text).await;
            }
            text
        };
        let said = async {
            let mut text = String::new();
            if let Some(stderr) = stderr {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    progress(line.trim());
                    text.push_str(&line);
                    text.push('\n');
                }
            }
            text
        };
        let (messages, stderr) = tokio::join!(messages, said);
        let status = child.wait().await.map_err(|cause| PackageError::NoCargo { cause })?;
        if !status.success() {
            return Err(PackageError::Build { command: shown, stderr: diagnostics(&stderr) });
        }
        let executable = messages.lines().rev().find_map(|line| {
            let message: BuildMessage = serde_json::from_str(line).ok()?;
            let target = message.target?;
            let ours = message.reason == "compiler-artifact" && target.is_binary() && target.name == binary;
            message.executable.filter(|_| ours)
        });
        executable.ok_or(PackageError::NothingBuilt { command: shown })
    }
}

/// The packages of the workspace that a folder is in.
pub(crate) async fn members(directory: &Path) -> Result<Vec<Member>, PackageError> {
    Ok(metadata(directory).await?.packages)
}

/// What cargo says of the workspace that a folder is in.
async fn metadata(directory: &Path) -> Result<Metadata, PackageError> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(directory.join("Cargo.toml"))
        .output()
        .await
        .map_err(|cause| PackageError::NoCargo { cause })?;
    let unreadable = |stderr: String| PackageError::Metadata { directory: directory.to_path_buf(), stderr };
    if !output.status.success() {
        return Err(unreadable(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|cause| unreadable(cause.to_string()))
}

/// What the compiler said, without the list of what it compiled before.
fn diagnostics(stderr: &str) -> String {
    let progress =
        ["Compiling ", "Checking ", "Downloading ", "Downloaded ", "Blocking ", "Updating ", "Fresh "];
    let kept = stderr.lines().filter(|line| !progress.iter().any(|word| line.trim_start().starts_with(word)));
    kept.collect::<Vec<_>>().join("\n")
}

/// Cargo, which is asked nothing.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(binaries: &[&str], default_run: Option<&str>) -> Package {
        Package {
            name: "press".into(),
            directory: ".".into(),
            workspace: ".".into(),
            target_directory: "target".into(),
            binaries: binaries.iter().map(|&name| name.to_owned()).collect(),
            built_with: Vec::new(),
            default_run: default_run.map(str::to_owned),
        }
    }

    #[test]
    fn the_bootstrap_is_the_obvious_binary() {
        assert_eq!(package(&["only"], None).bootstrap(None).unwrap(), "only");
        assert_eq!(package(&["other", "press"], None).bootstrap(None).unwrap(), "press");
        assert_eq!(package(&["other", "press"], Some("other")).bootstrap(None).unwrap(), "other");
        assert_eq!(package(&["other", "press"], None).bootstrap(Some("other")).unwrap(), "other");
    }

    #[test]
    fn several_binaries_of_which_none_is_obvious_are_listed() {
        let error = package(&["x", "y"], None).bootstrap(None).unwrap_err().to_string();
        assert!(error.contains("(x, y)") && error.contains("--bin"), "{error}");
        assert!(package(&["x"], None).bootstrap(Some("z")).is_err());
        assert!(package(&[], None).bootstrap(None).is_err());
    }

    #[test]
    fn what_cargo_compiled_before_is_left_out_of_the_error() {
        let text = diagnostics("   Compiling serde v1\nerror[E0308]: mismatched types\n --> src/main.rs:3:5");
        assert_eq!(text, "error[E0308]: mismatched types\n --> src/main.rs:3:5");
    }

    #[tokio::test]
    async fn a_folder_without_a_package_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Package::read(folder.path()).await.unwrap_err();
        assert!(matches!(error, PackageError::NoPackage { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_workspace_names_its_packages() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let error = Package::read(workspace).await.unwrap_err().to_string();
        assert!(error.contains("caribou-control"), "{error}");
    }

    #[tokio::test]
    async fn a_build_that_fails_shows_what_the_compiler_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        let cargo_toml = "[package]\nname = 'broken'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n";
        std::fs::write(folder.path().join("Cargo.toml"), cargo_toml).unwrap();
        std::fs::write(folder.path().join("src/main.rs"), "fn main() { let x: u8 = true; }").unwrap();
        let package = Package::read(folder.path()).await.unwrap();
        let binary = package.bootstrap(None).unwrap().to_owned();
        let error = package.build(&binary, &Profile::Dev, |_| ()).await.unwrap_err().to_string();
        assert!(error.contains("mismatched types") && error.contains("src/main.rs"), "{error}");
    }
}
