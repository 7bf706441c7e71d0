//! `caribou check`: the graph that the compiler found, and what is wrong with the manifest.

use caribou_control::{facts, manifest};
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::target::Target;
use crate::terminal::Terminal;
use crate::{graph, table};

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn check(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let built = args.target.build(terminal).await?;
    let found = &built.workflow.graph;
    terminal.line(graph::tree(found));
    terminal.line(table::functions(found));
    let file = built.manifest()?;
    let known: Vec<_> = facts::embedded().regions.iter().map(|region| region.region.clone()).collect();
    let findings = manifest::findings(&file.manifest, found, &known);
    terminal.document(&json!({
        "workflow": found.workflow,
        "version": found.version,
        "graph": found,
        "parameters": built.workflow.parameters,
        "manifest": file.manifest,
        "bootstrap": built.bootstrap.path(),
        "findings": findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    if findings.is_empty() {
        let others = if file.manifest.regions.allow.is_empty() {
            "any known region".to_owned()
        } else {
            graph::codes(&file.manifest.regions.allow)
        };
        terminal.line(format!(
            "\ncaribou.toml fits: home {}, stages may run in {others}.",
            file.manifest.home.code()
        ));
    } else {
        terminal.line(format!("\ncaribou.toml does not fit ({}):", graph::count(findings.len(), "finding")));
        for finding in &findings {
            terminal.line(format!("  - {finding}"));
        }
    }
    Ok(Outcome::of(findings.is_empty()))
}
