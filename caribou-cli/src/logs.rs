//! `caribou logs`: what the functions of a workflow print, across regions in one stream.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use caribou_control::aws::{Logs, Which};
use caribou_control::calendar::before;
use caribou_control::log::{Fresh, LogLine, OfRun, in_order};
use caribou_control::{calendar, quantity};
use caribou_local::Control;
use caribou_model::{AttemptOutcome, Region, RunId, StageRecord, Timestamp};
use caribou_runtime::client::RunDetail;
use caribou_runtime::port::StageAddress;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::platform::PlatformArgs;
use crate::session::{On, Session};
use crate::terminal::Terminal;

/// Which lines.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// A deployed workflow, or the folder of its package; the only one deployed if left out.
    #[arg(value_name = "WORKFLOW|PATH")]
    workflow: Option<String>,
    /// Only what belongs to this run.
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// What was printed since then: a time before now (`90s`, `10m`, `2h`, `3d`) or an instant (`2026-11-23T08:44:07Z`)
    /// [default: 10m, or the run's begin].
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Go on with what is printed from now on, until Ctrl-C or the end of the run. With `--json` each line is a document.
    #[arg(long, short)]
    follow: bool,
    /// At most about so many lines of each function and region.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// How far back is shown, if nobody says otherwise.
const LATELY: Duration = Duration::from_mins(10);
/// By how much clocks of regions may differ from that of home.
const SKEW: Duration = Duration::from_secs(5);
/// How late a line may come.
const LATE: Duration = Duration::from_secs(30);
/// How often a log is read that is followed.
const POLL: Duration = Duration::from_secs(2);
/// How long a run is followed after its end, for lines that come late.
const AFTER: Duration = Duration::from_secs(10);
/// How much of a log of the embedded cloud is read.
const TAIL_BYTES: u64 = 4 << 20;

pub(crate) async fn logs(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let now = calendar::now();
    let since = args.since.as_deref().map(|text| since(text, now)).transpose()?;
    let workflow = args.workflow.as_deref();
    let (session, run) = match &args.run {
        Some(run) => {
            let mut session = Session::find(&args.platform, workflow).await?;
            let detail = session.show(run).await?;
            (session, Some(detail))
        }
        None => (Session::current(&args.platform, workflow).await?, None),
    };
    let mut reader = Reader::new(&session, &args).await?;
    let (mut begin, mut until) = (before(now, LATELY), now.plus(SKEW));
    if let Some(RunDetail { summary, .. }) = &run {
        begin = before(summary.started, SKEW);
        until = summary.ended.map_or(until, |end| end.plus(AFTER));
    }
    reader.from = since.unwrap_or(begin);
    if let Some(run) = run {
        reader.leave_out(run);
    }
    let columns = Columns::of(&reader);
    let (mut lines, cut) = reader.read(until).await?;
    if let (Some(of_run), false) = (&mut reader.of_run, args.follow) {
        lines.extend(std::mem::replace(of_run, OfRun::new(RunId::plain())).rest());
        in_order(&mut lines);
    }
    if cut {
        let limit = args.limit;
        terminal.note(format!(
            "there are more lines than the {limit} of a function and region that are shown; see them with \
            --limit, or less with --since or --run"
        ));
    }
    if !args.follow {
        return Ok(show(&session, args.run.as_ref(), &lines, cut, &columns, terminal));
    }
    let mut ended: Option<Instant> = None;
    loop {
        for line in &lines {
            terminal.document_line(line);
            terminal.line(columns.line(line));
        }
        if ended.is_some_and(|ended| ended.elapsed() >= AFTER) {
            return Ok(Outcome::Held);
        }
        tokio::time::sleep(POLL).await;
        if let (Some(run), None) = (&args.run, ended) {
            let status = session.client().status(run).await?;
            ended = status.is_over().then(Instant::now);
        }
        let now = calendar::now();
        (lines, _) = reader.read(now.plus(SKEW)).await?;
        reader.from = reader.from.max(before(now, LATE));
    }
}

fn since(text: &str, now: Timestamp) -> Result<Timestamp, CliError> {
    calendar::since(text, now).ok_or_else(|| {
        CliError::Usage(format!(
            "--since {text} is no time; write one before now as `90s`, `10m`, `2h` or `3d`, or an instant as \
             `2026-11-23T08:44:07Z`"
        ))
    })
}

fn show(
    session: &Session,
    run: Option<&RunId>,
    lines: &[LogLine],
    cut: bool,
    columns: &Columns,
    terminal: Terminal,
) -> Outcome {
    let workflow = &session.deployed.graph.workflow;
    terminal.document(&json!({ "workflow": workflow, "run": run, "lines": lines, "cut": cut }));
    if lines.is_empty() && !terminal.is_json() {
        terminal.note(match run {
            Some(run) => format!("nothing of run {run} is in the logs; lines may come some seconds late"),
            None => format!("{workflow} has printed nothing since then; look further back with --since"),
        });
    }
    for line in lines {
        terminal.line(columns.line(line));
    }
    Outcome::Held
}

/// Reads the logs of a session.
struct Reader {
    source: Source,
    from: Timestamp,
    most: usize,
    fresh: Fresh,
    of_run: Option<OfRun>,
}

