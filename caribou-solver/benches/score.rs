//! How many placements are scored in a second: `cargo bench -p caribou-solver --bench score`.
//!
//! A full score is the average and the 95th percentile of carbon, cost and runtime over 2,000 runs. The placements change
//! from one to the next in every stage.

#![expect(clippy::unwrap_used, reason = "the input is sound, and a benchmark may stop")]

#[path = "../tests/solver/fixture.rs"]
mod fixture;

use caribou_model::{FunctionSpec, Graph, Metric, Node, NodeId, NodeKind, Region, Statistic};
use caribou_solver::score::Scratch;
use caribou_solver::{Problem, Samples, Scorer, Settings, solve};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use fixture::{chain, latencies, manifest, region, regions, run, workload};

fn main() {
    divan::main();
}

/// Four regions and 2,000 runs that differ in every quantity.
fn problem(graph: &Graph, limit: Option<f64>) -> Problem {
    let mut regions = regions();
    regions.push(region(Region::aws("us-west-1"), 260.0));
    for (hour, facts) in regions.iter_mut().enumerate() {
        facts.carbon.months[5]
            .iter_mut()
            .enumerate()
            .for_each(|(at, grid)| *grid += ((at * 7 + hour) % 24) as f64);
    }
    let mut manifest = manifest();
    manifest.constraints.extend(limit.map(|factor| caribou_model::Constraint {
        metric: Metric::Runtime,
        statistic: Statistic::P95,
        limit: caribou_model::Limit::RelativeToHome(factor),
        strictness: caribou_model::Strictness::Hard,
    }));
    let mut workload = workload(graph, 2000);
    if graph.edges.len() == FAN_EDGES {
        for (number, sample) in workload.runs.iter_mut().enumerate() {
            let skipped: &[usize] = match number % 4 {
                0 => &[3, 8],
                1 => &[9],
                2 => &[3, 8, 9],
                _ => &[],
            };
            let taken: Vec<usize> = (0..FAN_EDGES).filter(|edge| !skipped.contains(edge)).collect();
            let (duration, bytes) = (sample.runtime_s / 5.0, sample.client_bytes);
            *sample = run(graph, number, duration, bytes, &taken);
        }
    }
    for (number, run) in workload.runs.iter_mut().enumerate() {
        for (at, stage) in run.stages.iter_mut().enumerate() {
            let Some(stage) = stage else { continue };
            let factor = 0.5 + ((number * (at + 3) * 31) % 97) as f64 / 60.0;
            stage.duration_s *= factor;
            stage.billed_s *= factor;
            stage.cpu_s = stage.cpu_s.map(|cpu| cpu * factor);
        }
        for (at, edge) in run.edges.iter_mut().enumerate() {
            let Some(edge) = edge else { continue };
            edge.bytes = edge.bytes / 2 + ((number * (at + 5) * 7919) % 300_000) as u64;
            edge.latency_s =
                edge.latency_s.map(|latency| latency + ((number * (at + 7)) % 53) as f64 / 1000.0);
        }
    }
    Problem::new(graph, &workload, &regions, &latencies(&regions, 0.06), &manifest, 6).unwrap()
}

/// Edges of [`fan`].
const FAN_EDGES: usize = 12;

/// Seven stages: one that fans out to five, of which one runs only in some runs and one is heard only in some by the
/// sync node that follows.
fn fan() -> Graph {
    let mut graph = chain(1);
    graph.functions = (0..7).map(|n| FunctionSpec::new(format!("s{n}"))).collect();
    let node = |name: String, kind, slots| Node { name, kind, slots, output: "()".into() };
    graph.nodes = vec![node("input".into(), NodeKind::Entry, 0)];
    graph.nodes.extend((0..6).map(|n| node(format!("s{n}"), NodeKind::stage(n), 1)));
    graph.nodes.push(node("s6".into(), NodeKind::stage(6), 5));
    graph.nodes.push(node("result".into(), NodeKind::Result, 1));
    let template = graph.edges[0].clone();
    let edge = |(from, to, slot)| caribou_model::Edge {
        from: NodeId(from),
        to: NodeId(to),
        slot,
        ..template.clone()
    };
    graph.edges = [(0, 1, 0)]
        .into_iter()
        .chain((2..7).map(|to| (1, to, 0)))
        .chain((2..7).map(|from| (from, 7, (from - 2) as u8)))
        .chain([(7, 8, 0)])
        .map(edge)
        .collect();
    graph.validate().unwrap();
    graph
}

/// A graph by its name.
fn graph(name: &str) -> Graph {
    match name {
        "chain2" => chain(2),
        "chain8" => chain(8),
        _ => fan(),
    }
}

/// Scores one placement after another, each with other regions than the last.
fn score_each(bencher: Bencher<'_, '_>, name: &str, score: impl Fn(&Scorer<'_>, &[u8], &mut Scratch) -> f64) {
    let problem = problem(&graph(name), None);
    let samples = Samples::draw(&problem, 2000, 0);
    let scorer = Scorer::new(&problem, &samples);
    let mut scratch = scorer.scratch();
    let stages = problem.graph().stages().count();
    let mut placement = vec![0; stages];
    let mut state = 1_u32;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        for region in &mut placement {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *region = (state >> 30) as u8;
        }
        score(&scorer, black_box(&placement), &mut scratch)
    });
}

/// Mean carbon for 24 hours and mean cost.
#[divan::bench(args = ["chain2", "fan7", "chain8"])]
fn means(bencher: Bencher<'_, '_>, name: &str) {
    score_each(bencher, name, |scorer, placement, scratch| scorer.means(placement, scratch).cost);
}

/// Average and 95th percentile of the runtime.
#[divan::bench(args = ["chain2", "fan7", "chain8"])]
fn runtime(bencher: Bencher<'_, '_>, name: &str) {
    score_each(bencher, name, |scorer, placement, scratch| {
        scorer.evaluate(placement, scratch).value(Metric::Runtime, Statistic::P95, 0)
    });
}

/// Everything, for one hour.
#[divan::bench(args = ["chain2", "fan7", "chain8"])]
fn one_hour(bencher: Bencher<'_, '_>, name: &str) {
    score_each(bencher, name, |scorer, placement, scratch| {
        let mut evaluation = scorer.evaluate(placement, scratch);
        let metrics = Metric::ALL.iter();
        metrics
            .map(|&metric| {
                evaluation.value(metric, Statistic::Average, 0) + evaluation.value(metric, Statistic::P95, 0)
            })
            .sum()
    });
}

/// Everything, for every hour of the day.
#[divan::bench(args = ["chain2", "fan7", "chain8"])]
fn all_hours(bencher: Bencher<'_, '_>, name: &str) {
    score_each(bencher, name, |scorer, placement, scratch| {
        let mut evaluation = scorer.evaluate(placement, scratch);
        let mut sum = 0.0;
        for hour in 0..24 {
            for metric in Metric::ALL {
                sum += evaluation.value(metric, Statistic::Average, hour)
                    + evaluation.value(metric, Statistic::P95, hour);
            }
        }
        sum
    });
}

/// All 65,536 placements for 24 hours; with a hard limit on p95 runtime that forbids most better ones, and without.
#[divan::bench(args = [None, Some(1.05)], sample_count = 5)]
fn exhaustive(bencher: Bencher<'_, '_>, limit: Option<f64>) {
    let problem = problem(&chain(8), limit);
    let settings = Settings { precision: 0.0, samples: 2000, ..Settings::default() };
    bencher.counter(ItemsCount::new(65_536_usize)).bench_local(|| solve(&problem, &settings).unwrap());
}
