//! The plan by hour: a table of 24 columns, over the grids that explain it.

use std::fmt::Write;

use caribou_model::{Graph, Hour, Plan, Transmission};
use caribou_solver::Solution;

use super::legend::Legend;
use crate::facts::Facts;
use crate::quantity;
use crate::text::escape;

/// The table of stages by hour and of grids by hour.
pub(super) fn table(
    graph: &Graph,
    plan: &Plan,
    month: u8,
    facts: &Facts,
    legend: &Legend,
    now: Hour,
) -> String {
    let mut html = String::from("<div class=\"wide\"><table class=\"hours\">\n<thead><tr><th>UTC</th>");
    for hour in Hour::all() {
        let class = if hour == now { " class=\"now\"" } else { "" };
        let _ = write!(html, "<th{class}>{:02}</th>", hour.index());
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (index, (id, _)) in graph.stages().enumerate() {
        let name = graph.node(id).map_or("", |node| &node.name);
        let _ = write!(html, "<tr><th>{}</th>", escape(name));
        for hour in Hour::all() {
            let region = plan.placement(hour).and_then(|placement| placement.region_of(index));
            let region = region.unwrap_or(&plan.home);
            let _ = write!(
                html,
                "<td class=\"place\" style=\"background:{}\" title=\"{} at {hour} UTC: {}\">{}</td>",
                legend.colour(region),
                escape(name),
                escape(region.code()),
                legend.letter(region)
            );
        }
        html.push_str("</tr>\n");
    }
    html.push_str(
        "</tbody>\n<tbody class=\"grids\">\n<tr><th colspan=\"25\">Grid intensity, gCO₂eq/kWh</th></tr>\n",
    );
    let intensity = |region, hour| Some(facts.region(region)?.carbon.at(month, hour)?.value());
    let all = legend
        .regions()
        .iter()
        .flat_map(|region| Hour::all().filter_map(move |hour| intensity(region, hour)));
    let highest = all.fold(1.0, f64::max);
    for region in legend.regions() {
        let _ = write!(
            html,
            "<tr><th><b class=\"key\" style=\"background:{}\">{}</b> {}</th>",
            legend.colour(region),
            legend.letter(region),
            escape(region.code())
        );
        for hour in Hour::all() {
            match intensity(region, hour) {
                Some(grams) => {
                    let share = (grams / highest * 78.0).round();
                    let _ = write!(
                        html,
                        "<td style=\"background:color-mix(in srgb, var(--heat) {share:.0}%, transparent)\">{grams:.0}</td>"
                    );
                }
                None => html.push_str("<td>?</td>"),
            }
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

/// Expected carbon of a run by hour: at home, and under the plan.
pub(super) fn chart(solution: &Solution, now: Hour) -> String {
    const WIDTH: f64 = 960.0;
    const HEIGHT: f64 = 150.0;
    const BASE: f64 = HEIGHT - 22.0;
    const LEFT: f64 = 64.0;
    let case = solution.transmission;
    let figures = solution.hours.iter().map(|hour| {
        let [home, plan] = [&hour.at_home, &hour.expected].map(|figures| figures.carbon(case).mean.value);
        (hour.hour, home, plan)
    });
    let figures: Vec<_> = figures.collect();
    let highest = figures.iter().map(|&(_, home, plan)| home.max(plan)).fold(f64::MIN_POSITIVE, f64::max);
    let column = (WIDTH - LEFT) / 24.0;
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Expected carbon by hour\">\n\
         <text class=\"axis end-anchor\" x=\"{:.0}\" y=\"16\">{}</text><text class=\"axis end-anchor\" x=\"{:.0}\" \
         y=\"{BASE}\">0</text><line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{BASE}\" y2=\"{BASE}\"/>\n",
        LEFT - 8.0,
        quantity::grams(highest),
        LEFT - 8.0
    );
    for (hour, home, plan) in figures {
        let x = LEFT + column * hour.index() as f64;
        let height = |grams: f64| grams / highest * (BASE - 12.0);
        let told = format!(
            "{hour} UTC: {} at home, {} under the plan ({})",
            quantity::grams(home),
            quantity::grams(plan),
            quantity::change(home, plan)
        );
        let _ = writeln!(
            svg,
            "<g><title>{told}</title><rect class=\"home\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
             <rect class=\"plan\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
             <text class=\"axis{}\" x=\"{:.1}\" y=\"{:.0}\">{:02}</text></g>",
            x + 3.0,
            BASE - height(home),
            column - 6.0,
            height(home),
            x + 7.0,
            BASE - height(plan),
            column - 14.0,
            height(plan),
            if hour == now { " now" } else { "" },
            x + column / 2.0,
            HEIGHT - 6.0,
            hour.index()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A transmission case in words.
pub(super) fn case_name(case: Transmission) -> &'static str {
    match case {
        Transmission::Best => "best case of transmission",
        Transmission::Worst => "worst case of transmission",
    }
}
