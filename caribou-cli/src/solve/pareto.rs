//! What can be had of carbon, cost and runtime at once.

use std::fmt::Write as _;

use caribou_control::quantity;
use caribou_control::text::wrap;
use caribou_model::{Graph, Hour};
use caribou_solver::pareto::Point;
use caribou_solver::{Front, Settings, Solution, SolveError, pareto};

use super::placements::where_stages_run;
use super::source::Posed;
use crate::{phrase, table};

/// Limits on cost, and as many on runtime, between the extremes.
const LEVELS: usize = 3;

pub(super) fn front(posed: &Posed, settings: &Settings, hour: Hour) -> Result<Front, SolveError> {
    pareto(&posed.problem, &posed.samples, settings, hour, LEVELS)
}

pub(super) fn text(graph: &Graph, solution: &Solution, front: &Front) -> String {
    let mut table = table::narrow(&["carbon", "cost of 1,000", "runtime, mean", "where stages run", ""]);
    let planned = solution.hours.get(front.hour.index()).map(|hour| &hour.placement);
    for Point { placement, carbon_g, cost_usd, runtime_s } in &front.points {
        table.add_row([
            quantity::grams(*carbon_g),
            quantity::usd_per_thousand(*cost_usd),
            quantity::seconds(*runtime_s),
            where_stages_run(graph, &solution.home, placement),
            if Some(placement) == planned { "the plan".to_owned() } else { String::new() },
        ]);
    }
    let proof = if front.proven {
        "no placement is better than any of these in one and as good in the others"
    } else {
        "not proven: the search was cut short, so there may be better ones"
    };
    let mut text = "\n".to_owned();
    let count = phrase::count(front.points.len(), "compromise");
    let words = format!("{count} of carbon, cost and runtime per run at {} UTC; {proof}:", front.hour);
    wrap(&mut text, "", "", &words);
    let _ = write!(text, "{}", table::align_columns(table::unbroken(table, ..3), ..3));
    text
}
