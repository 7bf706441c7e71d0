//! Every bad input is refused, by name, with what to do.

use crate::fixture::{CLEAN, HOME, chain, graph, latencies, manifest, region, regions, workload};
use caribou_model::{Graph, LatencyTable, Manifest, Region, RegionFacts, Workload};
use caribou_solver::{Method, Problem, Settings, SolveError, solve};

struct Input {
    graph: Graph,
    workload: Workload,
    regions: Vec<RegionFacts>,
    latencies: LatencyTable,
    manifest: Manifest,
    month: u8,
}

/// The text of the error that a good input gives after one change.
fn fault(change: impl FnOnce(&mut Input)) -> String {
    let (graph, regions) = (graph(), regions());
    let mut input = Input {
        workload: workload(&graph, 5),
        latencies: latencies(&regions, 0.05),
        manifest: manifest(),
        month: 1,
        graph,
        regions,
    };
    change(&mut input);
    let Input { graph, workload, regions, latencies, manifest, month } = &input;
    Problem::new(graph, workload, regions, latencies, manifest, *month).unwrap_err().to_string()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{text}` does not say `{part}`");
    }
}

#[test]
fn a_workload_without_runs_is_refused() {
    says(&fault(|input| input.workload.runs.clear()), &["photo", "no runs", "learn"]);
}

#[test]
fn a_workload_of_another_version_is_refused() {
    says(&fault(|input| input.workload.version = "9.9.9".into()), &["9.9.9", "0.1.0"]);
}

#[test]
fn a_month_outside_of_the_year_is_refused() {
    says(&fault(|input| input.month = 13), &["13", "1 to 12"]);
}

#[test]
fn an_intensity_that_is_no_number_is_refused() {
    let text = fault(|input| input.regions[1].carbon.months[0][7] = f64::NAN);
    says(&text, &["ca-central-1", "07:00", "NaN"]);
}

#[test]
fn an_incomplete_profile_is_refused() {
    says(&fault(|input| input.regions[1].carbon.months.clear()), &["ca-central-1", "month 1"]);
}

#[test]
fn a_negative_price_is_refused() {
    let text = fault(|input| input.regions[0].prices.usd_per_request = -1.0);
    says(&text, &["usd_per_request", "us-east-1", "-1"]);
}

#[test]
fn a_speed_of_zero_is_refused() {
    says(&fault(|input| input.regions[2].relative_speed = 0.0), &["relative_speed", "us-west-2"]);
}

#[test]
fn a_region_without_facts_is_refused() {
    let text =
        fault(|input| input.manifest.regions.allow = vec![HOME.into(), Region::aws("eu-west-9").into()]);
    says(&text, &["eu-west-9", "caribou.toml"]);
    let text =
        fault(|input| input.workload.runs[3].stages[0].as_mut().unwrap().region = Region::aws("moon-1"));
    says(&text, &["moon-1", "run-3"]);
}

#[test]
fn facts_given_twice_are_refused() {
    says(&fault(|input| input.regions.push(region(HOME, 1.0))), &["us-east-1", "twice"]);
}

#[test]
fn a_function_that_may_not_run_at_home_is_refused() {
    says(&fault(|input| input.graph.functions[1].deny = vec![HOME]), &["`b`", "us-east-1"]);
}

#[test]
fn rules_for_a_function_that_does_not_exist_are_refused() {
    let text = fault(|input| {
        input.manifest.functions.insert("bb".into(), caribou_model::manifest::RegionRules::default());
    });
    says(&text, &["`bb`"]);
}

#[test]
fn an_unknown_distance_is_refused() {
    let text = fault(|input| input.latencies = LatencyTable::new());
    says(&text, &["us-east-1", "ca-central-1", "latency table"]);
}

#[test]
fn a_negative_round_trip_is_refused() {
    says(&fault(|input| input.latencies = latencies(&input.regions, -1.0)), &["-1 s"]);
}

#[test]
fn a_run_with_a_time_that_is_no_number_is_refused() {
    let text = fault(|input| input.workload.runs[2].stages[0].as_mut().unwrap().cpu_s = Some(f64::INFINITY));
    says(&text, &["run-2", "CPU time of `a`", "inf"]);
    says(&fault(|input| input.workload.runs[1].runtime_s = -1.0), &["run-1", "runtime is -1 s"]);
}

#[test]
fn a_run_with_a_hole_is_refused() {
    says(&fault(|input| input.workload.runs[0].edges[1] = None), &["run-0", "`b` ran, but no edge"]);
    says(&fault(|input| input.workload.runs[0].stages[1] = None), &["run-0", "`a` -> `b`"]);
    says(&fault(|input| drop(input.workload.runs[0].edges.pop())), &["run-0", "6 edges", "7"]);
}

#[test]
fn more_placements_than_the_limit_are_refused_with_both_counts() {
    let graph = chain(20);
    let regions = regions();
    let problem =
        Problem::new(&graph, &workload(&graph, 2), &regions, &latencies(&regions, 0.05), &manifest(), 1)
            .unwrap();
    let exhaustive = Settings { algorithm: Method::Exhaustive, ..Settings::default() };
    let error = solve(&problem, &exhaustive).unwrap_err();
    assert_eq!(error, SolveError::TooManyPlacements { placements: 3_u64.pow(20), limit: 1_000_000 });
    says(&error.to_string(), &["3486784401", "1000000", "exact"]);
    solve(&problem, &Settings { algorithm: Method::Coarse, ..Settings::default() }).unwrap();
}

#[test]
fn a_stage_keeps_to_the_regions_that_it_is_permitted() {
    let mut graph = graph();
    graph.functions[1].deny = vec![CLEAN];
    let regions = regions();
    let problem =
        Problem::new(&graph, &workload(&graph, 5), &regions, &latencies(&regions, 0.01), &manifest(), 1)
            .unwrap();
    assert_eq!(problem.placements(), 54);
    for hour in solve(&problem, &Settings::default()).unwrap().hours {
        assert_ne!(hour.placement.region_of(1), Some(&CLEAN));
        assert_eq!(hour.placement.region_of(0), Some(&CLEAN));
    }
}
