//! What samples hold, whatever they were made from.

use crate::fixture::{CLEAN, HOME, OTHER, chain, graph, latencies, manifest, region, regions, workload};
use caribou_model::{Graph, Hour, Metric, NodeId, NodeKind, Region, Statistic, Transmission, Workload};
use caribou_solver::sample::{EdgeColumns, NodeColumns, SampleError, SamplesBuilder, SyncStart};
use caribou_solver::{Problem, Samples, Scorer, price_run};
use proptest::prelude::*;

/// The workload as if all its runs had been observed under a placement.
fn observed_at(graph: &Graph, mut workload: Workload, placement: &[Region]) -> Workload {
    let site = |id: NodeId| match graph.nodes[id.index()].kind {
        NodeKind::Result => HOME,
        _ => placement[graph.stage_index(graph.host(id).unwrap()).unwrap()].clone(),
    };
    for run in &mut workload.runs {
        run.entry = site(NodeId(0));
        for (stage, region) in run.stages.iter_mut().zip(placement) {
            let Some(stage) = stage else { continue };
            stage.region = region.clone();
            stage.billed_s = stage.duration_s + 2.0;
        }
        for (edge, sample) in graph.edges.iter().zip(&mut run.edges) {
            let Some(sample) = sample else { continue };
            (sample.from, sample.to, sample.latency_s) = (site(edge.from), site(edge.to), Some(0.7));
        }
    }
    workload
}

