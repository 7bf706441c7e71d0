//! `caribou check`: the graph that the compiler found, the functions, and what is wrong.

use caribou_control::manifest::{ManifestFile, ManifestFileError};
use caribou_control::text::wrap;
use caribou_control::{facts, graph, manifest};
use caribou_model::{Graph, Manifest, NodeKind};
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::target::Target;
use crate::terminal::Terminal;
use crate::{phrase, table};

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn check(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let built = args.target.build(terminal).await?;
    let found = &built.workflow.graph;
    terminal.line(format!("{}\n", headline(found)));
    terminal.line(graph::tree(found, &built.workflow.parameters));
    terminal.line(format!("{}\n", table::functions(found)));
    let mut findings: Vec<String> = Vec::new();
    let manifest = match ManifestFile::read(&built.package.directory) {
        Ok(file) => Some(file.manifest),
        Err(missing @ ManifestFileError::Missing { .. }) => {
            findings.push(missing.to_string());
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(manifest) = &manifest {
        let known: Vec<_> = facts::embedded().regions.iter().map(|region| region.region.clone()).collect();
        findings.extend(manifest::findings(manifest, found, &known).iter().map(ToString::to_string));
    }
    findings.extend(built.not_linked().await?.iter().map(ToString::to_string));
    terminal.document(&json!({
        "workflow": found.workflow,
        "version": found.version,
        "graph": found,
        "parameters": built.workflow.parameters,
        "manifest": manifest,
        "bootstrap": built.bootstrap.path(),
        "findings": findings,
    }));
    terminal.line(verdict(&findings, manifest.as_ref()));
    Ok(Outcome::of(findings.is_empty()))
}

/// What the workflow is, in a line.
fn headline(found: &Graph) -> String {
    let count = |thing: &str, number| phrase::count(number, thing);
    let gates = found.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Gate { .. })).count();
    format!(
        "{} {}: {}, {}, {}, {}",
        found.workflow,
        found.version,
        count("stage", found.stages().count()),
        count("edge", found.edges.len()),
        count("sync node", found.nodes.iter().filter(|node| node.slots > 1).count()),
        count("gate", gates)
    )
}

/// The findings, numbered; without any, where the workflow may run.
fn verdict(findings: &[String], manifest: Option<&Manifest>) -> String {
    let mut text = String::new();
    if let (true, Some(manifest)) = (findings.is_empty(), manifest) {
        let others = match manifest.regions.allow.as_slice() {
            [] => "any known region".to_owned(),
            allowed => phrase::patterns(allowed),
        };
        let home = manifest.home.code();
        wrap(&mut text, "", "", &format!("No findings. Home is {home}; stages may run in {others}."));
    } else {
        wrap(&mut text, "", "", &format!("{}:", phrase::count(findings.len(), "finding")));
    }
    for (index, finding) in findings.iter().enumerate() {
        text.push('\n');
        wrap(&mut text, &format!("{:3}. ", index + 1), "     ", finding);
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use caribou_model::Region;

    use super::*;

    #[test]
    fn findings_are_numbered_and_wrapped() {
        let long = "a finding that takes more than one line since it says what is wrong, where that is, and what is to \
                    be done about it";
        let text = verdict(&[long.to_owned(), "short".to_owned()], None);
        assert!(text.starts_with("2 findings:\n\n  1. a finding"), "{text}");
        assert!(text.contains("\n     ") && text.ends_with("  2. short"), "{text}");
    }

    #[test]
    fn without_findings_it_says_where_stages_may_run() {
        let text = verdict(&[], Some(&Manifest::at_home(Region::aws("us-east-1"))));
        assert_eq!(text, "No findings. Home is us-east-1; stages may run in any known region.");
    }
}
