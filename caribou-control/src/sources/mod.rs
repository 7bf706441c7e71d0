//! Workflows that are in the sources and not in the bootstrap.
//!
//! A bootstrap holds the workflows of every crate that is linked into it, and a crate that nobody names is not linked. So
//! the sources of a package and of its path dependencies are read, as text, for `#[caribou::workflow]`.

use std::path::{Component, Path, PathBuf};

use crate::package::{Package, PackageError};

mod module;
mod token;
mod tree;

/// A workflow that the sources have and the bootstrap does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "workflow `{workflow}` ({}:{line}) is not in the bootstrap: nobody names its crate, so it is not linked; write \
     `use {library} as _;` in {}",
    file.display(),
    user.display()
)]
pub struct NotLinked {
    /// The workflow.
    pub workflow: String,
    /// The file that it stands in, seen from the package's folder.
    pub file: PathBuf,
    /// The line of its attribute.
    pub line: usize,
    /// The crate that it is part of.
    pub library: String,
    /// The file that has to name the crate, seen from the package's folder.
    pub user: PathBuf,
}

/// The workflows in the libraries of a binary that it does not hold. `held` are the names of those that it does.
///
/// # Errors
///
/// [`PackageError`] if cargo cannot tell what the package depends on.
pub async fn not_linked(
    package: &Package,
    binary: &str,
    held: &[String],
) -> Result<Vec<NotLinked>, PackageError> {
    let mut found = Vec::new();
    for library in tree::libraries(package, binary).await? {
        for written in module::workflows(&library.root) {
            if !held.contains(&written.name) {
                found.push(NotLinked {
                    workflow: written.name,
                    file: seen_from(&package.directory, &written.file),
                    line: written.line,
                    library: library.name.clone(),
                    user: seen_from(&package.directory, &library.user),
                });
            }
        }
    }
    Ok(found)
}

/// A path as it is written in a folder.
fn seen_from(folder: &Path, path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (folder.components().collect(), path.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if common < 2 {
        return path;
    }
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    const WORKFLOW: &str = "//! Docs.\n\n#[caribou::workflow]\npub async fn order() {}\n";

    #[tokio::test]
    async fn a_workflow_of_a_path_dependency_is_told_with_the_line_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let app = "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n[dependencies]\n\
                   the-flows = { path = '../flows' }\n[dev-dependencies]\nproof = { path = '../proof' }\n";
        let flows = "[package]\nname = 'the-flows'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n\
                     [dependencies]\nbase = { path = '../base', package = 'deep-base' }\n";
        let base = "[package]\nname = 'deep-base'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n";
        write(
            folder.path(),
            &[
                ("app/Cargo.toml", app),
                ("app/src/main.rs", "fn main() {}"),
                ("flows/Cargo.toml", flows),
                ("flows/src/lib.rs", WORKFLOW),
                ("base/Cargo.toml", base),
                ("base/src/lib.rs", "mod inner;"),
                ("base/src/inner.rs", "#[caribou::workflow(name = \"deep\")] async fn x() {}"),
                ("proof/Cargo.toml", &base.replace("deep-base", "proof")),
                ("proof/src/lib.rs", WORKFLOW),
            ],
        );
        let package = Package::read(&folder.path().join("app")).await.unwrap();
        let found = not_linked(&package, "app", &[]).await.unwrap();
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "workflow `order` (../flows/src/lib.rs:3) is not in the bootstrap: nobody names its crate, so it is not \
                 linked; write `use the_flows as _;` in src/main.rs",
                "workflow `deep` (../base/src/inner.rs:1) is not in the bootstrap: nobody names its crate, so it is not \
                 linked; write `use base as _;` in ../flows/src/lib.rs",
            ]
        );
        let held = ["order".to_owned(), "deep".to_owned()];
        assert_eq!(not_linked(&package, "app", &held).await.unwrap(), []);
    }

    #[tokio::test]
    async fn the_packages_own_library_counts_and_its_other_binaries_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let cargo_toml = "[package]\nname = 'own'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n";
        write(
            folder.path(),
            &[
                ("Cargo.toml", cargo_toml),
                ("src/main.rs", "fn main() {}"),
                ("src/lib.rs", WORKFLOW),
                ("src/bin/other.rs", "#[caribou::workflow] async fn other() {} fn main() {}"),
            ],
        );
        let package = Package::read(folder.path()).await.unwrap();
        let found = not_linked(&package, "own", &[]).await.unwrap();
        let told: Vec<_> = found.iter().map(|one| (&*one.workflow, one.file.to_str().unwrap())).collect();
        assert_eq!(told, [("order", "src/lib.rs")]);
    }
}