/// Mean and 95th percentile, plainly.
fn plainly(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_unstable_by(f64::total_cmp);
    let rank = 0.95 * (values.len() - 1) as f64;
    let [below, next] = [rank as usize, (rank as usize + 1).min(values.len() - 1)].map(|rank| values[rank]);
    [values.iter().sum::<f64>() / values.len() as f64, below + (next - below) * rank.fract()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Against every run's own price in double precision: single precision is enough.
    #[test]
    fn a_placement_is_scored_as_the_runs_that_were_observed_under_it(
        sites in prop::collection::vec(0..3_usize, 4), speeds in prop::collection::vec(0.7..1.5_f64, 2),
        runs in 1..400_usize, worst in any::<bool>(),
    ) {
        let graph = graph();
        let mut regions = regions();
        regions.iter_mut().skip(1).zip(speeds).for_each(|(facts, speed)| facts.relative_speed = speed);
        let placement: Vec<Region> = sites.iter().map(|&site| regions[site].region.clone()).collect();
        let workload = observed_at(&graph, workload(&graph, runs), &placement);
        let case = if worst { Transmission::Worst } else { Transmission::Best };
        let mut manifest = manifest();
        manifest.objectives.transmission = case;
        let latencies = latencies(&regions, 0.05);
        let problem = Problem::new(&graph, &workload, &regions, &latencies, &manifest, 6).unwrap();
        let samples = Samples::draw(&problem, runs, 3);
        let scorer = Scorer::new(&problem, &samples);
        let mut scratch = scorer.scratch();
        let indices: Vec<u8> = placement.iter().map(|r| problem.region_index(r).unwrap() as u8).collect();
        let mut score = scorer.evaluate(&indices, &mut scratch);
        let hour = Hour::new(12).unwrap();
        let prices: Vec<_> = workload.runs.iter()
            .map(|run| price_run(&graph, run, &regions, &HOME, 6, hour).unwrap()).collect();
        for metric in Metric::ALL {
            let expected = plainly(prices.iter().map(|price| match metric {
                Metric::Carbon => price.carbon(case).0,
                Metric::Cost => price.cost.0,
                Metric::Runtime => price.runtime.0,
            }).collect());
            for (statistic, expected) in [Statistic::Average, Statistic::P95].into_iter().zip(expected) {
                for hour in [12, 3] {
                    let value = score.value(metric, statistic, hour);
                    prop_assert!(
                        (value - expected).abs() <= 1e-5 * expected,
                        "{statistic:?} {metric:?} is {value}, not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_run_is_drawn_once_when_as_many_samples_are_asked_for(runs in 1..60_usize, seed in any::<u64>()) {
        let graph = chain(1);
        let mut workload = workload(&graph, runs);
        for (number, run) in workload.runs.iter_mut().enumerate() {
            run.runtime_s = 10.0 + (1_u64 << (number % 20)) as f64;
        }
        let regions = regions();
        let problem =
            Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest(), 6).unwrap();
        let samples = Samples::draw(&problem, runs, seed);
        prop_assert_eq!(samples.len(), runs);
        let scorer = Scorer::new(&problem, &samples);
        let mean = scorer.evaluate(&[0], &mut scorer.scratch()).value(Metric::Runtime, Statistic::Average, 0);
        let expected = workload.runs.iter().map(|run| run.runtime_s).sum::<f64>() / runs as f64;
        prop_assert!((mean - expected).abs() <= 1e-6 * expected, "{mean} is not {expected}");
    }
}

fn without_runs(graph: &Graph, regions: &[caribou_model::RegionFacts]) -> Problem {
    Problem::without_runs(graph, regions, &latencies(regions, 0.1), &manifest(), 6).unwrap()
}

/// Two samples of [`graph`] in which every stage takes a second anywhere, and every edge a tenth.
fn even(problem: &Problem) -> SamplesBuilder<'_> {
    let mut samples = SamplesBuilder::new(problem, 2);
    for (stage, _) in problem.graph().stages() {
        for region in 0..3 {
            let columns = NodeColumns { time_s: &[1.0, 1.0], kwh: &[1e-6, 2e-6], usd: &[1e-5, 2e-5] };
            samples.node(stage, region, columns).unwrap();
        }
    }
    for edge in 0..problem.graph().edges.len() {
        samples.edge(edge, EdgeColumns { latency_s: &[0.1, 0.1], trips: 2.0, gb: &[0.0, 0.0] }).unwrap();
    }
    samples
}

fn runtime(problem: &Problem, samples: &Samples, placement: [u8; 4]) -> f64 {
    let scorer = Scorer::new(problem, samples);
    scorer.evaluate(&placement, &mut scorer.scratch()).value(Metric::Runtime, Statistic::Average, 0)
}

#[track_caller]
fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-5, "{a} is not {b}");
}

#[test]
fn samples_from_elsewhere_are_scored_as_they_were_given() {
    let (graph, regions) = (graph(), regions());
    let problem = without_runs(&graph, &regions);
    assert!(Samples::draw(&problem, 10, 0).is_empty());
    let mut builder = even(&problem);
    builder.traffic(NodeId(1), &[2.0, 2.0]).unwrap();
    builder.edge_usd(0, 0, &[1e-3, 3e-3]).unwrap();
    let samples = builder.build().unwrap();
    close(runtime(&problem, &samples, [0; 4]), 3.4);
    close(runtime(&problem, &samples, [0, 1, 0, 0]), 3.4 + 2.0 * 0.2);
    let scorer = Scorer::new(&problem, &samples);
    let means = scorer.means(&[0; 4], &mut scorer.scratch());
    close(means.carbon[0] / (4.0 * 1.5e-6 * 400.0 + 2.0 * (0.00075 * 400.0 + 0.00025 * 410.0)), 1.0);
    close(means.cost / (4.0 * 1.5e-5 + 2e-3), 1.0);
}

#[test]
fn a_node_has_a_distribution_of_its_own_in_each_region_and_a_measured_latency_takes_no_round_trips() {
    let (graph, regions) = (graph(), regions());
    let problem = without_runs(&graph, &regions);
    let mut builder = even(&problem);
    builder.node(NodeId(2), 1, NodeColumns { time_s: &[5.0, 7.0], kwh: &[0.0; 2], usd: &[0.0; 2] }).unwrap();
    builder.measured_latency(1, 0, 1, &[0.5, 0.5]).unwrap();
    let samples = builder.build().unwrap();
    close(runtime(&problem, &samples, [0, 1, 0, 0]), 0.1 + 1.0 + 0.5 + 6.0 + 0.1 + 0.2 + 1.0 + 0.1);
    close(runtime(&problem, &samples, [0, 2, 0, 0]), 3.8);
}

#[test]
fn an_edge_may_depart_before_its_sender_ends() {
    let (graph, regions) = (graph(), regions());
    let problem = without_runs(&graph, &regions);
    let mut builder = even(&problem);
    for edge in 1..4 {
        builder.departure(edge, 0, &[0.25, 0.75]).unwrap();
    }
    let samples = builder.build().unwrap();
    close(runtime(&problem, &samples, [0; 4]), 0.1 + 0.5 + 0.1 + 1.0 + 0.1 + 1.0 + 0.1);
    close(runtime(&problem, &samples, [1, 1, 1, 1]), 3.4 + 0.2);
}

#[test]
fn a_sync_node_can_start_at_the_arrival_of_what_departed_last() {
    let (graph, regions) = (graph(), regions());
    let problem = without_runs(&graph, &regions);
    let mut builder = even(&problem);
    builder.node(NodeId(3), 0, NodeColumns { time_s: &[1.5, 1.5], kwh: &[0.0; 2], usd: &[0.0; 2] }).unwrap();
    builder.edge(4, EdgeColumns { latency_s: &[4.0, f64::NEG_INFINITY], trips: 0.0, gb: &[0.0; 2] }).unwrap();
    let last_arrival = builder.clone().build().unwrap();
    builder.sync_start(SyncStart::LastDeparture);
    let last_departure = builder.build().unwrap();
    let before = 0.1 + 1.0 + 0.1;
    let [late, early] = [1.0 + 4.0, 1.5 + 0.1].map(|then| before + then + 1.0 + 0.1);
    close(runtime(&problem, &last_arrival, [0; 4]), f64::midpoint(late, early));
    close(runtime(&problem, &last_departure, [0; 4]), early);
}

#[test]
fn bad_columns_are_refused_by_name() {
    let (graph, regions) = (graph(), regions());
    let problem = without_runs(&graph, &regions);
    let mut samples = even(&problem);
    let bad = NodeColumns { time_s: &[1.0, f64::NAN], kwh: &[0.0; 2], usd: &[0.0; 2] };
    let text = samples.node(NodeId(2), 1, bad).unwrap_err().to_string();
    assert!(text.contains("`b` in aws:ca-central-1") && text.contains("NaN in sample 1"), "{text}");
    let short = samples.traffic(NodeId(1), &[1.0]).unwrap_err();
    assert!(matches!(short, SampleError::Length { given: 1, len: 2, .. }), "{short}");
    let negative = samples.edge_usd(0, 0, &[-1.0, 0.0]).unwrap_err();
    assert!(matches!(negative, SampleError::Figure { sample: 0, .. }), "{negative}");
    assert!(matches!(samples.departure(1, 9, &[0.0; 2]), Err(SampleError::Unknown { .. })));
    assert!(matches!(samples.edge_usd(99, 0, &[0.0; 2]), Err(SampleError::Unknown { .. })));
    let missing = SamplesBuilder::new(&problem, 2).build().unwrap_err().to_string();
    assert!(missing.contains("`a` in aws:us-east-1"), "{missing}");
    assert_eq!(SamplesBuilder::new(&problem, 0).build().unwrap_err(), SampleError::Empty);
}

#[test]
fn a_hundred_stages_in_thirty_regions_fit_into_400_megabytes() {
    let graph = chain(100);
    let codes = (0..30).map(|number| format!("aws:r-{number}").parse::<Region>().unwrap());
    let regions: Vec<_> =
        [HOME, CLEAN, OTHER].into_iter().chain(codes.skip(3)).map(|code| region(code, 100.0)).collect();
    let workload = workload(&graph, 200);
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest(), 6).unwrap();
    let samples = Samples::draw(&problem, 200, 0);
    let bytes = samples.bytes() * 10;
    assert!(bytes < 400_000_000, "2,000 samples take {bytes} B");
}

