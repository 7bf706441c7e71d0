//! The example workflow of the checkout, and photographs for it.

use std::path::{Path, PathBuf};

use caribou_control::bootstrap::Bootstrap;
use caribou_control::package::{Package, Profile};
use caribou_control::quantity;
use caribou_runtime::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::error::CliError;
use crate::phrase;
use crate::target::{self, Built};
use crate::terminal::Terminal;

/// The example in a checkout of the repository.
pub(super) struct Example {
    checkout: PathBuf,
}

/// A photograph as an input, and what the plain call makes of it.
#[derive(Default)]
pub(super) struct Photo {
    pub(super) input: Value,
    pub(super) plain: Value,
    bytes: usize,
}

const FOLDER: &str = "examples/image-press";
const RENDERER: &str = "image-press-render";
/// Photographs that are rendered: by day and by night in turn.
const RENDERED: usize = 6;
/// The most of the user's own that are used.
const MOST: usize = 24;

impl Example {
    /// Finds the checkout: the folder of `cargo run`, or the working directory, or one above.
    pub(super) fn find() -> Result<Self, CliError> {
        let starts =
            [std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from), std::env::current_dir().ok()];
        for start in starts.into_iter().flatten() {
            if let Some(checkout) =
                start.ancestors().find(|folder| folder.join(FOLDER).join("Cargo.toml").is_file())
            {
                return Ok(Self { checkout: checkout.to_path_buf() });
            }
        }
        Err(CliError::Failed(format!(
            "the demo needs the example workflow {FOLDER}, which is in no folder above this one; run it in a checkout of \
             the repository: `cargo run --release -p caribou-cli -- demo`"
        )))
    }

    /// Where the demo writes.
    pub(super) fn output(&self) -> PathBuf {
        self.checkout.join("target").join("caribou-demo")
    }

    /// Builds the bootstrap.
    pub(super) async fn build(&self, terminal: Terminal) -> Result<Built, CliError> {
        let target = target::Target {
            path: self.checkout.join(FOLDER),
            bin: None,
            workflow: None,
            release: true,
            profile: None,
            // whoever runs the demo has just compiled all that both need
            built_with: Some(env!("CARGO_PKG_NAME").into()),
        };
        let built = target.build(terminal).await?;
        let size = std::fs::metadata(built.bootstrap.path()).map_or(0, |file| file.len());
        terminal.step(format!("bootstrap of {FOLDER} built (release, {})", quantity::bytes(size)));
        Ok(built)
    }

    /// Photographs, each with the result of the plain call.
    pub(super) async fn photos(
        &self,
        own: Option<&Path>,
        scratch: &Path,
        built: &Built,
        terminal: Terminal,
    ) -> Result<Vec<Photo>, CliError> {
        let files = match own {
            Some(folder) => photographs(folder)?,
            None => photographs(&self.render(scratch, &built.package, terminal).await?)?,
        };
        let origin = if own.is_some() { "of your own" } else { "rendered" };
        let left_out = files.len().saturating_sub(MOST);
        let spinner = terminal.spinner("plain calls");
        let workflow = built.workflow.graph.workflow.as_str();
        let at_a_time = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        let calls = files.iter().take(MOST).map(|file| photo(file, &built.bootstrap, workflow));
        let photos: Result<Vec<Photo>, CliError> =
            stream::iter(calls.collect::<Vec<_>>()).buffered(at_a_time).try_collect().await;
        spinner.finish_and_clear();
        let photos = photos?;
        let sizes = photos.iter().map(|photo| photo.bytes as u64);
        let (least, most) = (sizes.clone().min().unwrap_or(0), sizes.max().unwrap_or(0));
        terminal.step(format!(
            "{} {origin}, {} to {} each; the plain call's result of each is known",
            phrase::count(photos.len(), "photograph"),
            quantity::bytes(least),
            quantity::bytes(most)
        ));
        if left_out > 0 {
            terminal.note(format!("{left_out} more files are left out: the demo uses {MOST} at most"));
        }
        Ok(photos)
    }

    async fn render(
        &self,
        scratch: &Path,
        package: &Package,
        terminal: Terminal,
    ) -> Result<PathBuf, CliError> {
        let renderer = target::build(package, RENDERER, &Profile::Release, terminal).await?;
        let folder = scratch.join("photos");
        let spinner = terminal.spinner("rendering photographs");
        let output = Command::new(&renderer)
            .args(["--count", &RENDERED.to_string(), "--out"])
            .arg(&folder)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|cause| CliError::File { path: renderer, cause })?;
        spinner.finish_and_clear();
        if output.status.success() {
            Ok(folder)
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(CliError::Failed(format!("the photographs were not rendered: {}", said.trim())))
        }
    }
}

/// The PNG and JPEG files of a folder, by name.
fn photographs(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries =
        std::fs::read_dir(folder).map_err(|cause| CliError::File { path: folder.to_path_buf(), cause })?;
    let is_photo = |path: &PathBuf| {
        let extension =
            path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        path.is_file() && matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"))
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_photo).collect();
    files.sort();
    if files.is_empty() {
        let shown = folder.display();
        return Err(CliError::Usage(format!(
            "{shown} holds no .png, .jpg or .jpeg file; name a folder that does"
        )));
    }
    Ok(files)
}

async fn photo(path: &Path, bootstrap: &Bootstrap, workflow: &str) -> Result<Photo, CliError> {
    let content =
        tokio::fs::read(path).await.map_err(|cause| CliError::File { path: path.to_path_buf(), cause })?;
    let bytes = content.len();
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let input = json!({ "name": name, "file": Bytes::from(content) });
    let plain = bootstrap
        .call(workflow, &input)
        .await
        .map_err(|error| CliError::Failed(format!("{}: {error}", path.display())))?;
    Ok(Photo { input, plain, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_photographs_is_a_mistake_of_the_command_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(matches!(photographs(folder.path()), Err(CliError::Usage(_))));
        std::fs::write(folder.path().join("b.JPG"), "").unwrap();
        std::fs::write(folder.path().join("a.png"), "").unwrap();
        assert_eq!(photographs(folder.path()).unwrap().len(), 2);
    }
}
