//! A solution as a table: hours of the same placement, what it is worth, and how far from the best it can be.

use caribou_control::difference::hours;
use caribou_control::quantity;
use caribou_model::{Graph, Hour, Placement, Region};
use caribou_solver::{HourSolution, Solution, StaysHome};
use comfy_table::Table;

use super::day::{Day, Worth};
use crate::{phrase, table};

/// Stages that are named in a row; of more, the number is told.
const NAMED: usize = 4;

/// Hours of the same placement for the same reason.
pub(super) struct Group<'s> {
    pub(super) hours: Vec<Hour>,
    pub(super) of: Vec<&'s HourSolution>,
}

pub(super) fn placements(graph: &Graph, solution: &Solution) -> Table {
    let header = ["hours, UTC", "where stages run", "carbon", "cost of 1,000", "p95 runtime", "answer"];
    let mut table = table::narrow(&header);
    let groups = groups(solution);
    for group in &groups {
        let Some(first) = group.of.first() else { continue };
        let place = where_stages_run(graph, &solution.home, &first.placement);
        let day = Day::of(&group.of.iter().copied(), solution.transmission);
        let [carbon, cost, runtime] = against_home(&day);
        table.add_row([hours(&group.hours), place, carbon, cost, runtime, answer(group)]);
    }
    if groups.len() > 1 {
        let [carbon, cost, runtime] = against_home(&Day::asked(solution));
        table.add_row(["all of these".to_owned(), String::new(), carbon, cost, runtime, String::new()]);
    }
    table::align_columns(table::unbroken(table, 2..5), 2..5)
}

/// The hours that were asked for, those of the same placement together.
pub(super) fn groups(solution: &Solution) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for hour in solution.hours.iter().filter(|hour| hour.stays_home != Some(StaysHome::NotAsked)) {
        let same = |known: &&HourSolution| {
            (&known.placement, known.stays_home, known.broken_soft_limits)
                == (&hour.placement, hour.stays_home, hour.broken_soft_limits)
        };
        match groups.iter_mut().find(|group| group.of.first().is_some_and(same)) {
            Some(group) => {
                group.hours.push(hour.hour);
                group.of.push(hour);
            }
            None => groups.push(Group { hours: vec![hour.hour], of: vec![hour] }),
        }
    }
    groups
}

/// Carbon, cost and runtime with their changes from home.
fn against_home(day: &Day) -> [String; 3] {
    let change = |figure: String, of: fn(&Worth) -> f64| {
        format!("{figure}\n{}", quantity::change(of(&day.at_home), of(&day.expected)))
    };
    [
        change(quantity::grams(day.expected.carbon_g), |worth| worth.carbon_g),
        change(quantity::usd_per_thousand(day.expected.cost_usd), |worth| worth.cost_usd),
        change(quantity::seconds(day.expected.runtime_p95_s), |worth| worth.runtime_p95_s),
    ]
}

/// How good the placement of a group is.
fn answer(group: &Group<'_>) -> String {
    let gap = group.of.iter().map(|hour| hour.gap).fold(0.0, f64::max);
    let Some(first) = group.of.first() else { return String::new() };
    let mut words = match first.stays_home {
        Some(reason) => format!("stays: {reason}"),
        None => proof(gap),
    };
    let is_certain = |reason| matches!(reason, StaysHome::NotAsked | StaysHome::NothingElsePermitted);
    if first.stays_home.is_some_and(|reason| !is_certain(reason)) && gap > 0.0 {
        words = format!("{words}; {}", proof(gap));
    }
    match first.broken_soft_limits {
        0 => words,
        broken => format!("{words}; breaks {}", phrase::count(broken as usize, "soft limit")),
    }
}

/// A gap in words, rounded up.
pub(super) fn proof(gap: f64) -> String {
    if gap < 1e-12 {
        return "proven best".to_owned();
    }
    let percent = gap * 100.0;
    let decimals: usize = match percent {
        _ if percent < 0.095 => 2,
        _ if percent < 9.5 => 1,
        _ => 0,
    };
    let scale = if decimals == 2 {
        100.0
    } else if decimals == 1 {
        10.0
    } else {
        1.0
    };
    // what is 0.1 % up to rounding is not told as 0.2 %
    let rounded = (percent * scale - 1e-6).ceil().max(1.0) / scale;
    format!("at most {rounded:.decimals$} % from the best")
}

/// Where every stage runs: the most in one place as `others`, where there are many.
pub(super) fn where_stages_run(graph: &Graph, home: &Region, placement: &Placement) -> String {
    let names = stage_names(graph);
    let mut regions: Vec<(&Region, Vec<&str>)> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Some(region) = placement.region_of(index) else { continue };
        match regions.iter_mut().find(|(known, _)| *known == region) {
            Some((_, stages)) => stages.push(name),
            None => regions.push((region, vec![name])),
        }
    }
    if let [(region, _)] = regions.as_slice() {
        return if *region == home { "all at home".to_owned() } else { format!("all in {}", region.code()) };
    }
    // the largest group comes last
    regions.sort_by_key(|(_, stages)| stages.len());
    let last = regions.len() - 1;
    let told = regions.iter().enumerate().map(|(index, (region, stages))| {
        let place = if *region == home { "at home".to_owned() } else { format!("in {}", region.code()) };
        match stages.len() {
            count if index == last && count > 1 => format!("the other {count} {place}"),
            count if count > NAMED => format!("{count} stages {place}"),
            _ => format!("{} {place}", stages.join(", ")),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The stages' names; those of the original without what all have in common, where the rest tells them apart.
pub(super) fn stage_names(graph: &Graph) -> Vec<String> {
    let names: Vec<&str> =
        graph.stages().map(|(id, _)| graph.node(id).map_or("?", |node| node.name.as_str())).collect();
    let prefix = format!("{}-{}-", graph.workflow, graph.version.replace('.', "_"));
    let short: Vec<&str> = names
        .iter()
        .map(|name| name.strip_prefix(&prefix).map_or(*name, |rest| rest.split(':').next().unwrap_or(rest)))
        .collect();
    let mut once = short.clone();
    once.sort_unstable();
    once.dedup();
    let chosen = if once.len() == names.len() { short } else { names };
    chosen.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_told_rounded_up() {
        assert_eq!(proof(0.0), "proven best");
        assert_eq!(proof(0.001), "at most 0.1 % from the best");
        assert_eq!(proof(0.000_951), "at most 0.1 % from the best");
        assert_eq!(proof(0.000_012), "at most 0.01 % from the best");
        assert_eq!(proof(0.0021), "at most 0.3 % from the best");
        assert_eq!(proof(0.113), "at most 12 % from the best");
    }
}