#[test]
fn a_region_where_a_stage_ran_often_enough_has_the_ratio_that_was_measured() {
    let (graph, regions) = (chain(1), regions());
    let speed_of = |runs_away: usize| {
        let mut workload = workload(&graph, 40);
        for (number, run) in workload.runs.iter_mut().enumerate() {
            *run = crate::fixture::run(&graph, number, 1.0, 1000, &[0, 1]);
        }
        for run in workload.runs.iter_mut().take(runs_away) {
            let stage = run.stages[0].as_mut().unwrap();
            (stage.region, stage.duration_s, stage.billed_s) = (CLEAN, 1.5, 1.51);
            (run.edges[0].as_mut().unwrap().to, run.edges[1].as_mut().unwrap().from) = (CLEAN, CLEAN);
            run.runtime_s += 0.5;
        }
        let latencies = latencies(&regions, 0.0);
        let problem = Problem::new(&graph, &workload, &regions, &latencies, &manifest(), 6).unwrap();
        let samples = Samples::draw(&problem, 40, 0);
        let scorer = Scorer::new(&problem, &samples);
        let mut scratch = scorer.scratch();
        let mut runtime = |region: u8| {
            scorer.evaluate(&[region], &mut scratch).value(Metric::Runtime, Statistic::Average, 0)
        };
        runtime(1) - runtime(0)
    };
    close(speed_of(10), 0.5);
    close(speed_of(9), 0.0);
}

