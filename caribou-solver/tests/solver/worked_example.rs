//! One run, priced by the models and by hand.

use crate::fixture::{CLEAN, HOME, chain, latencies, manifest, region, run, workload};
use caribou_model::{Hour, Limit, Metric, Statistic, Strictness, Transmission};
use caribou_solver::{Problem, Samples, Scorer, Settings, price_run, solve};

const CLOSE: f64 = 1e-12;
/// Samples of times are kept in single precision: to a microsecond in ten seconds.
const CLOSE_S: f64 = 1e-6;

fn hour() -> Hour {
    Hour::new(12).unwrap()
}

#[test]
fn a_run_of_one_stage_costs_what_a_hand_computes() {
    let graph = chain(1);
    let run = run(&graph, 1, 2.0, 500_000, &[0, 1]);
    let price = price_run(&graph, &run, &[region(HOME, 400.0)], &HOME, 6, hour()).unwrap();

    let (gb, billed_s, cpu_s) = (1769.0 / 1024.0, 2.01, 1.6);
    let kwh = ((0.74 + 0.3725 * gb) * billed_s + (3.5 - 0.74) * cpu_s) / 3.6e6 * 1.1;
    assert!((price.stages[0].as_ref().unwrap().energy.0 - kwh).abs() < CLOSE);
    assert!((price.execution.0 - kwh * 400.0).abs() < CLOSE);

    let from_client = [0.001, 0.005].map(|kwh_per_gb| 0.0005 * kwh_per_gb * (400.0 + 410.0) / 2.0);
    let two_edges = 2.0 * 0.0005 * 0.001 * 400.0;
    assert!((price.carbon_best.0 - (kwh * 400.0 + from_client[0] + two_edges)).abs() < CLOSE);
    assert!((price.carbon_worst.0 - (kwh * 400.0 + from_client[1])).abs() < CLOSE);

    let entry = 2e-7 + 2.0 * 6.25e-7;
    let blob = 5e-6 + 4e-7;
    let stage = gb * 1.66667e-5 * billed_s + 2e-7 + 1.25e-7 + 3.0 * 6.25e-7;
    let message = 5e-7 + blob;
    let record = 6.25e-7 + blob;
    assert!((price.cost.0 - (entry + stage + message + record)).abs() < CLOSE, "{}", price.cost);
    assert_eq!(price.runtime, caribou_model::Seconds(10.0));
}

#[test]
fn the_home_plan_is_estimated_as_its_runs_were_observed() {
    let graph = crate::fixture::graph();
    let workload = workload(&graph, 30);
    let regions = crate::fixture::regions();
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest(), 6).unwrap();
    let solution = solve(&problem, &Settings::default()).unwrap();
    let home = &solution.hours[12].at_home;

    let prices: Vec<_> =
        workload.runs.iter().map(|run| price_run(&graph, run, &regions, &HOME, 6, hour()).unwrap()).collect();
    let mean = |of: &dyn Fn(&caribou_solver::RunPrice) -> f64| {
        prices.iter().map(of).sum::<f64>() / prices.len() as f64
    };
    assert!((home.carbon_best.mean.value - mean(&|price| price.carbon_best.0)).abs() < CLOSE);
    assert!((home.carbon_worst.mean.value - mean(&|price| price.carbon_worst.0)).abs() < CLOSE);
    assert!((home.cost.mean.value - mean(&|price| price.cost.0)).abs() < CLOSE);
    assert!((home.runtime.mean.value - mean(&|price| price.runtime.0)).abs() < CLOSE_S);
}

