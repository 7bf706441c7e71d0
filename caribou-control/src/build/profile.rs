//! The cargo profile of a bootstrap.

use std::path::Path;

use toml::{Table, Value};

use super::configuration::Configuration;

/// The name of the profile that the documentation recommends.
pub const LAMBDA: &str = "lambda";

/// What `[profile.lambda]` is where the author's workspace does not say: small, since a new instance loads all of it.
const SETTINGS: [(&str, &str); 7] = [
    ("inherits", r#""release""#),
    ("opt-level", r#""z""#),
    ("lto", r#""fat""#),
    ("codegen-units", "1"),
    ("panic", r#""abort""#),
    ("strip", r#""symbols""#),
    ("debug", "false"),
];

/// The values of cargo's `--config` that define a profile: none if it is not the recommended one, or defined by the
/// workspace or a configuration file.
pub(crate) fn settings(profile: &str, workspace: &Path, configuration: &Configuration) -> Vec<String> {
    if profile != LAMBDA || configuration.has_profile(profile) || in_workspace(profile, workspace) {
        return Vec::new();
    }
    SETTINGS.iter().map(|(key, value)| format!("profile.{LAMBDA}.{key}={value}")).collect()
}

/// Whether a program of a profile ends at a panic, instead of unwinding its stack.
pub(crate) fn aborts(profile: &str, workspace: &Path, configuration: &Configuration) -> bool {
    if !settings(profile, workspace, configuration).is_empty() {
        return true;
    }
    let manifest = manifest(workspace);
    let mut next = Some(profile.to_owned());
    // profiles inherit from one another; cargo refuses a circle
    for _ in 0..16 {
        let Some(name) = next else { break };
        let tables: Vec<&Value> = configuration
            .profile(&name)
            .chain(manifest.get("profile").and_then(|all| all.get(&name)))
            .collect();
        if let Some(panic) = tables.iter().find_map(|table| table.get("panic")) {
            return panic.as_str() == Some("abort");
        }
        let inherited = tables.iter().find_map(|table| table.get("inherits")?.as_str());
        next = inherited.map(str::to_owned);
    }
    false
}

/// Whether the Cargo.toml at a workspace's root defines a profile.
fn in_workspace(profile: &str, workspace: &Path) -> bool {
    manifest(workspace).get("profile").and_then(|profiles| profiles.get(profile)).is_some()
}

/// The Cargo.toml at a workspace's root. Cargo itself says what is wrong with it.
fn manifest(workspace: &Path) -> Table {
    let text = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap_or_default();
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recommended_profile_is_given_where_the_workspace_has_none_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text| std::fs::write(folder.path().join("Cargo.toml"), text).unwrap();
        let none = Configuration::default();
        write("[workspace]\n[profile.release]\nlto = true\n");
        let given = settings(LAMBDA, folder.path(), &none);
        assert_eq!(given.len(), SETTINGS.len());
        assert_eq!(given[0], "profile.lambda.inherits=\"release\"");
        assert!(settings("release", folder.path(), &none).is_empty());
        write("[workspace]\n[profile.lambda]\ninherits = 'release'\n");
        assert!(settings(LAMBDA, folder.path(), &none).is_empty());
    }

    #[test]
    fn whether_a_panic_ends_the_program_is_inherited() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join("Cargo.toml"), text).unwrap();
        let aborts = |profile| aborts(profile, folder.path(), &Configuration::default());
        write("[workspace]");
        assert!(aborts(LAMBDA) && !aborts("release"));
        write("[profile.lambda]\ninherits = 'release'\n");
        assert!(!aborts(LAMBDA));
        write("[profile.lambda]\ninherits = 'release'\n[profile.release]\npanic = 'abort'\n");
        assert!(aborts(LAMBDA) && aborts("release"));
        write(
            "[profile.lambda]\ninherits = 'release'\npanic = 'unwind'\n[profile.release]\npanic = 'abort'\n",
        );
        assert!(!aborts(LAMBDA));
    }

    #[test]
    fn this_repositorys_own_profile_is_the_recommended_one() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
        let manifest = text.parse::<toml::Table>().unwrap();
        let settings: toml::Table = SETTINGS
            .iter()
            .map(|(key, value)| {
                let line = format!("value = {value}").parse::<toml::Table>().unwrap();
                ((*key).to_owned(), line["value"].clone())
            })
            .collect();
        let mut own = manifest["profile"][LAMBDA].as_table().unwrap().clone();
        // what this workspace's release profile changes for the SDKs of a bootstrap is taken back
        let packages = own.remove("package").unwrap();
        let runtime = std::fs::read_to_string(workspace.join("caribou-runtime/Cargo.toml")).unwrap();
        let runtime = runtime.parse::<toml::Table>().unwrap();
        let sdks: Vec<&String> = runtime["dependencies"]
            .as_table()
            .unwrap()
            .keys()
            .filter(|name| name.starts_with("aws-sdk-"))
            .collect();
        assert_eq!(packages.as_table().unwrap().keys().collect::<Vec<_>>(), sdks);
        for sdk in sdks {
            assert_eq!(packages[sdk]["opt-level"], settings["opt-level"]);
        }
        assert_eq!(own, settings);
    }
}
