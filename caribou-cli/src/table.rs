//! Tables.

use std::fmt::Write as _;

use caribou_control::account::Comparison;
use caribou_control::difference::{Change, Difference, hours};
use caribou_control::text::COLUMNS;
use caribou_control::{calendar, quantity};
use caribou_local::{CloudStatus, FunctionDeployment};
use caribou_model::{Graph, Timestamp};
use caribou_runtime::client::{NodeDetail, NodeState, RunState, RunSummary};
use caribou_solver::Figures;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};

use crate::phrase;

/// A line below the header, and nothing else that the figures do not say.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// In a terminal that is narrower, lines break where it ends.
const NARROWEST: usize = 80;

pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(Cell::new));
    table
}

/// A table no wider than text is, and wide enough to be read.
pub(crate) fn narrow(header: &[&str]) -> Table {
    let mut table = table(header);
    match table.width().map(usize::from) {
        Some(width) if width < NARROWEST => table.set_width(NARROWEST as u16),
        Some(width) if width <= COLUMNS => &mut table,
        _ => table.set_width(COLUMNS as u16),
    };
    table
}

/// Columns of figures stand to the right.
pub(crate) fn align(table: Table, from: usize) -> Table {
    align_columns(table, from..usize::MAX)
}

/// These columns are as wide as their widest cell.
pub(crate) fn unbroken(mut table: Table, columns: impl std::ops::RangeBounds<usize>) -> Table {
    for (index, column) in table.column_iter_mut().enumerate() {
        if columns.contains(&index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// These columns stand to the right.
pub(crate) fn align_columns(mut table: Table, columns: impl std::ops::RangeBounds<usize>) -> Table {
    for (index, column) in table.column_iter_mut().enumerate() {
        if columns.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The functions of a workflow with their options.
pub(crate) fn functions(workflow: &Graph) -> Table {
    let any_rules = workflow.functions.iter().any(|spec| !phrase::rules(spec).is_empty());
    let header = ["function", "stages", "memory", "timeout", "retries", "rules"];
    let columns = if any_rules { header.len() } else { header.len() - 1 };
    let mut table = narrow(&header[..columns]);
    for spec in &workflow.functions {
        let stages = workflow.stages().filter(|(_, called)| called.name == spec.name).count();
        let row = [
            spec.name.clone(),
            stages.to_string(),
            format!("{} MB", spec.memory_mb),
            format!("{} s", spec.timeout_s),
            spec.retries.to_string(),
            phrase::rules(spec),
        ];
        table.add_row(row.into_iter().take(columns));
    }
    let mut table = align(table, 1);
    if let Some(rules) = table.column_mut(5) {
        rules.set_cell_alignment(CellAlignment::Left);
    }
    table
}

/// What a plan changes.
pub(crate) fn difference(difference: &Difference) -> Table {
    let mut table = table(&["stage", "from", "to", "hours, UTC", "carbon", "cost", "p95 runtime"]);
    for one in &difference.moves {
        let [carbon, cost, runtime] = changes(&one.change);
        let place = [&one.stage, one.from.code(), one.to.code()].map(str::to_owned);
        let row = place.into_iter().chain([hours(&one.hours), carbon, cost, runtime]);
        table.add_row(row);
    }
    let now = format!("all, at {} UTC", difference.hour);
    for (name, change) in [(now, &difference.now), ("all, over the day".to_owned(), &difference.day)] {
        let [carbon, cost, runtime] = changes(change);
        table.add_row([name, String::new(), String::new(), String::new(), carbon, cost, runtime]);
    }
    align(table, 4)
}

fn changes(change: &Change) -> [String; 3] {
    let metrics: [fn(&Figures) -> f64; 3] =
        [|f| f.carbon_best.mean.value, |f| f.cost.mean.value, |f| f.runtime.p95.value];
    metrics.map(|metric| quantity::change(metric(&change.before), metric(&change.after)))
}

/// Expected figures per run before and after.
pub(crate) fn expected(change: &Change, when: &str) -> Table {
    let header = [&format!("expected per run, {when}"), "now", "then", "change"].map(str::to_owned);
    figures(&header.each_ref().map(String::as_str), &change.before, &change.after)
}

/// Probes against planned runs.
pub(crate) fn comparison(comparison: &Comparison) -> Table {
    let header = [
        "measured per run".to_owned(),
        format!("at home ({} probes)", comparison.probes.runs),
        format!("under the plan ({} runs)", comparison.planned.runs),
        "change".to_owned(),
    ];
    let header = header.each_ref().map(String::as_str);
    figures(&header, &comparison.probes.figures, &comparison.planned.figures)
}

fn figures(header: &[&str], before: &Figures, after: &Figures) -> Table {
    type Row = (&'static str, fn(&Figures) -> f64, fn(f64) -> String);
    const ROWS: [Row; 5] = [
        ("carbon (CO2eq), best transmission", |f| f.carbon_best.mean.value, quantity::grams),
        ("carbon (CO2eq), worst transmission", |f| f.carbon_worst.mean.value, quantity::grams),
        ("cost of 1,000 runs", |f| f.cost.mean.value, quantity::usd_per_thousand),
        ("runtime, mean", |f| f.runtime.mean.value, quantity::seconds),
        ("runtime, p95", |f| f.runtime.p95.value, quantity::seconds),
    ];
    let mut table = table(header);
    for (name, metric, write) in ROWS {
        let (before, after) = (metric(before), metric(after));
        let change = quantity::change(before, after);
        table.add_row([name.to_owned(), write(before), write(after), change]);
    }
    align(table, 1)
}

/// What is going on in the embedded cloud.
pub(crate) fn status(status: &CloudStatus) -> Table {
    let mut table = table(&["queued", "in flight", "dead letters", "instances"]);
    table.add_row([status.queued, status.in_flight, status.dead_letters, status.instances]);
    align(table, 0)
}

/// What is deployed to the embedded cloud: a row for each function.
pub(crate) fn deployments(deployments: &[FunctionDeployment]) -> Table {
    let mut rows: Vec<([&str; 3], Vec<&str>)> = Vec::new();
    for FunctionDeployment { address, .. } in deployments {
        let key = [&*address.workflow, &*address.version, &*address.function];
        match rows.iter_mut().find(|(known, _)| *known == key) {
            Some((_, regions)) => regions.push(address.region.code()),
            None => rows.push((key, vec![address.region.code()])),
        }
    }
    let mut table = table(&["workflow", "version", "function", "regions"]);
    for ([workflow, version, function], regions) in rows {
        table.add_row([workflow, version, function, &regions.join(", ")]);
    }
    table
}

/// Runs, a line each.
pub(crate) fn runs(runs: &[RunSummary], now: Timestamp) -> Table {
    let mut table = table(&["run", "status", "started", "runtime", "entry", "failed at"]);
    for run in runs {
        let item = run.item.map_or(String::new(), |item| format!(", item {item}"));
        let failed = match (&run.stage, run.state) {
            (Some(name), _) => format!("{name}{item}"),
            (None, RunState::Failed) => "its deadline".to_owned(),
            (None, _) => String::new(),
        };
        table.add_row([
            run.run.to_string(),
            phrase::state(run.state).to_owned(),
            calendar::minute(run.started),
            runtime(run, now),
            run.entry_region.code().to_owned(),
            failed,
        ]);
    }
    if let Some(runtime) = table.column_mut(3) {
        runtime.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// How long a run took, or has taken so far.
pub(crate) fn runtime(run: &RunSummary, now: Timestamp) -> String {
    quantity::seconds(run.ended.unwrap_or(now).since(run.started).as_secs_f64())
}

/// The nodes of a run, a line each.
pub(crate) fn nodes(nodes: &[NodeDetail], run: RunState) -> Table {
    let mut table = table(&["stage", "region", "state", "attempt", "duration"]);
    for node in nodes {
        let reached = node.state != NodeState::Skipped;
        table.add_row([
            node.name.clone(),
            if reached { node.region.code().to_owned() } else { String::new() },
            standing(node, run),
            node.attempt.map_or(String::new(), |attempt| attempt.to_string()),
            node.duration_ms.map_or(String::new(), |duration| quantity::seconds(duration / 1e3)),
        ]);
    }
    align(table, 3)
}

/// How a node stands, in words.
fn standing(node: &NodeDetail, run: RunState) -> String {
    let mut words = match node.state {
        NodeState::Waiting if run == RunState::Running => "waiting",
        NodeState::Waiting => "not begun",
        NodeState::Skipped => "skipped",
        NodeState::Working => "working",
        NodeState::Lost => "lost: no attempt came to an outcome",
        NodeState::Done => "done",
        NodeState::Caught => "failed, which the workflow reads",
        NodeState::Failed => "failed",
        NodeState::Unreachable => "unknown: its region does not answer",
    }
    .to_owned();
    if let Some(items) = node.items {
        let total = items.total.map_or("?".to_owned(), |total| total.to_string());
        let _ = write!(words, ", {} of {total} items done", items.done);
    }
    if let Some(arrived) = node.arrived.filter(|arrived| *arrived > 0) {
        let _ = write!(words, ", {} arrived", phrase::count(arrived.into(), "value"));
    }
    words
}