#[test]
fn a_run_observed_across_regions_is_estimated_as_it_was_observed() {
    let graph = chain(2);
    let mut observed = run(&graph, 1, 1.0, 500_000, &[0, 1, 2]);
    observed.entry = CLEAN;
    for stage in observed.stages.iter_mut().flatten() {
        stage.region = CLEAN;
        stage.billed_s = 1.3;
    }
    for edge in observed.edges.iter_mut().flatten() {
        (edge.from, edge.to) = (CLEAN, CLEAN);
    }
    let record = observed.edges[2].as_mut().unwrap();
    (record.to, record.latency_s) = (HOME, Some(0.06));
    let mut workload = workload(&graph, 1);
    workload.runs = vec![observed];

    let regions = crate::fixture::regions();
    let mut manifest = manifest();
    manifest.regions.allow = vec![HOME.into(), CLEAN.into()];
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest, 6).unwrap();
    let expected = solve(&problem, &Settings::default()).unwrap().hours[12].expected;
    let price = price_run(&graph, &workload.runs[0], &regions, &HOME, 6, hour()).unwrap();
    assert!((expected.carbon_best.mean.value - price.carbon_best.0).abs() < CLOSE);
    assert!((expected.carbon_worst.mean.value - price.carbon_worst.0).abs() < CLOSE);
    assert!((expected.cost.mean.value - price.cost.0).abs() < CLOSE);
    assert!((expected.runtime.mean.value - price.runtime.0).abs() < CLOSE_S);
}

#[test]
fn a_stage_in_another_region_waits_for_the_round_trips_between() {
    let graph = chain(1);
    let mut workload = workload(&graph, 1);
    workload.runs = vec![run(&graph, 1, 1.0, 1000, &[0, 1])];
    let regions = vec![region(HOME, 400.0), region(CLEAN, 30.0)];
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.08), &manifest(), 6).unwrap();
    let hour = &solve(&problem, &Settings::default()).unwrap().hours[0];
    assert_eq!(hour.placement.region_of(0), Some(&CLEAN));
    let waited = hour.expected.runtime.mean.value - hour.at_home.runtime.mean.value;
    assert!((waited - 0.08).abs() < CLOSE_S, "the run record takes one round trip, not {waited}");
}

#[test]
fn a_hard_limit_that_moving_would_break_keeps_the_workflow_at_home_and_says_so() {
    let graph = crate::fixture::graph();
    let regions = crate::fixture::regions();
    let mut manifest = manifest();
    manifest.constraints.push(caribou_model::Constraint {
        metric: Metric::Runtime,
        statistic: Statistic::P95,
        limit: Limit::RelativeToHome(1.0),
        strictness: Strictness::Hard,
    });
    let latencies = latencies(&regions, 0.2);
    let workload = workload(&graph, 30);
    let problem = Problem::new(&graph, &workload, &regions, &latencies, &manifest, 6).unwrap();
    let solution = solve(&problem, &Settings::default()).unwrap();
    let why = solution.hours[0].stays_home.unwrap();
    assert!(matches!(why, caribou_solver::StaysHome::LimitForbids { .. }), "{why}");

    manifest.constraints[0].strictness = Strictness::Soft;
    manifest.constraints[0].limit = Limit::Absolute(1e-6);
    let problem = Problem::new(&graph, &workload, &regions, &latencies, &manifest, 6).unwrap();
    let solution = solve(&problem, &Settings::default()).unwrap();
    assert_eq!(solution.hours[0].broken_soft_limits, 1);
    assert_eq!(solution.hours[0].stays_home, None);

    manifest.constraints[0].strictness = Strictness::Hard;
    let problem = Problem::new(&graph, &workload, &regions, &latencies, &manifest, 6).unwrap();
    let error = solve(&problem, &Settings::default()).unwrap_err().to_string();
    assert!(error.contains("the home plan itself breaks a hard limit"), "{error}");
}

#[test]
fn the_worst_case_of_transmission_can_be_what_is_optimised() {
    let graph = chain(2);
    let mut workload = workload(&graph, 1);
    let mut heavy = run(&graph, 1, 0.001, 2_000_000_000, &[0, 1, 2]);
    heavy.client_bytes = 0;
    workload.runs = vec![heavy];
    let regions = vec![region(HOME, 400.0), region(CLEAN, 380.0)];
    let mut manifest = manifest();
    let solved = |manifest: &_| {
        let problem =
            Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.01), manifest, 1).unwrap();
        solve(&problem, &Settings::default()).unwrap().hours[0].stays_home.is_some()
    };
    assert!(!solved(&manifest));
    manifest.objectives.transmission = Transmission::Worst;
    assert!(solved(&manifest));
}

