//! The crates on this machine that a binary is built from.

use std::path::{Path, PathBuf};

use crate::package::{Member, Package, PackageError, members};

/// A crate that a binary is built from, beside the binary itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Library {
    /// Its name in the crate that depends on it.
    pub(super) name: String,
    /// Its root file.
    pub(super) root: PathBuf,
    /// The root file of the crate that depends on it.
    pub(super) user: PathBuf,
}

/// The library of the package, and those of the packages that it depends on by path, directly or not. Optional ones are
/// left out: they may be off.
pub(super) async fn libraries(package: &Package, binary: &str) -> Result<Vec<Library>, PackageError> {
    let mut known: Vec<Member> = Vec::new();
    let Some(own) = member(&mut known, &package.directory).await? else { return Ok(Vec::new()) };
    let Some(root) = own.binary(binary) else { return Ok(Vec::new()) };
    let mut libraries: Vec<Library> = Vec::new();
    if let Some((name, library)) = own.library() {
        libraries.push(Library { name, root: library, user: root.clone() });
    }
    let mut waiting = vec![(own, root)];
    while let Some((user, user_root)) = waiting.pop() {
        for (folder, renamed) in user.path_dependencies() {
            let Some(member) = member(&mut known, &folder).await? else { continue };
            let Some((name, root)) = member.library() else { continue };
            if libraries.iter().any(|library| library.root == root) {
                continue;
            }
            let name = renamed.unwrap_or(name);
            libraries.push(Library { name, root: root.clone(), user: user_root.clone() });
            waiting.push((member, root));
        }
    }
    Ok(libraries)
}

/// The package in a folder; cargo is asked once for each workspace.
async fn member(known: &mut Vec<Member>, folder: &Path) -> Result<Option<Member>, PackageError> {
    let find = |known: &[Member]| known.iter().find(|member| member.is_in(folder)).cloned();
    if let Some(member) = find(known) {
        return Ok(Some(member));
    }
    known.extend(members(folder).await?);
    Ok(find(known))
}
