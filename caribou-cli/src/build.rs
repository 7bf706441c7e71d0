//! `caribou build`: what Lambda runs, checked and packed.

use std::path::PathBuf;

use caribou_control::bootstrap::{Bootstrap, Described};
use caribou_control::build::{Archive, Beside, Glibc, LAMBDA, Packed, Recipe, elf};
use caribou_control::manifest::{ManifestFile, ManifestFileError};
use caribou_control::package::Package;
use caribou_control::quantity;
use caribou_model::manifest::AwsSettings;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::phrase;
use crate::terminal::Terminal;

/// What to build, how, and where it goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the workflow's package.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The binary that is the bootstrap, where the package has several.
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,
    /// The workflow, where the bootstrap has several; all of them if left out.
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Build with this cargo profile.
    #[arg(long, value_name = "NAME", default_value = LAMBDA)]
    profile: String,
    /// The folder for the archives; `caribou` in cargo's target folder if left out.
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(crate) async fn build(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let package = Package::read(&args.path).await?;
    let binary = package.bootstrap(args.bin.as_deref())?;
    let spinner = terminal.spinner(format!("building {binary} ({})", args.profile));
    let recipe = Recipe::new(&package, binary, Some(&args.profile)).await?;
    let mut workflows = recipe.describe(|line| spinner.set_message(line.to_owned())).await?;
    if let Some(name) = &args.workflow {
        // only its errors and its choice are wanted, not the executable
        workflows = vec![Bootstrap::at(&package.directory).choose(workflows, Some(name))?];
    }
    let aws = match ManifestFile::read(&package.directory) {
        Ok(file) => file.manifest.aws,
        // a manifest is needed to deploy, not to build
        Err(ManifestFileError::Missing { .. }) => AwsSettings::default(),
        Err(error) => return Err(error.into()),
    };
    let folder = args.output.unwrap_or_else(|| package.target_directory.join("caribou"));
    let mut documents = Vec::new();
    let mut lines = Vec::new();
    for workflow in &workflows {
        let told_by_cargo = |line: &str| spinner.set_message(line.to_owned());
        let beside = Beside::of(&workflow.graph, &aws, &package.directory)?;
        let packed = recipe.pack(&workflow.graph, &beside, &folder, told_by_cargo).await?;
        lines.extend(packed.iter().map(|packed| told(workflow, packed)));
        documents.push(json!({
            "workflow": workflow.graph.workflow,
            "version": workflow.graph.version,
            "archives": packed.iter().map(document).collect::<Vec<_>>(),
        }));
    }
    spinner.finish_and_clear();
    terminal.document(&json!({ "profile": args.profile, "workflows": documents }));
    terminal.line(lines.join("\n\n"));
    Ok(Outcome::Held)
}

fn document(packed: &Packed) -> serde_json::Value {
    let Packed { functions, executable, archive, path } = packed;
    json!({
        "path": path,
        "sha256": archive.sha256_hex(),
        "zip_bytes": archive.bytes.len(),
        "unpacked_bytes": archive.unpacked,
        "bootstrap_bytes": executable.bytes.len(),
        "executable": executable.path,
        "architecture": executable.elf.architecture,
        "functions": functions,
        "glibc": executable.elf.highest_glibc(),
        "libraries": executable.elf.libraries,
        "stripped": executable.elf.stripped,
        "held_paths": executable.held_paths,
    })
}

/// An archive as people read it.
fn told(workflow: &Described, packed: &Packed) -> String {
    let Packed { functions, executable, archive, path } = packed;
    let graph = &workflow.graph;
    let share = |bytes: u64, of: u64| {
        let percent = 100.0 * bytes as f64 / of as f64;
        format!("{:>9}  {percent:4.1} % of what Lambda takes", quantity::bytes(bytes))
    };
    let glibc = match executable.elf.highest_glibc() {
        Some(version) => format!("{version} at least; provided.al2023 has {}", Glibc::PROVIDED),
        None => "none: it is linked statically".to_owned(),
    };
    let mut text = format!(
        "{} {} for {}: {}\n  archive    {}\n  sha256     {}\n  zipped     {}\n  unpacked   {}\n  bootstrap  {:>9}\n  \
         glibc      {glibc}",
        graph.workflow,
        graph.version,
        elf::name(executable.elf.architecture),
        phrase::count(functions.len(), "function"),
        path.display(),
        archive.sha256_hex(),
        share(archive.bytes.len() as u64, Archive::MOST_UPLOADED) + " directly",
        share(archive.unpacked, Archive::MOST_UNPACKED),
        quantity::bytes(executable.bytes.len() as u64),
    );
    if !executable.elf.stripped {
        text.push_str("\n  It carries symbols or debug information; `strip = \"symbols\"` in its profile leaves them out.");
    }
    if let [held, ..] = executable.held_paths.as_slice() {
        let remedy =
            "a macro or a build script wrote it there; built in another folder, the archive has another hash";
        let held = held.display();
        text.extend(["\n  It holds the path ", &held.to_string(), ": ", remedy, "."]);
    }
    text
}
