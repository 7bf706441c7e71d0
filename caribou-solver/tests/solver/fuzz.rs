//! Whatever the input, it is refused with an error or every figure is a number.

use crate::fixture::{HOME, graph, latencies, manifest, regions, workload};
use caribou_model::{
    Constraint, Graph, LatencyTable, Limit, Manifest, Metric, NodeId, Region, RegionFacts, RoundTrip,
    Seconds, Statistic, Strictness, Workload,
};
use caribou_solver::{Problem, Samples, Scorer, price_run};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Input {
    graph: Graph,
    workload: Workload,
    regions: Vec<RegionFacts>,
    latencies: LatencyTable,
    manifest: Manifest,
    month: u8,
}

/// One change: what, where, and a figure.
type Change = (u8, usize, f64);

fn any_figure() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1.0,
            -0.0,
            0.0,
            1e-320,
            1e-30,
            1e6,
            1e30,
            f64::MAX,
        ]),
        -2.0..1e4_f64,
        any::<f64>(),
    ]
}

/// Makes a change, if what it changes is still there.
fn change(input: &mut Input, (what, at, figure): Change) {
    let whole = figure as u64;
    let (runs, edges) = (input.workload.runs.len(), input.graph.edges.len());
    if input.regions.len() < 3 || runs == 0 || input.workload.runs[at % runs].stages.len() < 4 || edges < 6 {
        return;
    }
    let region = &mut input.regions[at % 3];
    let run = &mut input.workload.runs[at % runs];
    let (stage_at, edge_at) = (at % 4, at % edges);
    match what {
        0 => region.pue = figure,
        1 => region.relative_speed = figure,
        2 => region.carbon.months.iter_mut().for_each(|month| month[at % 24] = figure),
        3 => region.carbon.months.truncate(at % 12),
        4 => region.prices.x86_usd_per_gb_s = figure,
        5 => region.prices.usd_per_gb_between_regions = figure,
        6 => region.prices.usd_per_blob_write = figure,
        7 => region.region = HOME,
        8 => run.runtime_s = figure,
        9 => run.client_bytes = whole,
        10 => run.entry = "aws:nowhere-1".parse().unwrap(),
        11 => run.stages[stage_at] = None,
        12 => run.stages.truncate(stage_at),
        13..=18 => {
            let Some(stage) = &mut run.stages[stage_at] else { return };
            match what {
                13 => stage.duration_s = figure,
                14 => stage.billed_s = figure,
                15 => stage.cpu_s = Some(figure),
                16 => stage.attempts = whole as u32,
                17 => stage.store_writes = whole as u32,
                _ => stage.user_network_bytes = Some(whole),
            }
        }
        19 => run.edges[edge_at] = None,
        20..=23 => {
            let Some(edge) = &mut run.edges[edge_at] else { return };
            match what {
                20 => edge.bytes = whole,
                21 => edge.count = whole as u32,
                22 => edge.latency_s = Some(figure),
                _ => edge.to = input.regions[at % 3].region.clone(),
            }
        }
        24 => {
            let round_trip = RoundTrip { p50: Seconds(figure), p90: Seconds(figure) };
            let [from, to] = [0, 1].map(|of| input.regions[(at + of) % 3].region.clone());
            input.latencies.insert(from, to, round_trip);
        }
        25 => input.latencies = LatencyTable::new(),
        26 => input.graph.edges[edge_at].to = NodeId((whole % 8) as u16),
        27 => input.graph.edges[edge_at].from = NodeId((whole % 8) as u16),
        28 => input.graph.edges[edge_at].slot = whole as _,
        29 => input.graph.nodes[at % 6].slots = whole as _,
        30 => drop(input.graph.edges.remove(edge_at)),
        31 => input.graph.functions[at % 4].memory_mb = whole as u32,
        32 => input.manifest.home = "aws:nowhere-1".parse().unwrap(),
        33 => input.manifest.regions.allow = vec![input.regions[at % 3].region.clone().into()],
        34 => input.month = whole as u8,
        35 => input.regions.clear(),
        36 => input.workload.runs.truncate(1),
        37 => input.manifest.constraints.push(Constraint {
            metric: Metric::ALL[at % 3],
            statistic: Statistic::P95,
            limit: Limit::RelativeToHome(figure),
            strictness: Strictness::Soft,
        }),
        _ => input.workload.runs.clear(),
    }
}

/// How far an input comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Refused,
    Scored,
}

fn outcome(input: &Input, placements: &[[u8; 4]]) -> Result<End, TestCaseError> {
    for run in &input.workload.runs {
        let hour = caribou_model::Hour::all().next().unwrap();
        if let Ok(price) = price_run(&input.graph, run, &input.regions, &HOME, input.month, hour) {
            let figures = [price.carbon_best.0, price.carbon_worst.0, price.cost.0, price.runtime.0];
            prop_assert!(figures.iter().all(|figure| figure.is_finite() && *figure >= 0.0), "{figures:?}");
        }
    }
    let Input { graph, workload, regions, latencies, manifest, month } = input;
    let Ok(problem) = Problem::new(graph, workload, regions, latencies, manifest, *month) else {
        return Ok(End::Refused);
    };
    let samples = Samples::draw(&problem, 100, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let in_play: Vec<&Region> = problem.candidates().collect();
    let stages = problem.graph().stages().count();
    for placement in placements {
        let placement: Vec<u8> = placement
            .iter()
            .cycle()
            .take(stages)
            .map(|&region| {
                let region = in_play[usize::from(region) % in_play.len()];
                problem.region_index(region).unwrap() as u8
            })
            .collect();
        for figures in scorer.figures(&placement, &[0, 13], &mut scratch) {
            let all = [figures.carbon_best, figures.carbon_worst, figures.cost, figures.runtime];
            for estimate in all {
                for interval in [estimate.mean, estimate.p95] {
                    let figures = [interval.value, interval.low, interval.high];
                    prop_assert!(figures.iter().all(|figure| figure.is_finite()), "{figures:?}");
                    prop_assert!(interval.value >= 0.0);
                }
            }
        }
        let mut score = scorer.evaluate(&placement, &mut scratch);
        for metric in Metric::ALL {
            for statistic in [Statistic::Average, Statistic::P95] {
                prop_assert!(score.value(metric, statistic, 7).is_finite(), "{statistic:?} {metric:?}");
            }
        }
    }
    Ok(End::Scored)
}

fn input() -> Input {
    let (graph, regions) = (graph(), regions());
    Input {
        workload: workload(&graph, 5),
        latencies: latencies(&regions, 0.05),
        manifest: manifest(),
        month: 6,
        graph,
        regions,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_input_is_refused_or_scored_with_finite_figures(
        changes in prop::collection::vec((0..39_u8, any::<usize>(), any_figure()), 0..4),
        placements in prop::collection::vec(any::<[u8; 4]>(), 2),
    ) {
        let mut input = input();
        for one in changes {
            change(&mut input, one);
        }
        outcome(&input, &placements)?;
    }
}

#[test]
fn both_ends_are_reached() {
    let mut ends = Vec::new();
    for figure in [1.5, f64::NAN] {
        for what in 0..39 {
            let mut input = input();
            change(&mut input, (what, 1, figure));
            ends.push(outcome(&input, &[[0; 4], [0, 1, 2, 0]]).unwrap());
        }
    }
    let scored = ends.iter().filter(|end| **end == End::Scored).count();
    assert!(scored > 20 && ends.len() - scored > 20, "{scored} of {} changes were scored", ends.len());
}