#[test]
fn what_a_run_did_not_measure_it_borrows_from_one_that_did() {
    let (graph, regions) = (chain(1), regions());
    let mut workload = workload(&graph, 300);
    for (number, run) in workload.runs.iter_mut().enumerate() {
        *run = crate::fixture::run(&graph, number, 1.0, 1000, &[0, 1]);
        let stage = run.stages[0].as_mut().unwrap();
        let measured = number < 2;
        stage.user_network_bytes = measured.then_some(number as u64 * 1_000_000_000);
    }
    let latencies = latencies(&regions, 0.05);
    let carbon = |workload: &Workload| {
        let problem = Problem::new(&graph, workload, &regions, &latencies, &manifest(), 6).unwrap();
        let samples = Samples::draw(&problem, 300, 0);
        let scorer = Scorer::new(&problem, &samples);
        scorer.means(&[0], &mut scorer.scratch()).carbon[0]
    };
    let borrowed = carbon(&workload);
    for run in &mut workload.runs {
        run.stages[0].as_mut().unwrap().user_network_bytes = Some(0);
    }
    let gigabytes = (borrowed - carbon(&workload)) / (0.00075 * 400.0 + 0.00025 * 410.0);
    assert!((gigabytes - 0.5).abs() < 0.1, "half of the runs should borrow a gigabyte: {gigabytes}");
}

#[test]
fn more_samples_than_runs_are_drawn_with_replacement_when_that_is_asked_for() {
    let (graph, regions) = (chain(1), regions());
    let workload = workload(&graph, 7);
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest(), 6).unwrap();
    let mean = |samples: &Samples| {
        let scorer = Scorer::new(&problem, samples);
        scorer.means(&[0], &mut scorer.scratch()).cost
    };
    let again = Samples::resample(&problem, 5000, 1);
    assert_eq!(again.len(), 5000);
    let ratio = mean(&again) / mean(&Samples::draw(&problem, 7, 1));
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
    assert!(Samples::resample(&without_runs(&graph, &regions), 5, 0).is_empty());
}

#[test]
fn what_seldom_runs_starts_cold_as_often_as_the_idle_lifetime_says() {
    let (graph, regions) = (chain(1), regions());
    let mut workload = workload(&graph, 400);
    for (number, run) in workload.runs.iter_mut().enumerate() {
        let cold = number % 10 == 0;
        let seconds = if cold { 3.0 } else { 1.0 };
        *run = crate::fixture::run(&graph, number, seconds, 1000, &[0, 1]);
        run.runtime_s = seconds + 0.2;
        run.stages[0].as_mut().unwrap().cold = cold;
    }
    let mut manifest = manifest();
    manifest.runs.probe_share = 0.5;
    let seconds = |runs_per_month: Option<f64>, region: u8| {
        let problem =
            Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.0), &manifest, 6).unwrap();
        let problem = runs_per_month.map_or(problem.clone(), |count| problem.expecting(count).unwrap());
        let samples = Samples::draw(&problem, 400, 0);
        let scorer = Scorer::new(&problem, &samples);
        scorer.evaluate(&[region], &mut scorer.scratch()).value(Metric::Runtime, Statistic::Average, 0)
    };
    close(seconds(None, 0), 1.4);
    close(seconds(Some(1e6), 0), 1.2);
    close(seconds(Some(1e-3), 0), 3.2);
    let once_an_hour = [seconds(Some(730.0), 0), seconds(Some(730.0), 1)];
    for (found, share) in once_an_hour.into_iter().zip([(-0.45_f64).exp(), (-0.225_f64).exp()]) {
        assert!((found - 1.2 - 2.0 * share).abs() < 0.15, "{found} with {share} of cold starts");
    }
    let problem = Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.0), &manifest, 6).unwrap();
    for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let text = problem.clone().expecting(nonsense).unwrap_err().to_string();
        assert!(text.contains("a number above 0"), "{text}");
    }
}