enum Source {
    Aws(Logs),
    Cloud { control: Box<Control>, sources: Vec<StageAddress> },
}

impl Reader {
    async fn new(session: &Session, args: &Args) -> Result<Self, CliError> {
        let graph = &session.deployed.graph;
        let source = match &session.on {
            On::Aws { aws, regions } => Source::Aws(Logs::find(aws, graph, regions).await?),
            On::Cloud { control, .. } => {
                let all = control.deployments().await?.into_iter().map(|deployment| deployment.address);
                let ours = all
                    .filter(|address| address.workflow == graph.workflow && address.version == graph.version);
                Source::Cloud { control: control.clone(), sources: ours.collect() }
            }
        };
        Ok(Self {
            source,
            from: Timestamp::default(),
            most: args.limit as usize,
            fresh: Fresh::default(),
            of_run: args.run.clone().map(OfRun::new),
        })
    }

    /// Leaves out the logs of regions where a run has not been.
    fn leave_out(&mut self, RunDetail { summary, home, nodes, .. }: RunDetail) {
        let mut regions: BTreeSet<Region> = nodes.into_iter().map(|node| node.region).collect();
        // without its nodes it may have been everywhere
        if !regions.is_empty() {
            regions.extend([summary.entry_region, home]);
            let wanted = |source: &StageAddress| regions.contains(&source.region);
            match &mut self.source {
                Source::Aws(logs) => logs.keep(wanted),
                Source::Cloud { sources, .. } => sources.retain(wanted),
            }
        }
    }

    fn sources(&self) -> &[StageAddress] {
        match &self.source {
            Source::Aws(logs) => logs.sources(),
            Source::Cloud { sources, .. } => sources,
        }
    }

    /// What was printed since the last reading. Tells whether there is more.
    async fn read(&mut self, to: Timestamp) -> Result<(Vec<LogLine>, bool), CliError> {
        let (all, cut) = match &self.source {
            Source::Aws(logs) => {
                let read = logs.read(Which::All, self.from, to, self.most).await?;
                (read.lines, read.cut)
            }
            Source::Cloud { control, sources } => {
                let mut all = Vec::new();
                let mut cut = false;
                for source in sources {
                    let tail = control.logs(source, TAIL_BYTES).await?;
                    let lines = tail.lines().filter_map(|line| LogLine::read(source, line));
                    let mut lines: Vec<LogLine> =
                        lines.filter(|line| line.at >= self.from && line.at < to).collect();
                    if lines.len() > self.most {
                        cut = true;
                        lines.truncate(self.most);
                    }
                    all.extend(lines);
                }
                in_order(&mut all);
                (all, cut)
            }
        };
        let fresh = self.fresh.of(all);
        let mut lines = match &mut self.of_run {
            Some(of_run) => fresh.into_iter().flat_map(|line| of_run.take(line)).collect(),
            None => fresh,
        };
        in_order(&mut lines);
        Ok((lines, cut))
    }
}

/// How wide regions and functions are.
struct Columns {
    region: usize,
    function: usize,
}

impl Columns {
    fn of(reader: &Reader) -> Self {
        let widest = |part: fn(&StageAddress) -> &str| {
            reader.sources().iter().map(|source| part(source).chars().count()).max().unwrap_or(0)
        };
        Self { region: widest(|source| source.region.code()), function: widest(|source| &source.function) }
    }

    fn line(&self, line: &LogLine) -> String {
        let LogLine { at, region, function, text, .. } = line;
        let said = line.record().map_or_else(|| text.clone(), |record| attempt(&record));
        let (at, region) = (calendar::instant(*at), region.code());
        format!("{at}  {region:<0$}  {function:<1$}  {said}", self.region, self.function)
    }
}

/// A line of telemetry as people read it.
fn attempt(record: &StageRecord) -> String {
    let StageRecord { run, stage, item, attempt, outcome, duration_ms, cold, .. } = record;
    let item = item.map_or(String::new(), |item| format!(", item {item}"));
    let outcome = match outcome {
        AttemptOutcome::Succeeded => "succeeded",
        AttemptOutcome::Retried => "failed, and is tried again",
        AttemptOutcome::Failed => "failed for good",
        AttemptOutcome::Caught => "failed for good, which the workflow reads",
        AttemptOutcome::Superseded => "came after another attempt",
    };
    let took = quantity::seconds(duration_ms / 1e3);
    let cold = if *cold { ", first event of its instance" } else { "" };
    format!("● run {run}: `{stage}`{item}, attempt {attempt}, {outcome}: {took}{cold}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_none_is_a_mistake_of_the_command_line() {
        let now = Timestamp::from_millis(1_000_000);
        assert_eq!(since("90s", now).unwrap(), Timestamp::from_millis(910_000));
        assert!(matches!(since("soon", now), Err(CliError::Usage(_))));
    }

    #[test]
    fn a_line_names_time_region_and_function() {
        let columns = Columns { region: 12, function: 7 };
        let line = LogLine {
            at: Timestamp::from_millis(1_668_342_300_120),
            region: Region::aws("us-east-1"),
            function: "resize".into(),
            instance: "i".into(),
            text: "hello".into(),
        };
        assert_eq!(columns.line(&line), "2022-11-13 12:25:00.120  us-east-1     resize   hello");
    }
}
