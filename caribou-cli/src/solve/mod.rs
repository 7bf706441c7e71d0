//! `caribou solve`: finds the best plan for each hour, from telemetry or from the Python original's tables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use caribou_control::telemetry::Log;
use caribou_control::{calendar, original};
use caribou_solver::{Explanation, Front, Method, Settings, Solution};
use serde_json::{Map, Value, json};

use crate::error::{CliError, Outcome};
use crate::phrase;
use crate::platform::PlatformArgs;
use crate::session::Session;
use crate::terminal::Terminal;

mod chart;
mod day;
mod explain;
mod option;
mod pareto;
mod placements;
mod source;
mod what_if;
mod work;

use day::Day;
use source::Source;
use what_if::{Answer, Question};
use work::Work;

/// What to solve, and how.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    /// Solve for the tables of the Python original in this folder instead of a deployed workflow.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["workflow", "aws", "local", "state", "month"])]
    input: Option<PathBuf>,
    /// By which model plans for these tables are judged.
    #[arg(long, value_enum, default_value_t, requires = "input")]
    model: option::Model,
    /// The hours to solve for, in UTC: `0,6,12-18`; in all others every stage stays at home [default: 0-23].
    #[arg(long, value_name = "HOURS")]
    hours: Option<option::Hours>,
    /// `exact` proves its answer, `exhaustive` tries every placement, `coarse` one region for all stages; `heuristic` is
    /// the paper's random search.
    #[arg(long, default_value_t)]
    algorithm: Method,
    /// How far from the best an answer of `exact` may be: `0.001`, `0.1%` [default: 0.1%].
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    gap: Option<option::Gap>,
    /// When the search stops with what it has, and says how far from the best that can be: `10s`, `2min`, `none`
    /// [default: 60s].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    time_limit: Option<option::TimeLimit>,
    /// The most runs that are drawn from what was learned.
    #[arg(long, value_name = "N", default_value_t = Settings::default().samples, value_parser = at_least_one)]
    samples: usize,
    /// Which runs are drawn when not all are.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The month whose grids count, 1 to 12 [default: this one].
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=12))]
    month: Option<u8>,
    /// Solve again as if: `region=eu-north-1` were allowed too, `without=us-west-1`, `limit=runtime.p95:1.2` (a factor of
    /// home's, or `none`); with commas several at once. Can be given again.
    #[arg(long, value_name = "CHANGE")]
    what_if: Vec<Question>,
    /// Tell what each stage gains where it runs, and what keeps it from the cleanest grid.
    #[arg(long)]
    explain: bool,
    /// Show what can be had of carbon, cost and runtime at once in an hour [default: the first that is solved for].
    #[arg(long, value_name = "HOUR", num_args = 0..=1, require_equals = true, default_missing_value = "first")]
    pareto: Option<option::FrontHour>,
    #[command(flatten)]
    platform: PlatformArgs,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("no plan can be judged by no runs; draw 1 or more".to_owned()),
        Ok(samples) => Ok(samples),
        Err(_) => Err("it must be a whole number, 1 or more".to_owned()),
    }
}

/// How long a search takes at most, if nobody says otherwise.
const TIME_LIMIT: Duration = Duration::from_mins(1);

impl Args {
    fn settings(&self) -> Result<Settings, CliError> {
        let algorithm = self.algorithm;
        let stops = matches!(algorithm, Method::Exact | Method::Heuristic);
        for (option, meaningless) in [
            ("--gap", self.gap.is_some() && algorithm != Method::Exact),
            ("--time-limit", self.time_limit.is_some() && !stops),
        ] {
            if meaningless {
                return Err(CliError::Usage(format!(
                    "{option} has no meaning for --algorithm {algorithm}, which always goes to its own end; leave out one \
                     of the two"
                )));
            }
        }
        let default = Settings::default();
        Ok(Settings {
            algorithm,
            samples: self.samples,
            seed: self.seed,
            hours: self.hours.as_ref().map_or(default.hours, |hours| hours.0.clone()),
            gap: self.gap.map_or(default.gap, |gap| gap.0),
            time_limit: self.time_limit.map_or(stops.then_some(TIME_LIMIT), |limit| limit.0),
            ..default
        })
    }
}

pub(crate) async fn solve(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let settings = args.settings()?;
    if let Some(folder) = &args.input {
        return of_tables(folder, &args, settings, terminal).await;
    }
    let session = Session::current(&args.platform, args.workflow.as_deref()).await?;
    let log = session.log(terminal).await?;
    let learned = session.learn(&log);
    let runs = learned.workload.runs.len();
    warn_of_unreadable(&log, terminal);
    terminal.step(format!(
        "learned from {} ({} left out as partial)",
        phrase::count(runs, "whole run"),
        phrase::count(learned.partial.len(), "run")
    ));
    let month = args.month.unwrap_or_else(|| calendar::month(calendar::now()));
    let graph = session.deployed.graph.clone();
    let source = Source::runs(graph, session.manifest(), learned.workload, month);
    let found = find(source, settings, &args, terminal).await?;
    let mut document = found.document();
    document.insert("runs".into(), json!(runs));
    document.insert("partial".into(), json!(learned.partial));
    document.insert("unreadable".into(), json!(log.unreadable));
    terminal.document(&document);
    found.show(terminal);
    let Found { source, solution, .. } = found;
    if let Some(workload) = source.into_workload() {
        session.keep(workload, solution)?;
    }
    terminal.line(
        "\nLook at what that changes with `caribou plan`, then put it in force with `caribou migrate`.",
    );
    Ok(Outcome::Held)
}

