//! What a solution is worth over the hours that were asked for.

use caribou_control::quantity;
use caribou_model::Transmission;
use caribou_solver::{Figures, HourSolution, Solution, StaysHome};
use comfy_table::Table;
use serde::Serialize;

use crate::table;

/// Means over hours of what is expected of one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Day {
    pub(super) at_home: Worth,
    pub(super) expected: Worth,
}

/// What is expected of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Worth {
    /// gCO2eq, with the transmission that was optimised.
    pub(super) carbon_g: f64,
    /// USD.
    pub(super) cost_usd: f64,
    /// The 95th percentile, in seconds.
    pub(super) runtime_p95_s: f64,
}

impl Day {
    pub(super) fn of<'s>(
        hours: &(impl Iterator<Item = &'s HourSolution> + Clone),
        transmission: Transmission,
    ) -> Self {
        let worth = |of: fn(&HourSolution) -> &Figures| {
            let count = hours.clone().count().max(1) as f64;
            let mean = |metric: &dyn Fn(&Figures) -> f64| {
                hours.clone().map(|hour| metric(of(hour))).sum::<f64>() / count
            };
            Worth {
                carbon_g: mean(&|figures| figures.carbon(transmission).mean.value),
                cost_usd: mean(&|figures| figures.cost.mean.value),
                runtime_p95_s: mean(&|figures| figures.runtime.p95.value),
            }
        };
        Self { at_home: worth(|hour| &hour.at_home), expected: worth(|hour| &hour.expected) }
    }

    /// Over all hours that were asked for.
    pub(super) fn asked(solution: &Solution) -> Self {
        let asked = solution.hours.iter().filter(|hour| hour.stays_home != Some(StaysHome::NotAsked));
        Self::of(&asked, solution.transmission)
    }
}

/// One solution against another: per run, and for all runs of a day where their number is known.
pub(super) fn comparison(answer: &Solution, what_if: &Solution, runs_per_month: Option<u64>) -> Table {
    /// Days of a month on average.
    const DAYS: f64 = 365.0 / 12.0;
    type Row = (&'static str, fn(&Worth) -> f64, fn(f64) -> String, bool);
    const ROWS: [Row; 3] = [
        ("carbon (CO2eq)", |worth| worth.carbon_g, quantity::grams, true),
        ("cost of 1,000 runs", |worth| worth.cost_usd, quantity::usd_per_thousand, true),
        ("runtime, p95", |worth| worth.runtime_p95_s, quantity::seconds, false),
    ];
    let runs_per_day = runs_per_month.map(|runs| runs as f64 / DAYS);
    let (answer, what_if) = (Day::asked(answer), Day::asked(what_if));
    let mut header = vec!["expected per run", "at home", "above", "what if", "change"];
    if runs_per_day.is_some() {
        header.push("change of a day");
    }
    let mut table = table::table(&header);
    for (name, of, write, adds_up) in ROWS {
        let (now, then) = (of(&answer.expected), of(&what_if.expected));
        let mut row = vec![
            name.to_owned(),
            write(of(&answer.at_home)),
            write(now),
            write(then),
            quantity::change(now, then),
        ];
        if let Some(runs) = runs_per_day {
            // a percentile does not add up, and money of many runs is told as it is
            let change = (then - now) * runs;
            let change = if name.starts_with("cost") { change / 1000.0 } else { change };
            let sign = if change < 0.0 { '-' } else { '+' };
            row.push(if adds_up { format!("{sign}{}", write(change.abs())) } else { String::new() });
        }
        table.add_row(row);
    }
    table::align(table, 1)
}
