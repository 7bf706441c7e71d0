//! The report: one HTML page that needs nothing else, with the graph, the plan by hour and what it brought.

use std::fmt::Write;

use caribou_model::{Graph, Plan, Timestamp, Transmission};
use caribou_solver::Solution;
use serde::{Deserialize, Serialize};

use crate::account::Comparison;
use crate::calendar;
use crate::difference::Difference;
use crate::facts::Facts;
use crate::quantity;
use crate::text::escape;

mod drawing;
mod figures;
mod legend;
mod schedule;

use legend::Legend;

/// Everything that a report shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The workflow's graph.
    pub graph: &'a Graph,
    /// The plan, by hour.
    pub plan: &'a Plan,
    /// What the solver expects of it.
    pub solution: &'a Solution,
    /// What it changes.
    pub difference: &'a Difference,
    /// What was measured: probes against planned runs.
    pub comparison: Option<&'a Comparison>,
    /// What had to hold.
    pub checks: &'a [Check],
    /// Regions in play.
    pub facts: &'a Facts,
    /// When it was made.
    pub made: Timestamp,
}

/// Something that had to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What had to hold.
    pub name: String,
    /// Whether it did.
    pub held: bool,
    /// The figures behind it.
    pub detail: String,
}

impl Report<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let mut regions = vec![self.plan.home.clone()];
        let known = self.facts.regions.iter().map(|facts| facts.region.clone());
        for region in self.plan.regions().into_iter().chain(known) {
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        let legend = Legend::new(regions);
        let hour = self.difference.hour;
        let workflow = escape(&self.graph.workflow);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\">\n<title>{workflow} · Caribou</title>\n<style>\n{}</style>\n\
             </head>\n<body>\n<main>\n",
            include_str!("style.css")
        );
        let _ = write!(
            page,
            "<header><h1>{workflow} <small>version {}, plan of epoch {}, {}</small></h1>\n{}</header>\n",
            escape(&self.graph.version),
            self.plan.epoch,
            calendar::minute(self.made),
            self.tiles()
        );
        if let Some(comparison) = self.comparison {
            page.push_str("<h2>Before and after, as measured</h2>\n");
            page.push_str(
                "<p class=\"note\">Probes are runs that went wholly to the home region in the same period: the control \
                 group. Their requests are received where the plan has the first stage and forwarded home, which counts too. \
                 Below each figure its 95 % interval.</p>\n",
            );
            page.push_str(&figures::comparison(comparison, Some(&self.difference.now)));
        }
        if !self.checks.is_empty() {
            page.push_str("<h2>What had to hold</h2>\n");
            page.push_str(&figures::checks(self.checks));
        }
        let _ = write!(
            page,
            "<h2>The workflow</h2>\n<p class=\"note\">Each stage in the colour of its region at {hour} UTC; the strip below \
             it is its day, from 00:00 to 23:00 UTC. Dashed lines are taken in some runs only.</p>\n{}{}",
            legend.html(self.facts),
            drawing::draw(self.graph, self.plan, hour, &legend)
        );
        page.push_str("<h2>The plan, hour by hour</h2>\n");
        page.push_str(&schedule::table(
            self.graph,
            self.plan,
            self.solution.month,
            self.facts,
            &legend,
            hour,
        ));
        let _ = write!(
            page,
            "<h2>Expected carbon of a run, hour by hour</h2>\n<p class=\"note\">Wide bars: every stage at home. Narrow bars: \
             under the plan. {}.</p>\n{}",
            capitalised(schedule::case_name(self.solution.transmission)),
            schedule::chart(self.solution, hour)
        );
        page.push_str("<h2>What the plan changes</h2>\n<p class=\"note\">Expected changes per run; in a stage's row those that \
             its own move brings, the others being made.</p>\n");
        page.push_str(&figures::difference(self.difference, &legend));
        page.push_str(&self.notes());
        page.push_str("</main>\n</body>\n</html>\n");
        page
    }

    fn tiles(&self) -> String {
        let mut html = String::from("<div class=\"tiles\">\n");
        let mut tile = |value: String, class: &str, what: &str| {
            let _ = writeln!(
                html,
                "<div class=\"tile\"><b class=\"{class}\">{value}</b><span>{what}</span></div>"
            );
        };
        let (before, after, origin) = match self.comparison {
            Some(measured) => (measured.probes.figures, measured.planned.figures, "measured"),
            None => (self.difference.day.before, self.difference.day.after, "expected over the day"),
        };
        for (case, what) in [(Transmission::Best, "best"), (Transmission::Worst, "worst")] {
            let [home, plan] = [before, after].map(|figures| figures.carbon(case).mean.value);
            let class = if plan < home { "better" } else { "worse" };
            tile(
                quantity::change(home, plan),
                class,
                &format!("carbon, {what} case of transmission, {origin}"),
            );
        }
        let [home, plan] = [before.runtime.p95.value, after.runtime.p95.value];
        tile(
            quantity::change(home, plan),
            "",
            &format!("p95 runtime: {} → {}", quantity::seconds(home), quantity::seconds(plan)),
        );
        let moved =
            self.difference.moves.iter().map(|one| &one.stage).collect::<std::collections::BTreeSet<_>>();
        let stages = self.graph.stages().count();
        tile(format!("{} of {stages}", moved.len()), "", "stages leave their region in some hour");
        html.push_str("</div>\n");
        html
    }

    fn notes(&self) -> String {
        let solution = self.solution;
        let proven = solution.hours.iter().map(|hour| hour.gap).fold(0.0, f64::max);
        let gap = if proven > 0.0 {
            format!("at most {:.1} % above the optimum", proven * 100.0)
        } else {
            "proven optimal on the first objective".to_owned()
        };
        let priority: Vec<String> =
            solution.priority.iter().map(|metric| format!("{metric:?}").to_lowercase()).collect();
        format!(
            "<h2>How these figures come about</h2>\n<ul class=\"notes\">\n\
             <li>Operational carbon of execution: grid intensity of the region in this month and hour, times the energy of \
             processor (0.74 to 3.5 W per vCPU by utilisation, as measured in the process) and memory (0.3725 W/GB), times \
             the data centre's PUE.</li>\n\
             <li>Carbon of transmission: mean intensity of both ends' grids, times 0.001 kWh/GB everywhere (best case), or \
             0.005 kWh/GB between regions and nothing within one (worst case). The plan is optimised for the {}.</li>\n\
             <li>Grid intensities are hourly averages of past years by month; they are not live values.</li>\n\
             <li>Cost: list prices of function time and requests, messages, store, blobs and traffic between regions; free \
             tiers are not counted.</li>\n\
             <li>The plan: {} search over {} placements, scored on {} observed runs, {gap}; priority {}.</li>\n\
             <li>Runtime runs from the receipt of the request to the record of the result.</li>\n</ul>\n",
            schedule::case_name(solution.transmission),
            solution.algorithm,
            solution.placements,
            solution.samples,
            priority.join(", "),
        )
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use caribou_model::{Epoch, Hour, Manifest, Placement, Region};
    use caribou_solver::{Problem, Settings, solve};

    use super::*;
    use crate::account::Account;
    use crate::fixture::{HOME, diamond, lines};
    use crate::learn::{Limits, learn};
    use crate::telemetry::Log;

    fn page() -> String {
        let graph = diamond();
        let log = Log::read(&graph, lines("r1", 0).iter().map(String::as_str));
        let workload = learn(&graph, &log, Timestamp::from_millis(0), Limits::default()).workload;
        let quebec = Region::aws("ca-central-1");
        let facts =
            crate::facts::embedded().select(&[HOME, quebec.clone(), Region::aws("us-west-1")]).unwrap();
        let manifest = Manifest::at_home(HOME);
        let problem =
            Problem::new(&graph, &workload, &facts.regions, &facts.latencies, &manifest, 11).unwrap();
        let solution = solve(&problem, &Settings::default()).unwrap();
        let home = Plan::at_home(&graph, HOME);
        let mut plan = solution.plan(Epoch(1), Timestamp::from_millis(u64::MAX));
        plan.hours[3] = Placement::new(&[HOME, quebec, HOME]).unwrap();
        let difference = Difference::between(&problem, &home, &plan, Hour::new(8).unwrap()).unwrap();
        let mut accounts: Vec<Account> =
            workload.runs.iter().map(|run| Account::of(&graph, &HOME, &facts, run).unwrap()).collect();
        accounts.push(Account { probe: true, ..accounts[0].clone() });
        let comparison = Comparison::of(&accounts);
        let checks = [Check { name: "results <equal>".into(), held: true, detail: "1 of 1".into() }];
        Report {
            graph: &graph,
            plan: &plan,
            solution: &solution,
            difference: &difference,
            comparison: Some(&comparison),
            checks: &checks,
            facts: &facts,
            made: Timestamp::from_millis(1_668_342_300_000),
        }
        .html()
    }

    #[test]
    fn the_page_needs_nothing_from_outside() {
        let page = page();
        for outside in ["http:", "https:", "<script", "<link", "src=", "@import", "url(h"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn every_stage_is_drawn_and_scheduled_for_24_hours() {
        let page = page();
        for stage in ["a", "b", "c"] {
            assert!(page.contains(&format!("x=\"18\" y=\"21\">{stage}</text>")), "{stage}");
        }
        assert_eq!(page.matches("class=\"place\"").count(), 3 * 24);
    }

    #[test]
    fn text_from_outside_stays_text() {
        let page = page();
        assert!(page.contains("results &lt;equal&gt;") && page.contains("!(photo.large)"));
    }

    #[test]
    fn every_tag_that_opens_also_closes() {
        let page = page();
        for tag in [
            "div", "table", "tr", "td", "th", "svg", "g", "ul", "li", "main", "span", "b", "small", "text",
            "title",
        ] {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
