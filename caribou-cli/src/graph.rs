//! `caribou graph`: the graph that the compiler found, for other tools and for documents.

use std::path::PathBuf;

use caribou_control::graph;
use caribou_model::Graph;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::target::Target;
use crate::terminal::Terminal;

/// What to draw, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// How it is drawn.
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
    /// The file to write; standard output if left out.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A format of graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A flowchart as GitHub draws it in Markdown.
    Mermaid,
    /// The language of Graphviz.
    Dot,
    /// An image that stands alone, for light and dark pages.
    Svg,
    /// The graph itself.
    Json,
}

impl Format {
    fn write(self, graph: &Graph) -> Result<String, CliError> {
        Ok(match self {
            Self::Mermaid => graph::mermaid(graph),
            Self::Dot => graph::dot(graph),
            Self::Svg => graph::svg(graph),
            Self::Json => {
                let text = serde_json::to_string_pretty(graph);
                let failed =
                    |cause| CliError::Failed(format!("the graph cannot be written as JSON: {cause}"));
                text.map_err(failed)? + "\n"
            }
        })
    }
}

pub(crate) async fn graph(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let built = args.target.build(terminal).await?;
    let found = &built.workflow.graph;
    let text = args.format.write(found)?;
    if let Some(path) = &args.output {
        std::fs::write(path, &text).map_err(|cause| CliError::File { path: path.clone(), cause })?;
        terminal.step(format!("the graph of {} is in {}", found.workflow, path.display()));
    } else {
        terminal.line(text.trim_end());
    }
    terminal.document(&json!({
        "workflow": found.workflow,
        "version": found.version,
        "graph": found,
        "output": args.output,
        "text": args.output.is_none().then_some(text),
    }));
    Ok(Outcome::Held)
}
