//! What the functions of a workflow find beside their bootstraps.

use std::collections::BTreeMap;
use std::path::Path;

use caribou_model::manifest::AwsSettings;
use caribou_model::{FunctionSpec, Graph};

use super::{ArchiveError, ExtraFile};

/// The further files of each function that has an archive. One whose code is a container image has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside(BTreeMap<String, Vec<ExtraFile>>);

impl Beside {
    /// What the manifest's `[aws]` table says of a workflow's functions; `folder` is the manifest's.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] names the file that is not there, or lies elsewhere.
    pub fn of(workflow: &Graph, aws: &AwsSettings, folder: &Path) -> Result<Self, ArchiveError> {
        let mut files = BTreeMap::new();
        for spec in &workflow.functions {
            let wanted = aws.function(&spec.name);
            if wanted.image.is_none() {
                files.insert(spec.name.clone(), ExtraFile::beside(folder, &wanted.files)?);
            }
        }
        Ok(Self(files))
    }

    /// The files of a function; `None` if it has no archive.
    pub(super) fn files(&self, function: &FunctionSpec) -> Option<&[ExtraFile]> {
        self.0.get(&function.name).map(Vec::as_slice)
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, Vec<ExtraFile>); N]> for Beside {
    fn from(files: [(&str, Vec<ExtraFile>); N]) -> Self {
        Self(files.into_iter().map(|(function, files)| (function.to_owned(), files)).collect())
    }
}
