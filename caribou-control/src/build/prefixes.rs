//! Where things lie on this machine, kept out of what is built.

use std::path::{Path, PathBuf};

use super::toolchain::Toolchain;

/// The folders whose paths a compiler would write into a bootstrap, each with what it writes instead. The same source
/// then gives the same bytes in every folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefixes(Vec<(PathBuf, String)>);

impl Prefixes {
    pub(crate) fn of(
        workspace: &Path,
        target_directory: &Path,
        cargo_home: Option<&Path>,
        toolchain: &Toolchain,
    ) -> Self {
        let standard_library = toolchain.sysroot.join("lib/rustlib/src/rust");
        let mut prefixes = vec![
            (toolchain.sysroot.clone(), "/rust".to_owned()),
            // as in what comes compiled, whether its source is installed or not
            (standard_library, format!("/rustc/{}", toolchain.commit)),
            (workspace.to_path_buf(), "/workspace".to_owned()),
            (target_directory.to_path_buf(), "/target".to_owned()),
        ];
        prefixes.extend(cargo_home.map(|home| (home.to_path_buf(), "/cargo".to_owned())));
        // of several that match, the last counts: the one that lies deepest
        prefixes.retain(|(path, _)| path.is_absolute() && path.parent().is_some());
        prefixes.sort_by_key(|(path, _)| path.components().count());
        Self(prefixes)
    }

    /// The compiler's flags that replace them.
    pub(crate) fn flags(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
    }

    /// The folders whose paths a file holds all the same, as a macro's or a build script's text.
    pub(crate) fn held_by(&self, file: &[u8]) -> Vec<PathBuf> {
        let slashes: Vec<usize> = (0..file.len()).filter(|at| file[*at] == b'/').collect();
        let holds = |path: &PathBuf| {
            let text = format!("{}/", path.display());
            slashes.iter().any(|at| file[*at..].starts_with(text.as_bytes()))
        };
        // a folder at the root has a name that may be part of any path
        let deep = self.0.iter().map(|(path, _)| path).filter(|path| path.components().count() > 2);
        deep.filter(|path| holds(path)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes() -> Prefixes {
        let toolchain =
            Toolchain { host: "h".into(), sysroot: "/opt/rust/stable".into(), commit: "abc".into() };
        let home = Path::new("/home/author/.cargo");
        Prefixes::of(
            Path::new("/home/author/press"),
            Path::new("/home/author/press/target"),
            Some(home),
            &toolchain,
        )
    }

    #[test]
    fn the_deepest_folder_comes_last() {
        let flags: Vec<String> = prefixes().flags().collect();
        let at = |text: &str| flags.iter().position(|flag| flag == text).expect(text);
        let workspace = at("--remap-path-prefix=/home/author/press=/workspace");
        assert!(workspace < at("--remap-path-prefix=/home/author/press/target=/target"));
        assert!(
            at("--remap-path-prefix=/opt/rust/stable=/rust")
                < at("--remap-path-prefix=/opt/rust/stable/lib/rustlib/src/rust=/rustc/abc")
        );
    }

    #[test]
    fn what_is_held_all_the_same_is_found() {
        let prefixes = prefixes();
        assert!(prefixes.held_by(b"\0/workspace/src/main.rs/home/author/pressed/x").is_empty());
        let held = prefixes.held_by(b"text/home/author/press/assets");
        assert_eq!(held, [PathBuf::from("/home/author/press")]);
    }
}
