//! Functions as they are deployed to the embedded cloud.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use caribou_model::{FunctionSpec, Region};
use caribou_runtime::port::StageAddress;
use http::StatusCode;
use redb::{ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::disk::{DEPLOYMENTS, DiskError};
use crate::message::{RETRIES, decode};
use crate::refusal::Refusal;
use crate::services::{AsynchronousEvents, Services};

/// A function in a region, and the bootstrap that serves it there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionDeployment {
    /// Workflow, version, function and region.
    pub address: StageAddress,
    /// The function's options: memory and timeout are passed on and enforced, its environment variables are set.
    pub spec: FunctionSpec,
    /// The executable. The cloud keeps a copy of its own, as Lambda does: building it anew changes nothing before
    /// it is deployed again.
    pub bootstrap: PathBuf,
    /// The workflow's home region.
    pub home: Region,
    /// Share of runs that go wholly to the home region, 0 to 1.
    pub probe_share: f64,
    /// How long a run may take, in seconds.
    pub run_deadline_s: u64,
    /// Further environment variables, which go before those of the options.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whose services its instances use.
    #[serde(default)]
    pub services: Services,
}

/// The longest name of a workflow, version or function, in bytes.
const LONGEST_NAME: usize = 64;

impl FunctionDeployment {
    /// Checks what can be checked without the platform.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let StageAddress { workflow, version, function, .. } = &self.address;
        for (what, name) in [("workflow", workflow), ("version", version), ("function", function)] {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+');
            if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(allowed) {
                return Err(refused(
                    format!("`{}` is no name for a {what}", name.chars().take(80).collect::<String>()),
                    "a name has 1 to 64 letters, digits, `-`, `_`, `.` or `+`",
                ));
            }
        }
        if self.spec.name != *function {
            return Err(refused(
                format!("the options are those of `{}`, not of `{function}`", self.spec.name),
                "deploy each function with its own options",
            ));
        }
        if !(1..=900).contains(&self.spec.timeout_s) || !(128..=10_240).contains(&self.spec.memory_mb) {
            return Err(refused(
                format!(
                    "`{function}` has a timeout of {} s and {} MB of memory",
                    self.spec.timeout_s, self.spec.memory_mb
                ),
                "Lambda takes 1 to 900 s and 128 to 10240 MB",
            ));
        }
        if !(512..=10_240).contains(&self.spec.ephemeral_storage_mb) {
            return Err(refused(
                format!("`{function}` has {} MB of ephemeral storage", self.spec.ephemeral_storage_mb),
                "Lambda takes 512 to 10240 MB",
            ));
        }
        if !(0.0..=1.0).contains(&self.probe_share) {
            return Err(refused(
                format!("the probe share is {}", self.probe_share),
                "a share is from 0 to 1",
            ));
        }
        if let Services::Aws(AsynchronousEvents { retries, failures }) = &self.services {
            if *retries > RETRIES {
                return Err(refused(
                    format!("`{function}` has {retries} retries of an event"),
                    "Lambda takes 0 to 2",
                ));
            }
            if let Some(url) = failures.as_ref().filter(|url| !is_of_this_machine(url)) {
                return Err(refused(
                    format!("the failure destination of `{function}` is `{url}`"),
                    "give a URL of this machine, http://127.0.0.1:PORT/..",
                ));
            }
        }
        Ok(())
    }
}

fn is_of_this_machine(url: &str) -> bool {
    url.parse::<http::Uri>()
        .is_ok_and(|url| url.scheme_str() == Some("http") && url.host() == Some("127.0.0.1"))
}

/// Copies a bootstrap below `bootstraps`, once for each build of it, and returns the copy.
pub(crate) fn keep_bootstrap(bootstrap: &Path, bootstraps: &Path) -> Result<PathBuf, Refusal> {
    let unusable = |error: &io::Error| {
        refused(
            format!("the bootstrap {} cannot be used: {error}", bootstrap.display()),
            "build it, and give the path of the executable",
        )
    };
    let metadata = std::fs::metadata(bootstrap).map_err(|error| unusable(&error))?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        return Err(refused(
            format!("{} is not an executable file", bootstrap.display()),
            "give the path of the bootstrap that cargo built",
        ));
    }
    let build = format!("{:x}-{:x}-{:x}", metadata.ino(), metadata.size(), metadata.mtime_nsec());
    let copy = bootstraps.join(format!("{build}-{:x}", metadata.mtime()));
    if !copy.exists() {
        let unfinished = copy.with_extension("unfinished");
        std::fs::create_dir_all(bootstraps)
            .and_then(|()| std::fs::copy(bootstrap, &unfinished))
            .and_then(|_| std::fs::rename(&unfinished, &copy))
            .map_err(|error| unusable(&error))?;
    }
    Ok(copy)
}

/// Every deployment on disk, with the copy of its bootstrap.
pub(crate) fn deployed(
    transaction: &ReadTransaction,
) -> Result<Vec<(FunctionDeployment, PathBuf)>, DiskError> {
    let mut deployments = Vec::new();
    for entry in transaction.open_table(DEPLOYMENTS)?.iter()? {
        deployments.push(decode(entry?.1.value(), "a deployment")?);
    }
    Ok(deployments)
}

/// The key of a deployment on disk.
pub(crate) fn key(address: &StageAddress) -> String {
    let StageAddress { workflow, version, function, region } = address;
    format!("{workflow}/{version}/{function}/{region}")
}

fn refused(error: String, remedy: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, error, remedy)
}