/// Solves for tables of the Python original.
async fn of_tables(
    folder: &Path,
    args: &Args,
    settings: Settings,
    terminal: Terminal,
) -> Result<Outcome, CliError> {
    if !folder.is_dir() {
        return Err(CliError::Failed(format!(
            "--input {}: there is no such folder; give the one that holds {}",
            folder.display(),
            original::TABLES.join(", ")
        )));
    }
    let path = folder.to_path_buf();
    let work = Work::begin(terminal, "reading tables".to_owned());
    let imported = tokio::task::spawn_blocking(move || original::read(&path)).await;
    work.done();
    let imported = imported.map_err(|error| ended(&error))??;
    let left_out = imported.left_out().to_vec();
    if !left_out.is_empty() {
        terminal.note(format!("Left out, since only regions of aws are known: {}.", left_out.join(", ")));
    }
    let graph = imported.graph();
    terminal.step(format!(
        "read {} {}: {}, {}, {} model",
        graph.workflow,
        graph.version,
        phrase::count(graph.stages().count(), "stage"),
        phrase::count(imported.regions().len(), "region"),
        args.model.name()
    ));
    let source = Source::tables(imported, args.model.into());
    let found = find(source, settings, args, terminal).await?;
    let mut document = found.document();
    document.insert("input".into(), json!(folder));
    document.insert("model".into(), json!(args.model.name()));
    document.insert("left_out".into(), json!(left_out));
    terminal.document(&document);
    found.show(terminal);
    Ok(Outcome::Held)
}

/// What was found.
struct Found {
    source: Source,
    settings: Settings,
    solution: Solution,
    what_if: Vec<Answer>,
    explanations: Option<Vec<Explanation>>,
    front: Option<Front>,
}

/// Solves on a thread of its own, so that the user can stop it.
async fn find(
    source: Source,
    settings: Settings,
    args: &Args,
    terminal: Terminal,
) -> Result<Found, CliError> {
    let questions = args.what_if.clone();
    let first = settings.hours.first().copied();
    let (explained, hour) = (args.explain, args.pareto.and_then(|hour| hour.0.or(first)));
    // who asks what cannot be asked is told before the search
    for question in &questions {
        question.applied(&source)?;
    }
    let work = Work::begin(terminal, format!("solving {}", phrase::count(settings.hours.len(), "hour")));
    let found = tokio::task::spawn_blocking(move || {
        let posed = source.pose(&source.manifest, &settings)?;
        let solution = posed.solve(&settings)?;
        let explanations = explained.then(|| explain::explanations(&posed, &solution)).transpose()?;
        let front = hour.map(|hour| pareto::front(&posed, &settings, hour)).transpose()?;
        drop(posed);
        let what_if = questions.iter().map(|question| question.answer(&source, &settings));
        let what_if = what_if.collect::<Result<_, _>>()?;
        Ok::<_, CliError>(Found { source, settings, solution, what_if, explanations, front })
    })
    .await;
    work.done();
    let found: Found = found.map_err(|error| ended(&error))??;
    terminal.step(format!(
        "solved {}: {} by {} search on {}",
        phrase::count(found.settings.hours.len(), "hour"),
        phrase::count(usize::try_from(found.solution.placements).unwrap_or(usize::MAX), "placement"),
        found.solution.algorithm,
        phrase::count(found.solution.samples, "run")
    ));
    Ok(found)
}

fn ended(error: &tokio::task::JoinError) -> CliError {
    CliError::Failed(format!(
        "the search came to no end ({error}); please report it with what you solved for"
    ))
}

impl Found {
    fn document(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("solution".into(), json!(self.solution));
        document.insert("per_run".into(), json!(Day::asked(&self.solution)));
        let what_if = self.what_if.iter().map(|answer| {
            let solution = &answer.solution;
            json!({ "question": answer.question, "solution": solution, "per_run": Day::asked(solution) })
        });
        if !self.what_if.is_empty() {
            document.insert("what_if".into(), what_if.collect());
        }
        if let Some(explanations) = &self.explanations {
            document.insert("explain".into(), json!(explanations));
        }
        if let Some(front) = &self.front {
            document.insert("pareto".into(), json!(front));
        }
        document
    }

    fn show(&self, terminal: Terminal) {
        let graph = self.source.graph();
        let Self { source, solution, .. } = self;
        terminal.line(format!("\nPer run, against all stages at home in {}:", solution.home.code()));
        terminal.line(placements::placements(graph, solution));
        if let Some(chart) = chart::chart(solution, !terminal.is_plain()) {
            terminal.line(format!("\n{chart}"));
        }
        for explanation in self.explanations.iter().flatten() {
            terminal.line(explain::text(graph, solution, explanation));
        }
        if let Some(front) = &self.front {
            terminal.line(pareto::text(graph, solution, front));
        }
        for answer in &self.what_if {
            terminal.line(format!("\nWhat if {}?", answer.words));
            terminal.line(placements::placements(graph, &answer.solution));
            let runs = source.manifest.runs.expected_per_month;
            terminal.line(format!("\n{}", day::comparison(solution, &answer.solution, runs)));
            if let Some(runs) = runs {
                terminal.line(format!("The change of a day is that of {runs} runs a month."));
            }
        }
    }
}

/// Tells of lines that could not be read, if there are any.
pub(crate) fn warn_of_unreadable(log: &Log, terminal: Terminal) {
    if let Some(first) = log.unreadable.first() {
        terminal.note(format!(
            "{} of telemetry cannot be read; line {}: {} ({})",
            phrase::count(log.unreadable.len(), "line"),
            first.line,
            first.why,
            first.start
        ));
    }
}