#[test]
fn a_plan_as_deployed_has_its_probes_at_home() {
    let graph = graph();
    let regions = regions();
    let mut manifest = manifest();
    let workload = workload(&graph, 200);
    let mut figures = |share: f64| {
        manifest.runs.probe_share = share;
        let problem =
            Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.5), &manifest, 6).unwrap();
        let samples = Samples::draw(&problem, 200, 0);
        let scorer = Scorer::new(&problem, &samples);
        let mut scratch = scorer.scratch();
        let [plan, home] = [1, 0].map(|region| scorer.figures(&[region; 4], &[5], &mut scratch)[0]);
        (scorer.deployed(&[1; 4], &[5], &mut scratch)[0], plan, home)
    };
    let (deployed, plan, _) = figures(0.0);
    for (a, b) in [(deployed.carbon_worst, plan.carbon_worst), (deployed.runtime, plan.runtime)] {
        close(a.mean.value / b.mean.value, 1.0);
        close(a.p95.value / b.p95.value, 1.0);
    }
    let (deployed, plan, home) = figures(0.25);
    for of in [
        |figures: &caribou_solver::Figures| figures.carbon_best,
        |figures: &caribou_solver::Figures| figures.cost,
        |figures: &caribou_solver::Figures| figures.runtime,
    ] {
        let [deployed, plan, home] = [&deployed, &plan, &home].map(of);
        close(deployed.mean.value / (0.75 * plan.mean.value + 0.25 * home.mean.value), 1.0);
        let between = plan.p95.value.min(home.p95.value)..=plan.p95.value.max(home.p95.value);
        assert!(between.contains(&deployed.p95.value), "{} not in {between:?}", deployed.p95.value);
    }
}

#[test]
fn carbon_free_energy_counts_where_that_is_asked_for() {
    let (graph, mut regions) = (chain(1), regions());
    regions[1].carbon_free = 0.25;
    let workload = workload(&graph, 5);
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest(), 6).unwrap();
    let carbon = |problem: &Problem, region: u8| {
        let samples = Samples::draw(problem, 5, 0);
        let scorer = Scorer::new(problem, &samples);
        scorer.means(&[region], &mut scorer.scratch()).carbon[0]
    };
    let counted = problem.clone().counting_carbon_free();
    close(carbon(&counted, 0) / carbon(&problem, 0), 1.0);
    let ratio = carbon(&counted, 1) / carbon(&problem, 1);
    assert!((0.75..0.95).contains(&ratio), "all but the other ends' grids falls by a quarter: {ratio}");
    regions[1].carbon_free = 1.1;
    let text = Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest(), 6)
        .unwrap_err()
        .to_string();
    assert!(text.contains("carbon_free"), "{text}");
}

#[test]
fn the_items_of_a_map_are_all_billed_and_pass_at_the_same_time() {
    let mut graph = chain(3);
    graph.functions.truncate(2);
    graph.nodes[2].kind = NodeKind::Stage { function: 1, each: true, caught: false };
    graph.nodes[3].kind = NodeKind::Collect { of: NodeId(2), host: NodeId(2) };
    graph.nodes[3].slots = 2;
    graph.edges[2].slot = 1;
    let around = caribou_model::Edge { from: NodeId(1), slot: 0, ..graph.edges[2].clone() };
    graph.edges.insert(2, around);
    graph.validate().unwrap();
    let mut workload = workload(&graph, 1);
    let mut run = crate::fixture::run(&graph, 0, 1.0, 0, &[0, 1, 2, 3, 4]);
    let map = run.stages[1].as_mut().unwrap();
    (map.billed_s, map.cpu_s, map.attempts) = (8.0, Some(4.0), 8);
    workload.runs = vec![run];
    let mut regions = regions();
    regions[1].relative_speed = 0.5;
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.0), &manifest(), 6).unwrap();
    let samples = Samples::draw(&problem, 1, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let [home, slow] = [[0, 0], [0, 1]].map(|placement| {
        let mut score = scorer.evaluate(&placement, &mut scratch);
        [score.value(Metric::Runtime, Statistic::Average, 0), score.means().cost]
    });
    close(home[0], 5.0);
    close(slow[0] - home[0], 1.0);
    let eight_seconds = 8.0 * 1769.0 / 1024.0 * 1.66667e-5;
    assert!((slow[1] - home[1] - eight_seconds).abs() < 1e-9, "{} and {}", slow[1], home[1]);
}

