//! Bootstraps for Lambda: compiles a workflow's package for the processors that its functions ask for, checks that
//! `provided.al2023` can run what came out, and packs it.
//!
//! The same source gives the same archive, byte for byte, in every folder and at any time, with the same compiler and
//! linker: where the workspace, cargo's folder and the toolchain lie is kept out of the executable.
//! (`Package`s outside of the workspace that are named by an absolute path are the exception: cargo makes names from it.)
//!
//! | module | what it holds |
//! |---|---|
//! | [`elf`], `glibc` | what an executable needs of its system |
//! | `archive`, `packed` | the zip file; those of a workflow's functions |
//! | `profile`, `configuration` | the recommended profile; what cargo is configured to do |
//! | `toolchain` | what there is to compile for a processor |
//! | `prefixes` | the paths that are kept out |
//! | `recipe` | how one binary is compiled |

mod archive;
mod beside;
mod configuration;
pub mod elf;
mod glibc;
mod packed;
mod prefixes;
mod profile;
mod recipe;
#[cfg(test)]
mod tests;
mod toolchain;

use std::path::PathBuf;

use caribou_model::Architecture;

pub use self::archive::{Archive, ArchiveError, ExtraFile};
pub use self::beside::Beside;
pub use self::elf::{Elf, ElfError};
pub use self::glibc::Glibc;
pub use self::packed::Packed;
pub use self::profile::LAMBDA;
pub use self::recipe::Recipe;
pub use self::toolchain::ToolchainError;
use crate::bootstrap::BootstrapError;
use crate::package::PackageError;

/// An executable that Lambda can run as the bootstrap of functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executable {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// What it needs.
    pub elf: Elf,
    /// Folders of this machine whose paths it holds all the same: built elsewhere, it is another file.
    pub held_paths: Vec<PathBuf>,
}

/// Why there is no bootstrap for Lambda.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The package does not build.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Nothing here compiles for a processor.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// What was built holds no workflow, or not that one.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// What was built cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The executable.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Lambda cannot run what was built.
    #[error("{} does not run on Lambda: {cause}", path.display())]
    Elf {
        /// The executable.
        path: PathBuf,
        /// Why.
        cause: ElfError,
    },
    /// It cannot be packed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Executable {
    /// Reads an executable and checks that Lambda can run it on a processor. `files` are what its archive holds beside
    /// it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Unreadable`] or [`BuildError::Elf`].
    pub fn read(path: PathBuf, wanted: Architecture, files: &[ExtraFile]) -> Result<Self, BuildError> {
        let bytes =
            std::fs::read(&path).map_err(|cause| BuildError::Unreadable { path: path.clone(), cause })?;
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        let elf = Elf::read(&bytes).and_then(|elf| elf.check(wanted, &names).map(|()| elf));
        let elf = elf.map_err(|cause| BuildError::Elf { path: path.clone(), cause })?;
        Ok(Self { path, bytes, elf, held_paths: Vec::new() })
    }

    /// Packs it with what functions find beside it.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] names the file that cannot be packed.
    pub fn pack(&self, files: &[ExtraFile]) -> Result<Archive, ArchiveError> {
        Archive::pack(&self.bytes, files)
    }
}
