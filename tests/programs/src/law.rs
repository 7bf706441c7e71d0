//! The check: a program's graph holds its stages, and its deployed runs equal its plain calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use caribou::testing::{Cause, Faults, Report, Schedule, Simulation};
use caribou_runtime::RunStatus;
use caribou_runtime::model::{AttemptOutcome, Epoch, Graph, Placement, Plan, Region, Timestamp};
use serde_json::Value as Json;

use crate::case::Case;
use crate::recorder::{self, Note};
use crate::values::GLUE_ERROR;

/// What `str::parse` says in glue, which may fail before or after a stage that does.
const PARSE_ERRORS: [&str; 3] = [
    "invalid digit found in string",
    "cannot parse integer from empty string",
    "number too large to fit in target type",
];

const REGIONS: [&str; 3] = ["us-east-1", "ca-central-1", "eu-north-1"];

/// A program that breaks the law.
#[derive(Clone, Debug)]
pub struct Breach {
    /// The program.
    pub case: Case,
    /// The input, if it takes one to see it.
    pub input: Option<Json>,
    /// The seed of the simulation.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// What happened in the simulation.
    pub schedule: Schedule,
}

impl Breach {
    /// What is wrong, in a line.
    pub fn line(&self) -> String {
        let what = self.what.lines().next().unwrap_or_default();
        format!("program {} ({} stages): {what}", self.case.seed, self.case.size().0)
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, input, seed, what, schedule } = self;
        writeln!(f, "{case:?}")?;
        if let Some(input) = input {
            writeln!(f, "with the input {input}, simulated with seed {seed}:")?;
        }
        write!(f, "{what}\n{schedule}")
    }
}

/// Why a run has another end than its plain call: more went wrong than retries can bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// It failed.
    Failed(Cause),
    /// A stage was given up for good, and its failure was a value.
    GivenUp,
}

/// How runs ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As the plain call, with a result.
    pub succeeded: usize,
    /// As the plain call, with an error.
    pub refused: usize,
    /// Otherwise than the plain call.
    pub lost: BTreeMap<Loss, usize>,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.succeeded += other.succeeded;
        self.refused += other.refused;
        for (loss, runs) in other.lost {
            *self.lost.entry(loss).or_default() += runs;
        }
        self
    }

    fn loss(loss: Loss) -> Self {
        Self { lost: BTreeMap::from([(loss, 1)]), ..Self::default() }
    }

    /// Those that ended otherwise than the plain call.
    pub fn lost(&self) -> usize {
        self.lost.values().sum()
    }

    /// All runs.
    pub fn runs(&self) -> usize {
        self.succeeded + self.refused + self.lost()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs().max(1) as f64;
        let mut line =
            |what: &str, n: usize| writeln!(f, "  {n:>8}  {:7.3} %  {what}", n as f64 * 100.0 / runs);
        line("succeeded as their plain call", self.succeeded)?;
        line("failed as their plain call", self.refused)?;
        self.lost.iter().try_for_each(|(loss, runs)| match loss {
            Loss::Failed(cause) => line(&format!("lost: {cause}"), *runs),
            Loss::GivenUp => line("lost: a stage was given up, and its failure was a value", *runs),
        })
    }
}

/// What a plain call did.
struct Plain {
    result: Result<Json, String>,
    calls: Vec<String>,
}

/// Checks that the graph is sound and that every call of the source is a stage in it, under a name of its own.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_graph(case: &Case) -> Result<(), Box<Breach>> {
    let breach = |what: String| {
        Err(Box::new(Breach { case: *case, input: None, seed: 0, what, schedule: Schedule::default() }))
    };
    let graph: Graph = (case.workflow.graph)();
    if let Err(error) = graph.validate() {
        return breach(error.to_string());
    }
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, function) in graph.stages() {
        *found.entry(&function.name).or_default() += 1;
    }
    let wanted: BTreeMap<&str, usize> = case.calls.iter().copied().collect();
    if found != wanted {
        return breach(format!("the source calls {wanted:?}, the graph has {found:?}"));
    }
    let names: BTreeSet<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    if names.len() != graph.nodes.len() {
        return breach(format!("{} nodes share {} names", graph.nodes.len(), names.len()));
    }
    Ok(())
}

