//! `caribou runs`: the runs of a deployed workflow.
//!
//! | module | what it does |
//! |---|---|
//! | `list` | the newest runs, a line each |
//! | `show` | what became of every stage of one run |
//! | `retry` | takes up a run that has failed |

mod list;
mod retry;
mod show;

use crate::error::{CliError, Outcome};
use crate::terminal::Terminal;

/// What to do with runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the runs of a workflow, newest first.
    List(list::Args),
    /// Show what ran where in one run, why it failed, and the input that failed it.
    Show(show::Args),
    /// Run a failed run again from where it failed. What is done stays done.
    Retry(retry::Args),
}

pub(crate) async fn runs(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    match args.command {
        Command::List(args) => list::list(args, terminal).await,
        Command::Show(args) => show::show(args, terminal).await,
        Command::Retry(args) => retry::retry(args, terminal).await,
    }
}
