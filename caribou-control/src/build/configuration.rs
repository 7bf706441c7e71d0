//! What cargo's configuration files say about a build.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The configuration files that cargo reads for a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Configuration {
    files: Vec<Table>,
}

impl Configuration {
    /// Reads them. What cannot be read is left out: cargo itself says what is wrong with it.
    pub(crate) fn read(directory: &Path, cargo_home: Option<&Path>) -> Self {
        let mut folders: Vec<PathBuf> = directory.ancestors().map(|folder| folder.join(".cargo")).collect();
        folders.extend(cargo_home.map(Path::to_path_buf).filter(|home| !folders.contains(home)));
        let read = |folder: &PathBuf| {
            // cargo prefers the old name without an extension where there are both
            let text = std::fs::read_to_string(folder.join("config"))
                .or_else(|_| std::fs::read_to_string(folder.join("config.toml")));
            text.ok()?.parse::<Table>().ok()
        };
        Self { files: folders.iter().filter_map(read).collect() }
    }

    /// What they say of a profile, the nearest first.
    pub(crate) fn profile<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.files.iter().filter_map(move |file| file.get("profile")?.get(name))
    }

    /// Whether one defines a profile.
    pub(crate) fn has_profile(&self, name: &str) -> bool {
        self.profile(name).next().is_some()
    }

    /// Whether one has compiler flags for a target. Those of `[build]` count for nothing then.
    pub(crate) fn has_flags_of_targets(&self) -> bool {
        let of_target = |file: &Table| {
            let targets = file.get("target")?.as_table()?;
            targets.values().any(|target| target.get("rustflags").is_some()).then_some(())
        };
        self.files.iter().any(|file| of_target(file).is_some())
    }

    /// Whether one names the linker of a target.
    pub(crate) fn has_linker(&self, triple: &str) -> bool {
        self.any(|file| file.get("target")?.get(triple)?.get("linker"))
            || std::env::var_os(format!("CARGO_TARGET_{}_LINKER", triple.replace('-', "_").to_uppercase()))
                .is_some()
    }

    /// Whether somebody has set how executables of a target are linked, here or in the environment.
    pub(crate) fn links(&self, triple: &str) -> bool {
        let flags = |file: &Table| {
            let of_targets = file.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
            let all = of_targets.chain(file.get("build")).filter_map(|table| table.get("rustflags"));
            all.map(Value::to_string).collect::<String>()
        };
        let is_flags = |name: &str| name.ends_with("RUSTFLAGS");
        let set = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_flags));
        let set = set.map(|(_, flags)| flags.to_string_lossy().into_owned());
        self.has_linker(triple) || self.files.iter().map(flags).chain(set).any(|flags| flags.contains("link"))
    }

    fn any(&self, key: impl Fn(&Table) -> Option<&Value>) -> bool {
        self.files.iter().any(|file| key(file).is_some())
    }
}

/// Cargo's own folder, where registries and tools lie.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_above_and_cargos_own_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a/.cargo/config.toml", "[target.aarch64-unknown-linux-gnu]\nlinker = 'gcc-arm'\n");
        write("home/config", "[profile.lambda]\ninherits = 'release'\n");
        let read = Configuration::read(&folder.path().join("a/b"), Some(&folder.path().join("home")));
        assert!(read.has_linker("aarch64-unknown-linux-gnu") && !read.has_linker("x86_64-unknown-linux-gnu"));
        assert!(read.has_profile("lambda") && !read.has_profile("release"));
        assert!(!read.has_flags_of_targets());
        write("a/b/.cargo/config.toml", "[target.'cfg(unix)']\nrustflags = ['-Cforce-frame-pointers']\n");
        let read = Configuration::read(&folder.path().join("a/b"), None);
        assert!(read.has_flags_of_targets() && !read.has_profile("lambda"));
        assert!(!read.links("x86_64-unknown-linux-gnu") && read.links("aarch64-unknown-linux-gnu"));
        write("a/b/.cargo/config.toml", "[build]\nrustflags = ['-Clink-arg=-fuse-ld=mold']\n");
        assert!(Configuration::read(&folder.path().join("a/b"), None).links("x86_64-unknown-linux-gnu"));
    }
}
