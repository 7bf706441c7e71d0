//! The code that is deployed: archives with a bootstrap, known by the SHA-256 of their bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use caribou_model::FunctionSpec;
use sha2::{Digest, Sha256};

use super::error::AwsError;
use crate::build::Packed;

/// A zip archive that Lambda can run, with `bootstrap` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    path: PathBuf,
    sha256: [u8; 32],
    bytes: u64,
}

/// The archive of each function.
///
/// All functions of a workflow share one, unless some need further files, or another processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archives {
    shared: Option<Archive>,
    of: BTreeMap<String, Archive>,
}

impl Archive {
    /// The archive at this path, which is read once to know its hash.
    ///
    /// # Errors
    ///
    /// [`AwsError::Archive`] if the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, AwsError> {
        let content =
            std::fs::read(path).map_err(|cause| AwsError::Archive { path: path.to_path_buf(), cause })?;
        let sha256 = Sha256::digest(&content).into();
        Ok(Self { path: path.to_path_buf(), sha256, bytes: content.len() as u64 })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How large it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The SHA-256 of its bytes.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

impl Archives {
    /// One archive for all functions.
    pub fn shared(archive: Archive) -> Self {
        Self { shared: Some(archive), of: BTreeMap::new() }
    }

    /// The archives that [`Recipe::pack`](crate::build::Recipe::pack) wrote.
    ///
    /// # Errors
    ///
    /// [`AwsError::Archive`] if a file cannot be read.
    pub fn packed(packed: &[Packed]) -> Result<Self, AwsError> {
        let mut archives = Self::default();
        for one in packed {
            let archive = Archive::read(&one.path)?;
            for function in &one.functions {
                archives = archives.with(function, archive.clone());
            }
        }
        Ok(archives)
    }

    /// No archive is at hand: functions go to further regions with the code that they have at home.
    pub fn at_home() -> Self {
        Self::default()
    }

    /// This archive for one function.
    #[must_use]
    pub fn with(mut self, function: impl Into<String>, archive: Archive) -> Self {
        self.of.insert(function.into(), archive);
        self
    }

    /// The archive of a function, if it is at hand.
    pub fn of(&self, spec: &FunctionSpec) -> Option<&Archive> {
        self.of.get(&spec.name).or(self.shared.as_ref())
    }
}

/// A hash in hexadecimal digits, as the code's key has it.
pub(super) fn hex(sha256: &[u8; 32]) -> String {
    sha256.iter().fold(String::new(), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hash in base64, as Lambda and S3 have it.
pub(super) fn base64(sha256: &[u8; 32]) -> String {
    aws_smithy_types::base64::encode(sha256)
}

/// What Lambda and S3 wrote in base64.
pub(super) fn from_base64(text: &str) -> Option<[u8; 32]> {
    aws_smithy_types::base64::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_known_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("press.zip");
        std::fs::write(&path, b"abc").unwrap();
        let archive = Archive::read(&path).unwrap();
        assert_eq!(archive.bytes(), 3);
        assert_eq!(
            hex(&archive.sha256()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let text = base64(&archive.sha256());
        assert_eq!(text, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!(from_base64(&text), Some(archive.sha256()));
        let error = Archive::read(&folder.path().join("none.zip")).unwrap_err().to_string();
        assert!(error.contains("none.zip") && error.contains("caribou build"), "{error}");
    }

    #[test]
    fn a_function_has_its_own_archive_or_the_shared_one() {
        let archive = |byte| Archive { path: "a.zip".into(), sha256: [byte; 32], bytes: 1 };
        let archives = Archives::shared(archive(1)).with("speak", archive(2));
        assert_eq!(archives.of(&FunctionSpec::new("speak")), Some(&archive(2)));
        assert_eq!(archives.of(&FunctionSpec::new("press")), Some(&archive(1)));
        assert_eq!(Archives::at_home().of(&FunctionSpec::new("press")), None);
    }
}
