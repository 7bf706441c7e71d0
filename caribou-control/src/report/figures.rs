//! The report's tables of figures.

use std::fmt::Write;

use caribou_solver::{Figures, Interval};

use super::Check;
use super::legend::Legend;
use crate::account::Comparison;
use crate::difference::{Change, Difference, hours};
use crate::quantity;
use crate::text::escape;

type Metric = (&'static str, fn(&Figures) -> Interval, fn(f64) -> String);

/// What the tables show, in order: name, figure, and how it is written.
const METRICS: [Metric; 5] = [
    ("Carbon, best case of transmission", |f| f.carbon_best.mean, quantity::grams),
    ("Carbon, worst case of transmission", |f| f.carbon_worst.mean, quantity::grams),
    ("Cost of 1,000 runs", |f| f.cost.mean, quantity::usd_per_thousand),
    ("Runtime, mean", |f| f.runtime.mean, quantity::seconds),
    ("Runtime, 95th percentile", |f| f.runtime.p95, quantity::seconds),
];

/// Probes against planned runs, as measured, beside what the solver expected.
pub(super) fn comparison(comparison: &Comparison, expected: Option<&Change>) -> String {
    let (probes, planned) = (&comparison.probes, &comparison.planned);
    let mut html = format!(
        "<div class=\"wide\"><table class=\"figures\"><thead><tr><th>per run</th><th>at home<small>{} probes</small></th>\
         <th>under the plan<small>{} runs</small></th><th>change</th>{}</tr></thead>\n<tbody>\n",
        probes.runs,
        planned.runs,
        if expected.is_some() { "<th>expected<small>by the solver</small></th>" } else { "" }
    );
    for (name, figure, write) in METRICS {
        let [before, after] = [probes, planned].map(|group| figure(&group.figures));
        let _ = write!(
            html,
            "<tr><th>{name}</th><td>{}</td><td>{}</td><td class=\"{}\">{}</td>",
            with_interval(before, write),
            with_interval(after, write),
            direction(before.value, after.value),
            quantity::change(before.value, after.value)
        );
        if let Some(change) = expected {
            let [before, after] = [change.before, change.after].map(|figures| figure(&figures).value);
            let _ = write!(html, "<td>{}</td>", quantity::change(before, after));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn with_interval(interval: Interval, write: fn(f64) -> String) -> String {
    format!("{}<small>{} … {}</small>", write(interval.value), write(interval.low), write(interval.high))
}

/// The class of a change; one that rounds to nothing is neither better nor worse.
fn direction(before: f64, after: f64) -> &'static str {
    if quantity::change(before, after) == quantity::change(before, before) {
        "same"
    } else if after < before {
        "better"
    } else {
        "worse"
    }
}

/// The stages that move, and what each move and all of them bring.
pub(super) fn difference(difference: &Difference, legend: &Legend) -> String {
    if difference.moves.is_empty() {
        return "<p>Every stage stays where it is.</p>\n".to_owned();
    }
    let mut html = String::from(
        "<div class=\"wide\"><table class=\"figures\"><thead><tr><th>stage</th><th>from</th><th>to</th><th>hours, \
         UTC</th><th>carbon</th><th>cost</th><th>p95 runtime</th></tr></thead>\n<tbody>\n",
    );
    for one in &difference.moves {
        let [from, to] = [&one.from, &one.to].map(|region| {
            let key = format!(
                "<b class=\"key\" style=\"background:{}\">{}</b>",
                legend.colour(region),
                legend.letter(region)
            );
            format!("{key} {}", escape(region.code()))
        });
        let _ = writeln!(
            html,
            "<tr><th>{}</th><td>{from}</td><td>{to}</td><td>{}</td>{}</tr>",
            escape(&one.stage),
            hours(&one.hours),
            changes(&one.change)
        );
    }
    let now = difference.hour;
    for (name, change) in
        [(format!("all, at {now} UTC"), &difference.now), ("all, over the day".into(), &difference.day)]
    {
        let _ = writeln!(html, "<tr class=\"sum\"><th colspan=\"4\">{name}</th>{}</tr>", changes(change));
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn changes(change: &Change) -> String {
    let metrics: [fn(&Figures) -> f64; 3] =
        [|f| f.carbon_best.mean.value, |f| f.cost.mean.value, |f| f.runtime.p95.value];
    metrics.iter().fold(String::new(), |mut cells, metric| {
        let (before, after) = (metric(&change.before), metric(&change.after));
        let _ = write!(
            cells,
            "<td class=\"{}\">{}</td>",
            direction(before, after),
            quantity::change(before, after)
        );
        cells
    })
}

/// What had to hold, and whether it did.
pub(super) fn checks(checks: &[Check]) -> String {
    let mut html = String::from("<ul class=\"checks\">\n");
    for check in checks {
        let (class, mark) = if check.held { ("held", "✓") } else { ("broken", "✗") };
        let _ = writeln!(
            html,
            "<li class=\"{class}\"><b>{mark}</b> {} <span>{}</span></li>",
            escape(&check.name),
            escape(&check.detail)
        );
    }
    html.push_str("</ul>\n");
    html
}
