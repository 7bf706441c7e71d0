//! The archives of a workflow's functions.

use std::path::{Path, PathBuf};

use caribou_model::{Architecture, FunctionSpec, Graph};

use super::{Archive, ArchiveError, Beside, BuildError, Executable, ExtraFile, Recipe, elf};

/// An archive on disk, and the functions that it serves: those of one processor that find the same files beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The functions.
    pub functions: Vec<String>,
    /// The executable in it.
    pub executable: Executable,
    /// What it holds.
    pub archive: Archive,
    /// Where it lies.
    pub path: PathBuf,
}

/// Functions that can have one archive.
#[derive(Debug, PartialEq, Eq)]
struct Share {
    architecture: Architecture,
    files: Vec<ExtraFile>,
    functions: Vec<String>,
}

impl Share {
    fn of(functions: &[FunctionSpec], beside: &Beside) -> Vec<Self> {
        let mut shares: Vec<Self> = Vec::new();
        for function in functions {
            let Some(files) = beside.files(function) else { continue };
            let mut files = files.to_vec();
            files.sort_unstable();
            let architecture = function.architecture;
            let same = |share: &&mut Self| share.architecture == architecture && share.files == files;
            match shares.iter_mut().find(same) {
                Some(share) => share.functions.push(function.name.clone()),
                None => shares.push(Self { architecture, files, functions: vec![function.name.clone()] }),
            }
        }
        shares
    }

    /// The name of its file.
    fn name(&self, workflow: &Graph) -> String {
        let whose = match (self.files.is_empty(), self.functions.first()) {
            (false, Some(function)) => format!("-{function}"),
            _ => String::new(),
        };
        format!("{}-{}-{}{whose}.zip", workflow.workflow, workflow.version, elf::name(self.architecture))
    }

    /// Packs the executable, and writes the archive into a folder.
    fn pack(self, workflow: &Graph, executable: Executable, folder: &Path) -> Result<Packed, ArchiveError> {
        let archive = executable.pack(&self.files)?;
        let path = folder.join(self.name(workflow));
        write(&path, &archive.bytes)
            .map_err(|cause| ArchiveError::Unwritable { path: path.clone(), cause })?;
        Ok(Packed { functions: self.functions, executable, archive, path })
    }
}

impl Packed {
    /// Checks and packs an executable that was built elsewhere for all functions of a workflow, and writes it into a folder,
    /// which is made if it is missing.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says what Lambda could not run: an executable is for one processor.
    pub fn given(
        executable: &Path,
        workflow: &Graph,
        beside: &Beside,
        folder: &Path,
    ) -> Result<Vec<Self>, BuildError> {
        let pack = |share: Share| {
            let executable = Executable::read(executable.to_path_buf(), share.architecture, &share.files)?;
            Ok(share.pack(workflow, executable, folder)?)
        };
        Share::of(&workflow.functions, beside).into_iter().map(pack).collect()
    }
}

impl Recipe<'_> {
    /// Builds, checks and packs what the functions of a workflow need, and writes it into a folder, which is made if it
    /// is missing.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says what is missing on this machine, or what Lambda could not run.
    pub async fn pack(
        &self,
        workflow: &Graph,
        beside: &Beside,
        folder: &Path,
        mut progress: impl FnMut(&str),
    ) -> Result<Vec<Packed>, BuildError> {
        let mut packed = Vec::new();
        for share in Share::of(&workflow.functions, beside) {
            let executable = self.build(share.architecture, &share.files, &mut progress).await?;
            packed.push(share.pack(workflow, executable, folder)?);
        }
        Ok(packed)
    }
}

/// Writes a file that appears whole or not at all.
fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, content)?;
    std::fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_one_processor_with_the_same_files_share_an_archive() {
        let arm = |name| FunctionSpec { architecture: Architecture::Arm64, ..FunctionSpec::new(name) };
        let functions = [
            FunctionSpec::new("a"),
            arm("b"),
            FunctionSpec::new("c"),
            FunctionSpec::new("d"),
            FunctionSpec::new("e"),
        ];
        let file = |name: &str| ExtraFile { name: name.into(), path: name.into() };
        let none = Vec::new;
        let some = vec![file("y"), file("x")];
        let shares =
            Share::of(&functions, &Beside::from([("a", none()), ("b", none()), ("c", some), ("d", none())]));
        let workflow = Graph {
            workflow: "press".into(),
            version: "0.1.0".into(),
            functions: Vec::new(),
            nodes: Vec::new(),
            edges: Vec::new(),
        };
        let told: Vec<(String, Vec<String>)> =
            shares.iter().map(|share| (share.name(&workflow), share.functions.clone())).collect();
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            told,
            [
                ("press-0.1.0-x86_64.zip".to_owned(), names(&["a", "d"])),
                ("press-0.1.0-arm64.zip".to_owned(), names(&["b"])),
                ("press-0.1.0-x86_64-c.zip".to_owned(), names(&["c"])),
            ]
        );
    }
}
