//! The folder that a demo works in.

use std::path::{Path, PathBuf};

use super::example::Example;
use crate::error::CliError;

/// A folder that is removed at the end, unless it is the user's own or to be kept.
pub(super) struct Scratch {
    directory: PathBuf,
    remove: bool,
}

impl Scratch {
    pub(super) fn new(example: &Example, asked: Option<&Path>, keep: bool) -> Result<Self, CliError> {
        let directory = match asked {
            Some(directory) => {
                let taken = std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
                if taken {
                    let shown = directory.display();
                    return Err(CliError::Usage(format!("--state {shown} is not empty; name a new folder")));
                }
                directory.to_path_buf()
            }
            None => example.output().join(format!("state-{}", std::process::id())),
        };
        let file = |cause| CliError::File { path: directory.clone(), cause };
        if asked.is_none() && directory.exists() {
            std::fs::remove_dir_all(&directory).map_err(file)?;
        }
        std::fs::create_dir_all(&directory).map_err(file)?;
        Ok(Self { remove: asked.is_none() && !keep, directory })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.remove {
            // what cannot be removed lies below target and does no harm
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}
