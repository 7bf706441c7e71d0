//! What of a function the platform needs to know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Region;

/// The processor a function is built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit x86.
    #[default]
    X86_64,
    /// 64-bit Arm (AWS Graviton).
    Arm64,
}

/// The options of `#[caribou::function]`, with their defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionSpec {
    /// The function's name, unique in its workflow; the Rust name unless the `name` option says otherwise.
    pub name: String,
    /// Memory in MB, 128 to 10,240. CPU grows with it: 1,769 MB is one vCPU.
    pub memory_mb: u32,
    /// Longest time of one attempt, in seconds, 1 to 900.
    pub timeout_s: u32,
    /// Space below `/tmp` in MB, 512 to 10,240.
    #[serde(default = "default_ephemeral_storage", skip_serializing_if = "is_default_ephemeral_storage")]
    pub ephemeral_storage_mb: u32,
    /// The processor it is built for.
    #[serde(default)]
    pub architecture: Architecture,
    /// If not empty, the only regions where it may run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Region>,
    /// Regions where it must not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Region>,
    /// How often a failed attempt is tried again, 0 to 10. Platform attempts count too.
    pub retries: u8,
    /// Whether repeating the function is harmless, so that the claim before it may be left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
    /// Environment variables that its instances have beside those of the platform and of Caribou.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

fn default_ephemeral_storage() -> u32 {
    FunctionSpec::DEFAULT_EPHEMERAL_STORAGE_MB
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_default_ephemeral_storage(megabytes: &u32) -> bool {
    *megabytes == FunctionSpec::DEFAULT_EPHEMERAL_STORAGE_MB
}

impl FunctionSpec {
    /// Memory of a function that does not say how much it needs, in MB: one full vCPU.
    pub const DEFAULT_MEMORY_MB: u32 = 1769;
    /// Timeout of a function that does not say how long it takes, in seconds.
    pub const DEFAULT_TIMEOUT_S: u32 = 60;
    /// Space below `/tmp` of a function that does not say how much it needs, in MB: what AWS Lambda gives without
    /// charge.
    pub const DEFAULT_EPHEMERAL_STORAGE_MB: u32 = 512;
    /// Retries of a function that does not say how often it may be tried again: as AWS Lambda does for
    /// asynchronous events.
    pub const DEFAULT_RETRIES: u8 = 2;

    /// A function of this name with every option at its default.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            memory_mb: Self::DEFAULT_MEMORY_MB,
            timeout_s: Self::DEFAULT_TIMEOUT_S,
            ephemeral_storage_mb: Self::DEFAULT_EPHEMERAL_STORAGE_MB,
            architecture: Architecture::X86_64,
            allow: Vec::new(),
            deny: Vec::new(),
            retries: Self::DEFAULT_RETRIES,
            idempotent: false,
            environment: BTreeMap::new(),
        }
    }

    /// Whether the function's own rules let it run in `region`.
    pub fn may_run_in(&self, region: &Region) -> bool {
        (self.allow.is_empty() || self.allow.contains(region)) && !self.deny.contains(region)
    }

    /// Attempts in all: the first and its retries.
    pub fn attempts(&self) -> u32 {
        u32::from(self.retries) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_not_written_and_are_read_back() {
        let plain = FunctionSpec::new("press");
        let text = serde_json::to_string(&plain).unwrap();
        assert!(!text.contains("ephemeral_storage") && !text.contains("environment"), "{text}");
        assert_eq!(serde_json::from_str::<FunctionSpec>(&text).unwrap(), plain);
    }

    #[test]
    fn storage_and_environment_are_written_and_read_back() {
        let mut spec = FunctionSpec { ephemeral_storage_mb: 2048, ..FunctionSpec::new("press") };
        spec.environment.insert("LOG".into(), "info".into());
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<FunctionSpec>(&text).unwrap(), spec);
    }
}