/// Runs a program with all of its inputs, deployed by a plan of the seed's, and holds each run against its plain call.
///
/// # Errors
///
/// The first run that differs.
pub fn check_runs(case: &Case, seed: u64, faults: &Faults) -> Result<Tally, Box<Breach>> {
    check_runs_in(case, seed, faults, |simulation| simulation)
}

/// The same in a simulation with something besides.
///
/// # Errors
///
/// The first run that differs.
pub fn check_runs_in(
    case: &Case,
    seed: u64,
    faults: &Faults,
    set: impl Fn(Simulation) -> Simulation,
) -> Result<Tally, Box<Breach>> {
    let inputs = case.inputs();
    let breach = |input: Option<&Json>, what: String, schedule: Schedule| {
        Box::new(Breach { case: *case, input: input.cloned(), seed, what, schedule })
    };
    recorder::take();
    let plains: Vec<Plain> = inputs.iter().map(|input| plain(case, input)).collect();
    let simulation = Simulation::new(case.workflow)
        .seed(seed)
        .plan(plan(case, seed))
        .probe_share(0.1)
        .faults(faults.clone())
        .ports(recorder::listen);
    let simulation = set(simulation);
    let report = catch_unwind(AssertUnwindSafe(|| simulation.run(&inputs)));
    let notes = recorder::take();
    let report = report.map_err(|_| breach(None, "the simulation panicked".into(), Schedule::default()))?;
    let certain = *faults == Faults::default();
    let mut tally = Tally::default();
    for (index, (input, plain)) in inputs.iter().zip(&plains).enumerate() {
        let run = Deployed { case, report: &report, run: format!("run-{index}"), notes: &notes, certain };
        match run.held_against(plain) {
            Ok(end) => tally = tally.with(end),
            Err(what) => return Err(breach(Some(input), what, report.schedule)),
        }
    }
    // Results are held against the plain calls above; this is what holds of all runs alike.
    match report.check_first_law_by(|_, _| true) {
        Ok(_) => Ok(tally),
        Err(violation) => {
            Err(breach(None, format!("{}: {}", violation.run, violation.what), report.schedule))
        }
    }
}

/// Calls the workflow as a function.
fn plain(case: &Case, input: &Json) -> Plain {
    let mut call = pin!((case.workflow.plain)(input.clone()));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        (0..1000).find_map(|_| match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result.map_err(|error| error.to_string())),
            Poll::Pending => None,
        })
    }));
    let result = match polled {
        Ok(Some(result)) => result,
        Ok(None) => Err("the plain call hangs".into()),
        Err(_) => Err("the plain call panicked".into()),
    };
    Plain { result, calls: recorder::take().iter().map(Note::call).collect() }
}

/// A plan that spreads the stages over the regions, differently in every hour.
fn plan(case: &Case, seed: u64) -> Plan {
    let graph: Graph = (case.workflow.graph)();
    let stages = graph.stages().count() as u64;
    let region = |hour: u64, stage: u64| {
        let mixed = (seed ^ case.seed << 20 ^ hour << 8 ^ stage).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Region::aws(REGIONS[(mixed >> 40) as usize % REGIONS.len()])
    };
    let hour = |hour: u64| {
        let regions: Vec<Region> = (0..stages).map(|stage| region(hour, stage)).collect();
        Placement::new(&regions)
            .unwrap_or_else(|_| Placement::uniform(Region::aws(REGIONS[0]), regions.len()))
    };
    Plan {
        epoch: Epoch(3),
        expires: Timestamp::from_millis(u64::MAX),
        hours: (0..24).map(hour).collect(),
        ..Plan::at_home(&graph, Region::aws(REGIONS[0]))
    }
}

/// A deployed run.
struct Deployed<'a> {
    case: &'a Case,
    report: &'a Report,
    run: String,
    notes: &'a [Note],
    /// Nothing could go wrong.
    certain: bool,
}

