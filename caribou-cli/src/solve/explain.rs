//! Why every stage runs where it does.

use std::fmt::Write as _;

use caribou_control::difference::hours;
use caribou_control::quantity;
use caribou_control::text::wrap;
use caribou_model::{Graph, Hour, Metric, Region};
use caribou_solver::explain::{Alternative, BrokenLimit, Change, Held};
use caribou_solver::{Explanation, Solution, SolveError, explain};

use super::placements::{groups, stage_names};
use super::source::Posed;
use crate::table;

/// An explanation for the first of the hours of each placement.
pub(super) fn explanations(posed: &Posed, solution: &Solution) -> Result<Vec<Explanation>, SolveError> {
    let groups = groups(solution);
    let firsts = groups.iter().filter_map(|group| group.of.first());
    firsts.map(|first| explain(&posed.problem, &posed.samples, &first.placement, first.hour)).collect()
}

pub(super) fn text(graph: &Graph, solution: &Solution, explanation: &Explanation) -> String {
    let header = ["stage", "runs in", "carbon saved", "cost", "runtime", "next best", "held from"];
    let mut table = table::narrow(&header);
    let mut names = stage_names(graph).into_iter();
    for reason in &explanation.stages {
        let [carbon, cost, runtime] = gains(reason.at_home.as_ref());
        table.add_row([
            names.next().unwrap_or_else(|| reason.stage.clone()),
            reason.region.code().to_owned(),
            carbon,
            cost,
            runtime,
            reason.next_best.as_ref().map_or("none".to_owned(), told),
            held(&reason.held),
        ]);
    }
    let table = table::align_columns(table::unbroken(table, ..5), 2..5);
    let mut text = "\n".to_owned();
    let words = format!(
        "Why, at {} UTC{}: what each stage brings per run where it is, against home, and what another region would \
         change, all other stages being where they are.",
        explanation.hour,
        likewise(solution, explanation.hour)
    );
    wrap(&mut text, "", "", &words);
    let _ = write!(text, "{table}");
    text
}

/// The other hours with the same placement.
fn likewise(solution: &Solution, hour: Hour) -> String {
    let groups = groups(solution);
    let group = groups.iter().find(|group| group.hours.contains(&hour));
    let others: Vec<Hour> =
        group.into_iter().flat_map(|group| &group.hours).copied().filter(|other| *other != hour).collect();
    if others.is_empty() { String::new() } else { format!(" (likewise {})", hours(&others)) }
}

/// What a stage brings where it is, against home.
fn gains(at_home: Option<&Change>) -> [String; 3] {
    let Some(change) = at_home else { return std::array::from_fn(|_| "home".to_owned()) };
    [
        quantity::grams(change.carbon_g),
        signed(-change.cost_usd, quantity::usd_per_thousand),
        signed(-change.runtime_s, quantity::seconds),
    ]
}

/// A change with its sign, unless it is too small to show.
fn signed(value: f64, write: fn(f64) -> String) -> String {
    let size = write(value.abs());
    match value {
        _ if !size.contains(|digit: char| ('1'..='9').contains(&digit)) => size,
        _ if value < 0.0 => format!("-{size}"),
        _ => format!("+{size}"),
    }
}

/// Another region, and what it would change.
fn told(other: &Alternative) -> String {
    format!("{}\n{}", other.region.code(), signed(other.change.carbon_g, quantity::grams))
}

/// What holds a stage from a region that would be better for it.
fn held(held: &Held) -> String {
    let to = |region: &Region, change: &Change| {
        format!("{}\n{}, but", region.code(), signed(change.carbon_g, quantity::grams))
    };
    match held {
        Held::NoBetter => "nothing".to_owned(),
        Held::NotPermitted(region) => format!("{}\nnot permitted", region.code()),
        Held::Limit { region, change, limit: BrokenLimit { metric, statistic, limit, value } } => {
            let [value, limit] = [*value, *limit].map(|value| figure(*metric, value));
            format!(
                "{} {statistic} {metric} would be {value}, above the limit of {limit}",
                to(region, change)
            )
        }
        Held::Plan { region, change } => {
            format!("{} soft limits, tolerance or smoothness stand against it", to(region, change))
        }
    }
}

fn figure(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Carbon => quantity::grams(value),
        Metric::Cost => format!("{} for 1,000", quantity::usd_per_thousand(value)),
        Metric::Runtime => format!("{value:.3} s"),
    }
}