/// `a` and `b` in parallel, then a gate that sends to `c` in some runs and straight to the result in the others.
fn gated() -> caribou_model::Graph {
    use caribou_model::{NodeId, NodeKind};
    let mut graph = crate::fixture::graph();
    graph.functions.truncate(3);
    graph.nodes.remove(3);
    graph.nodes[3].name = "gate#1".into();
    graph.nodes[3].kind = NodeKind::Gate { host: NodeId(4) };
    let mut c = graph.nodes[2].clone();
    (c.name, c.kind) = ("c".into(), NodeKind::stage(2));
    graph.nodes.insert(4, c);
    let template = graph.edges[0].clone();
    graph.edges = [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 1), (3, 4, 0), (3, 5, 0), (4, 5, 0)]
        .map(|(from, to, slot)| caribou_model::Edge {
            from: NodeId(from),
            to: NodeId(to),
            slot,
            ..template.clone()
        })
        .into();
    graph.validate().unwrap();
    graph
}

#[test]
fn a_gate_costs_a_request_two_writes_and_its_trigger_and_runs_where_its_host_does() {
    let graph = gated();
    let mut workload = workload(&graph, 1);
    workload.runs =
        vec![run(&graph, 1, 1.0, 1000, &[0, 1, 2, 3, 4, 6]), run(&graph, 2, 1.0, 1000, &[0, 1, 2, 3, 5])];
    let regions = crate::fixture::regions();
    let [with, without] =
        [0, 1].map(|n| price_run(&graph, &workload.runs[n], &regions, &HOME, 6, hour()).unwrap());
    let of_one_node = 2e-7 + 2.0 * 6.25e-7;
    for price in [&with, &without] {
        assert!((price.overhead.cost.0 - (2.0 * of_one_node + 5e-7)).abs() < CLOSE, "{:?}", price.overhead);
    }
    assert!(with.stages[2].is_some() && without.stages[2].is_none());

    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.01), &manifest(), 6).unwrap();
    let home = solve(&problem, &Settings::default()).unwrap().hours[12].at_home;
    assert!((home.cost.mean.value - f64::midpoint(with.cost.0, without.cost.0)).abs() < CLOSE);
    assert!((home.runtime.mean.value - f64::midpoint(with.runtime.0, without.runtime.0)).abs() < CLOSE_S);
}

#[test]
fn a_stage_that_never_ran_stays_at_home() {
    let graph = crate::fixture::graph();
    let mut workload = workload(&graph, 1);
    workload.runs = vec![run(&graph, 1, 1.0, 1000, &[0, 1, 3, 4, 6])];
    let regions = crate::fixture::regions();
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.01), &manifest(), 6).unwrap();
    let placement = &solve(&problem, &Settings::default()).unwrap().hours[0].placement;
    assert_eq!(placement.region_of(1), Some(&CLEAN));
    assert_eq!(placement.region_of(2), Some(&HOME));
}

#[test]
fn a_message_travels_half_a_round_trip_and_an_arrival_at_a_sync_node_two_and_a_half() {
    let graph = crate::fixture::graph();
    let mut workload = workload(&graph, 1);
    workload.runs = vec![run(&graph, 1, 1.0, 1000, &[0, 1, 2, 4, 5, 6])];
    let regions = crate::fixture::regions();
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.1), &manifest(), 6).unwrap();
    let samples = Samples::draw(&problem, 1, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let clean = problem.region_index(&CLEAN).unwrap() as u8;
    let mut runtime = |placement: [u8; 4]| {
        scorer.evaluate(&placement, &mut scratch).value(Metric::Runtime, Statistic::Average, 0)
    };
    let home = runtime([0; 4]);
    assert!((runtime([0, clean, 0, 0]) - home - 0.05 - 0.25).abs() < CLOSE_S);
    assert!(
        (runtime([clean, 0, 0, 0]) - home - 0.05).abs() < CLOSE_S,
        "the client sends straight to the first stage"
    );
    assert!((runtime([0, 0, 0, clean]) - home - 0.25 - 0.1).abs() < CLOSE_S, "and the run record goes home");
}
