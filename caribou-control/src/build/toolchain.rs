//! What there is on this machine to compile for Lambda's processors.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use caribou_model::Architecture;
use tokio::process::Command;

use super::configuration::Configuration;
use super::elf::{name, triple};

/// The Rust toolchain that builds a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// The target that it runs on itself.
    pub(crate) host: String,
    /// Where its own libraries lie.
    pub(crate) sysroot: PathBuf,
    /// The commit that it was built from.
    pub(crate) commit: String,
}

/// How a bootstrap is compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// `cargo build`, linked by this program, or by the one that cargo takes by itself.
    Cargo {
        /// The linker to name.
        linker: Option<&'static str>,
    },
    /// `cargo lambda build`, which links with zig.
    CargoLambda,
}

/// Why nothing here compiles for a processor.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// The compiler does not answer.
    #[error("`{command}` failed: {cause}; install Rust from https://rustup.rs")]
    NoCompiler {
        /// What was run.
        command: String,
        /// What it said.
        cause: String,
    },
    /// The standard library for the processor is missing.
    #[error(
        "functions of architecture {0} need Rust's target {1}, which is not installed; run `rustup target add {1}`, and \
         have a linker for it: {2}",
        name(*architecture), triple(*architecture), linker_remedy(*architecture)
    )]
    NoTarget {
        /// The processor.
        architecture: Architecture,
    },
    /// Nothing links for the processor.
    #[error(
        "functions of architecture {0} need a linker for {1}, and there is none; {2}",
        name(*architecture), triple(*architecture), linker_remedy(*architecture)
    )]
    NoLinker {
        /// The processor.
        architecture: Architecture,
    },
    /// cargo-lambda is there, and zig, which it would install by itself, is not.
    #[error(
        "cargo-lambda links for {1} with zig, which is not installed; install it (`pip3 install ziglang`), so that \
         functions of architecture {0} can be built",
        name(*architecture), triple(*architecture)
    )]
    NoZig {
        /// The processor.
        architecture: Architecture,
    },
}

fn linker_remedy(architecture: Architecture) -> String {
    format!(
        "install {} (Debian: `apt install gcc-{}`), or cargo-lambda with zig (`pip3 install cargo-lambda ziglang`)",
        linkers(architecture)[0],
        linkers(architecture)[0].trim_end_matches("-gcc").replace("x86_64", "x86-64"),
    )
}

/// The names of linkers for a processor.
fn linkers(architecture: Architecture) -> [&'static str; 2] {
    match architecture {
        Architecture::X86_64 => ["x86_64-linux-gnu-gcc", "x86_64-unknown-linux-gnu-gcc"],
        Architecture::Arm64 => ["aarch64-linux-gnu-gcc", "aarch64-unknown-linux-gnu-gcc"],
    }
}

/// What was found for a processor that is not this machine's.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
struct Found {
    target: bool,
    configured_linker: bool,
    linker: Option<&'static str>,
    cargo_lambda: bool,
    zig: bool,
}

impl Found {
    /// Nothing here installs anything: what is missing is told.
    fn compiler(self, architecture: Architecture) -> Result<Compiler, ToolchainError> {
        match self {
            Self { target: false, .. } => Err(ToolchainError::NoTarget { architecture }),
            Self { configured_linker: true, .. } => Ok(Compiler::Cargo { linker: None }),
            Self { linker: Some(linker), .. } => Ok(Compiler::Cargo { linker: Some(linker) }),
            Self { cargo_lambda: true, zig: true, .. } => Ok(Compiler::CargoLambda),
            Self { cargo_lambda: true, .. } => Err(ToolchainError::NoZig { architecture }),
            _ => Err(ToolchainError::NoLinker { architecture }),
        }
    }
}

impl Toolchain {
    /// The toolchain that cargo uses in a folder.
    pub(crate) async fn of(directory: &Path) -> Result<Self, ToolchainError> {
        let version = rustc(directory, &["-vV"]).await?;
        let line = |key: &str| {
            let value = version.lines().find_map(|line| line.strip_prefix(key));
            value.unwrap_or_default().trim().to_owned()
        };
        let sysroot = rustc(directory, &["--print", "sysroot"]).await?;
        Ok(Self { host: line("host:"), commit: line("commit-hash:"), sysroot: sysroot.trim().into() })
    }

