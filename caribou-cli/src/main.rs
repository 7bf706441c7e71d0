//! The `caribou` command: builds, deploys, runs, solves and moves workflows.
//!
//! Exit codes: 0 - it was done, and held; 1 - it failed, or did not hold; 2 - the command line is wrong;
//! 130 - it was interrupted.

mod artefact;
mod build;
mod check;
mod cloud;
mod collect;
mod consent;
mod demo;
mod deploy;
mod error;
mod graph;
mod list;
mod local;
mod logs;
mod migrate;
mod phrase;
mod plan;
mod platform;
mod process;
mod remove;
mod run;
mod runs;
mod session;
mod solve;
mod table;
mod target;
mod terminal;
mod wait;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{CliError, Outcome};
use crate::terminal::Terminal;

/// Serverless workflows as ordinary Rust, each function in the region that suits it best.
#[derive(Parser)]
#[command(name = "caribou", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Cli {
    /// Print one JSON document on standard output instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, and it held; 1 failed, or it did not hold; 2 wrong command line; \
                          130 interrupted.";

#[derive(Subcommand)]
enum Command {
    /// Do the whole job on this machine: build, deploy, run, learn, solve, migrate, run again, compare.
    Demo(demo::Args),
    /// Build a workflow, show the graph that the compiler found, and check what can go wrong.
    Check(check::Args),
    /// Build what Lambda runs, for each processor: check it, pack it, and tell sizes and hash.
    Build(build::Args),
    /// Draw a workflow's graph: Mermaid, DOT, SVG or JSON.
    Graph(graph::Args),
    /// The embedded cloud on this machine: start, deploy, status, stop.
    Local(local::Args),
    /// Build a workflow and deploy it to AWS: show what changes, do it, verify it, let it receive new runs.
    Deploy(deploy::Args),
    /// Start a run of a deployed workflow.
    Run(run::Args),
    /// The runs of a deployed workflow: list them, see what became of one, run it again where it failed.
    Runs(runs::Args),
    /// Show what the functions of a workflow print, across regions in one stream, of one run or of all.
    Logs(logs::Args),
    /// Learn from telemetry and find the best plan for each hour of the day.
    Solve(solve::Args),
    /// Show what the solved plan would change, before anything is changed.
    Plan(plan::Args),
    /// Deploy what the solved plan needs, and put it in force.
    Migrate(migrate::Args),
    /// List what is deployed: workflows, versions, regions, the plan in force.
    List(list::Args),
    /// Remove from AWS what no run can need any more: old versions, and regions where no plan has a function.
    Collect(collect::Args),
    /// Remove a workflow from its platform, with all that is kept of its runs.
    Remove(remove::Args),
}

impl Command {
    /// Whether it changes things step by step, and does what is left when it is repeated.
    fn goes_on(&self) -> bool {
        matches!(self, Self::Deploy(_) | Self::Migrate(_) | Self::Remove(_) | Self::Collect(_))
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own exit code; a closed pipe is no reason to panic
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    error::install_handler();
    let terminal = Terminal::new(cli.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return error::report(terminal, CliError::Runtime(cause)),
    };
    let goes_on = cli.command.goes_on();
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = dispatch(cli.command, terminal) => outcome,
            () = process::interrupted() => Ok(Outcome::Interrupted),
        }
    });
    runtime.shutdown_background();
    match outcome {
        Ok(Outcome::Held) => ExitCode::SUCCESS,
        Ok(Outcome::DidNotHold) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => {
            if goes_on {
                terminal.note("interrupted; what was done stays, and the same command goes on from there");
            }
            ExitCode::from(130)
        }
        Err(error) => error::report(terminal, error),
    }
}

async fn dispatch(command: Command, terminal: Terminal) -> Result<Outcome, CliError> {
    match command {
        Command::Demo(args) => demo::demo(args, terminal).await,
        Command::Check(args) => check::check(args, terminal).await,
        Command::Build(args) => build::build(args, terminal).await,
        Command::Graph(args) => graph::graph(args, terminal).await,
        Command::Local(args) => local::local(args, terminal).await,
        Command::Deploy(args) => deploy::deploy(args, terminal).await,
        Command::Collect(args) => collect::collect(args, terminal).await,
        Command::Remove(args) => remove::remove(args, terminal).await,
        Command::List(args) => list::list(args, terminal).await,
        Command::Run(args) => run::run(args, terminal).await,
        Command::Runs(args) => runs::runs(args, terminal).await,
        Command::Logs(args) => logs::logs(args, terminal).await,
        Command::Solve(args) => solve::solve(args, terminal).await,
        Command::Plan(args) => plan::plan(args, terminal).await,
        Command::Migrate(args) => migrate::migrate(args, terminal).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