#[test]
fn a_map_beside_a_slower_stage_is_not_waited_for_as_long_as_it_is_billed() {
    let mut graph = chain(3);
    graph.functions.truncate(3);
    graph.nodes[2].kind = NodeKind::Stage { function: 1, each: true, caught: false };
    graph.nodes.insert(3, graph.nodes[3].clone());
    graph.nodes[3].name = "collect".into();
    graph.nodes[3].kind = NodeKind::Collect { of: NodeId(2), host: NodeId(2) };
    graph.nodes[3].slots = 2;
    graph.nodes[4].slots = 1;
    let beside = graph.nodes[4].clone();
    graph.nodes.insert(5, beside);
    graph.nodes[4].name = "beside".into();
    graph.nodes[4].kind = NodeKind::stage(2);
    graph.nodes[5].name = "last".into();
    graph.nodes[5].kind = NodeKind::Gate { host: NodeId(4) };
    graph.nodes[5].slots = 2;
    let template = graph.edges[0].clone();
    graph.edges = [(0, 1, 0), (1, 2, 0), (1, 3, 0), (1, 4, 0), (2, 3, 1), (3, 5, 0), (4, 5, 1), (5, 6, 0)]
        .map(|(from, to, slot)| caribou_model::Edge {
            from: NodeId(from),
            to: NodeId(to),
            slot,
            ..template.clone()
        })
        .into();
    graph.validate().unwrap();
    let mut workload = workload(&graph, 1);
    let mut run = crate::fixture::run(&graph, 0, 1.0, 0, &[0, 1, 2, 3, 4, 5, 6, 7]);
    run.stages[1].as_mut().unwrap().billed_s = 50.0;
    run.stages[2].as_mut().unwrap().duration_s = 4.0;
    run.stages[2].as_mut().unwrap().billed_s = 4.0;
    workload.runs = vec![run];
    let mut regions = regions();
    regions[1].relative_speed = 0.5;
    let problem =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.0), &manifest(), 6).unwrap();
    let samples = Samples::draw(&problem, 1, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let mut seconds = |placement: [u8; 3]| {
        scorer.evaluate(&placement, &mut scratch).value(Metric::Runtime, Statistic::Average, 0)
    };
    let home = seconds([0; 3]);
    close(seconds([0, 0, 1]) - home, 4.0);
    close(seconds([0, 1, 0]) - home, 0.0);
}

#[test]
fn within_the_free_tier_time_requests_and_messages_cost_nothing_and_beyond_it_the_rest() {
    let (graph, regions) = (chain(1), regions());
    let mut workload = workload(&graph, 1);
    workload.runs = vec![crate::fixture::run(&graph, 0, 2.0, 1000, &[0, 1])];
    let whole =
        Problem::new(&graph, &workload, &regions, &latencies(&regions, 0.05), &manifest(), 6).unwrap();
    let cost = |problem: &Problem| {
        let samples = Samples::draw(problem, 1, 0);
        let scorer = Scorer::new(problem, &samples);
        scorer.means(&[0], &mut scorer.scratch()).cost
    };
    let counted = |runs: f64| {
        let tier = caribou_model::FreeTier { gb_s: 1e3, requests: 1e3, messages: 1e3 };
        cost(&whole.clone().expecting(runs).unwrap().counting_free_tier(&tier).unwrap())
    };
    let gb_s = 2.01 * 1769.0 / 1024.0;
    let free = |runs: f64| {
        1.66667e-5 * (1e3 / runs).min(gb_s) + 2e-7 * (1e3 / runs).min(2.0) + 5e-7 * (1e3 / runs).min(1.0)
    };
    for runs in [10.0, 300.0, 700.0, 5e6] {
        let (found, expected) = (counted(runs), cost(&whole) - free(runs));
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected} with {runs} runs");
    }
    let tier = caribou_model::FreeTier { gb_s: f64::NAN, ..caribou_model::FreeTier::AWS };
    let text = whole.clone().expecting(1.0).unwrap().counting_free_tier(&tier).unwrap_err().to_string();
    assert!(text.contains("free tier is NaN"), "{text}");
    assert!(whole.counting_free_tier(&caribou_model::FreeTier::AWS).is_err());
}