    /// Whether what it builds without a target runs on Lambda with this processor.
    pub(crate) fn is_native(&self, architecture: Architecture) -> bool {
        let gnu = triple(architecture);
        self.host == gnu || self.host == gnu.replace("-gnu", "-musl")
    }

    /// The target to build for a processor: this machine's own where that runs on Lambda.
    pub(crate) fn target(&self, architecture: Architecture) -> &str {
        if self.is_native(architecture) { &self.host } else { triple(architecture) }
    }

    /// What compiles for a processor.
    pub(crate) async fn compiler(
        &self,
        directory: &Path,
        architecture: Architecture,
        configuration: &Configuration,
    ) -> Result<Compiler, ToolchainError> {
        if self.is_native(architecture) {
            return Ok(Compiler::Cargo { linker: None });
        }
        let triple = triple(architecture);
        let libraries = rustc(directory, &["--print", "target-libdir", "--target", triple]).await?;
        let found = Found {
            target: Path::new(libraries.trim()).is_dir(),
            configured_linker: configuration.has_linker(triple),
            linker: linkers(architecture).into_iter().find(|program| is_program(program)),
            cargo_lambda: is_program("cargo-lambda"),
            zig: has_zig().await,
        };
        found.compiler(architecture)
    }
}

/// What the compiler prints.
async fn rustc(directory: &Path, arguments: &[&str]) -> Result<String, ToolchainError> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let failed = |cause: String| ToolchainError::NoCompiler {
        command: format!("{} {}", program.display(), arguments.join(" ")),
        cause,
    };
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|cause| failed(cause.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program is on the search path.
fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).any(|folder| folder.join(&file).is_file())
}

/// Whether cargo-lambda finds zig: by itself, or as a package of Python.
async fn has_zig() -> bool {
    if std::env::var_os("CARGO_ZIGBUILD_ZIG_PATH").is_some() || is_program("zig") {
        return true;
    }
    let mut python = Command::new("python3");
    python.args(["-m", "ziglang", "version"]).stdin(Stdio::null()).kill_on_drop(true);
    python.output().await.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARM: Architecture = Architecture::Arm64;

    #[test]
    fn a_target_that_is_not_installed_is_named_and_never_added() {
        let everything_else = Found {
            cargo_lambda: true,
            zig: true,
            linker: Some("aarch64-linux-gnu-gcc"),
            ..Found::default()
        };
        let error = everything_else.compiler(ARM).unwrap_err().to_string();
        assert!(error.contains("`rustup target add aarch64-unknown-linux-gnu`"), "{error}");
        assert!(error.contains("`apt install gcc-aarch64-linux-gnu`"), "{error}");
    }

    #[test]
    fn a_linker_is_preferred_to_cargo_lambda() {
        let all = Found { target: true, cargo_lambda: true, zig: true, ..Found::default() };
        assert_eq!(all.compiler(ARM).unwrap(), Compiler::CargoLambda);
        let with_linker = Found { linker: Some("aarch64-linux-gnu-gcc"), ..all };
        assert_eq!(
            with_linker.compiler(ARM).unwrap(),
            Compiler::Cargo { linker: Some("aarch64-linux-gnu-gcc") }
        );
        let configured = Found { configured_linker: true, ..with_linker };
        assert_eq!(configured.compiler(ARM).unwrap(), Compiler::Cargo { linker: None });
    }

    #[test]
    fn what_is_missing_to_link_is_told() {
        let target = Found { target: true, ..Found::default() };
        let error = target.compiler(ARM).unwrap_err().to_string();
        assert!(error.contains("arm64 need a linker") && error.contains("cargo-lambda ziglang"), "{error}");
        let error = Found { cargo_lambda: true, ..target }.compiler(ARM).unwrap_err().to_string();
        assert!(error.contains("with zig, which is not installed"), "{error}");
    }

    #[tokio::test]
    async fn the_compiler_tells_what_it_runs_on() {
        let toolchain = Toolchain::of(Path::new(env!("CARGO_MANIFEST_DIR"))).await.unwrap();
        assert!(toolchain.host.split('-').count() >= 3, "{toolchain:?}");
        assert!(toolchain.sysroot.join("lib").is_dir() && !toolchain.commit.is_empty(), "{toolchain:?}");
    }
}