impl Deployed<'_> {
    /// Compares it with its plain call.
    fn held_against(&self, plain: &Plain) -> Result<Tally, String> {
        self.check_functions()?;
        let status =
            self.report.runs.iter().find(|(run, _)| run.as_str() == self.run).map(|(_, status)| status);
        match (status, &plain.result) {
            (Some(RunStatus::Succeeded { result, .. }), _)
                if !self.certain && (self.gave_up_a_stage() || tells_of_a_loss(result)) =>
            {
                Ok(Tally::loss(Loss::GivenUp))
            }
            (Some(RunStatus::Succeeded { result, .. }), Ok(wanted)) if result == wanted => {
                self.check_calls(&plain.calls)?;
                Ok(Tally { succeeded: 1, ..Tally::default() })
            }
            (Some(RunStatus::Succeeded { result, .. }), wanted) => {
                Err(format!("the run gives {result}, the plain call {wanted:?}"))
            }
            (Some(RunStatus::Failed { error, stage, .. }), Err(wanted)) => {
                let lost = !self.certain && Cause::of(error) != Cause::Function;
                if !lost && !self.is_known(error, wanted) {
                    return Err(format!(
                        "the run fails in {stage:?} with `{error}`, the plain call with `{wanted}`"
                    ));
                }
                Ok(Tally { refused: 1, ..Tally::default() })
            }
            (Some(RunStatus::Failed { error, stage, .. }), Ok(wanted)) if self.certain => {
                Err(format!("the run fails in {stage:?} with `{error}`, the plain call gives {wanted}"))
            }
            (Some(RunStatus::Failed { error, .. }), Ok(_)) => Ok(Tally::loss(Loss::Failed(Cause::of(error)))),
            (status, _) => Err(format!("the run never ends: {status:?}")),
        }
    }

    fn notes(&self) -> impl Iterator<Item = (&Note, &str)> {
        self.notes.iter().filter_map(|note| {
            let attempt = note.attempt.as_ref().filter(|attempt| attempt.run == self.run)?;
            Some((note, attempt.stage.as_str()))
        })
    }

    /// Every stage called the function that the graph says.
    fn check_functions(&self) -> Result<(), String> {
        let graph: Graph = (self.case.workflow.graph)();
        for (note, stage) in self.notes() {
            let function =
                graph.find(stage).and_then(|id| graph.function_of(id)).map(|function| &function.name);
            if function.map(String::as_str) != Some(note.function) {
                return Err(format!("stage {stage} called {}, the graph says {function:?}", note.function));
            }
        }
        Ok(())
    }

    /// The functions were called with the same arguments; without faults, as often.
    fn check_calls(&self, wanted: &[String]) -> Result<(), String> {
        let mut found: Vec<String> = self.notes().map(|(note, _)| note.call()).collect();
        let mut wanted = wanted.to_vec();
        for calls in [&mut found, &mut wanted] {
            calls.sort();
            if !self.certain {
                calls.dedup();
            }
        }
        if found == wanted {
            return Ok(());
        }
        Err(format!("the run calls\n  {}\nthe plain call\n  {}", found.join("\n  "), wanted.join("\n  ")))
    }

    /// Whether an error is the plain call's, or that of something else in the program that may have failed first.
    fn is_known(&self, error: &str, wanted: &str) -> bool {
        error == wanted
            || error.starts_with(GLUE_ERROR)
            || PARSE_ERRORS.contains(&error)
            || self.notes().any(|(note, _)| note.refusal.as_deref() == Some(error))
    }

    /// Whether a stage failed for good though its function did not refuse: its outcome is not the plain call's.
    fn gave_up_a_stage(&self) -> bool {
        let given_up = [AttemptOutcome::Failed, AttemptOutcome::Caught];
        let mine = self.report.telemetry.iter().filter(|record| record.run.as_str() == self.run);
        let mut failed = mine.filter(|record| given_up.contains(&record.outcome));
        let refused = |stage: &str| self.notes().any(|(note, at)| at == stage && note.refusal.is_some());
        failed.any(|record| !refused(&record.stage))
    }
}

/// Whether a result tells of a stage that was given up. Its function may have refused in an attempt that was lost.
fn tells_of_a_loss(result: &Json) -> bool {
    let text = result.to_string();
    text.contains("the platform gave up delivering ") || text.contains(" attempts came to an outcome")
}
