//! Folds telemetry into the workload: joint samples of whole runs.

use std::collections::BTreeMap;
use std::time::Duration;

use caribou_model::{
    Edge, EdgeSample, Graph, NodeId, Region, RunId, RunSample, StageRecord, StageSample, SuccessorRecord,
    Timestamp, Workload,
};

use crate::telemetry::Log;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Runs that were received longer ago are forgotten.
    pub age: Duration,
    /// The most runs.
    pub runs: usize,
    /// Older runs are kept nevertheless while a stage or an edge has fewer samples than this.
    pub fewest: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { age: Duration::from_hours(30 * 24), runs: 5_000, fewest: 10 }
    }
}

/// What was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The samples.
    pub workload: Workload,
    /// Runs whose telemetry is not whole: still going on, failed, taken up again, or with lines missing.
    pub partial: Vec<RunId>,
}

/// Folds what is in a log into a workload.
///
/// A run counts when its result is recorded and every stage that was sent to has told that its successors were served.
/// A run that was taken up again after it had failed does not: its times are those of its failure and of whoever retried it.
/// All attempts of a stage count together; what an edge took is measured from the hand-over to the receipt, and at a sync
/// node it is the edge that arrived last.
///
/// The items of a map count together as one stage: its billed time, processor time, store requests and bytes are the sums
/// over the items, its duration and start that of the slowest item. So cost and energy are those of all items; what
/// is billed beyond the duration is what the items overlap in time, which the solver counts in cost and energy and not in
/// the runtime.
///
/// ```
/// use caribou_control::{learn::{Limits, learn}, telemetry::Log};
/// # fn example(graph: &caribou_model::Graph, lines: &[String], now: caribou_model::Timestamp) {
/// let log = Log::read(graph, lines.iter().map(String::as_str));
/// let learned = learn(graph, &log, now, Limits::default());
/// println!("{} runs learned, {} lines unreadable", learned.workload.runs.len(), log.unreadable.len());
/// # }
/// ```
pub fn learn(graph: &Graph, log: &Log, now: Timestamp, limits: Limits) -> Learned {
    let mut runs = Vec::new();
    let mut partial = Vec::new();
    for (run, records) in &log.runs {
        match sample(graph, run, records) {
            Some(sample) => runs.push(sample),
            None => partial.push(run.clone()),
        }
    }
    runs.sort_by(|a, b| (b.at, &b.run).cmp(&(a.at, &a.run)));
    let mut kept = keep(graph, runs, now, limits);
    kept.reverse();
    let (workflow, version) = (graph.workflow.clone(), graph.version.clone());
    Learned { workload: Workload { workflow, version, runs: kept }, partial }
}

/// Applies the limits to runs that stand newest first.
fn keep(graph: &Graph, runs: Vec<RunSample>, now: Timestamp, limits: Limits) -> Vec<RunSample> {
    let mut seen = vec![0_usize; graph.stages().count() + graph.edges.len()];
    let mut kept: Vec<RunSample> = Vec::new();
    for run in runs {
        let present = run.stages.iter().map(Option::is_some).chain(run.edges.iter().map(Option::is_some));
        let rare = present.clone().zip(&seen).any(|(present, &count)| present && count < limits.fewest);
        if (kept.len() < limits.runs && now.since(run.at) <= limits.age) || rare {
            for (present, count) in present.zip(&mut seen) {
                *count += usize::from(present);
            }
            kept.push(run);
        }
    }
    kept
}

/// All records of one node in one run, of all items if it is a map.
struct Attempts<'r> {
    all: Vec<&'r StageRecord>,
}

/// What went along one edge in one run.
#[derive(Clone, Copy)]
struct Taken<'r> {
    from: &'r StageRecord,
    region: Option<&'r Region>,
    bytes: u64,
    count: u32,
    /// Of the last message, where there are several.
    sent: Option<Timestamp>,
}

impl<'r> Attempts<'r> {
    /// The attempts whose outcomes count, one for each item. None if an item is missing.
    fn successes(&self) -> Vec<&'r StageRecord> {
        let mut items = BTreeMap::new();
        for record in self.all.iter().copied().filter(|record| record.outcome.is_served()) {
            items.entry(record.item).or_insert(record);
        }
        let last = items.keys().next_back().copied().flatten();
        let whole = last.is_none_or(|last| items.len() == last as usize + 1);
        if whole { items.into_values().collect() } else { Vec::new() }
    }

    /// The attempt whose outcome counts; of a map that of the slowest item.
    fn success(&self) -> Option<&'r StageRecord> {
        let mut successes = self.successes().into_iter();
        let first = successes.next()?;
        Some(successes.fold(
            first,
            |slowest, record| {
                if record.duration_ms > slowest.duration_ms { record } else { slowest }
            },
        ))
    }

    /// What went along an edge that leaves the node, if anything did.
    fn along(&self, edge: &Edge) -> Option<Taken<'r>> {
        let is_edge = |s: &&SuccessorRecord| s.taken && s.to == edge.to && s.slot == edge.slot;
        let mut all: Option<Taken<'r>> = None;
        for from in self.successes() {
            let Some(successor) = from.successors.iter().find(is_edge) else { continue };
            let taken = all.get_or_insert(Taken {
                from,
                region: successor.region.as_ref(),
                bytes: 0,
                count: 0,
                sent: None,
            });
            taken.bytes += successor.bytes;
            taken.count += 1;
            taken.sent = taken.sent.max(successor.sent);
        }
        all
    }

    fn first_received(&self) -> Option<Timestamp> {
        self.all.iter().map(|record| record.received).min()
    }

    fn stage(&self, success: &StageRecord) -> StageSample {
        let cpu = self.all.iter().filter_map(|record| record.cpu_ms);
        let network = self.all.iter().filter_map(|record| record.user_network_bytes);
        StageSample {
            region: success.region.clone(),
            duration_s: success.duration_ms / 1000.0,
            billed_s: self.all.iter().map(|record| record.billed_ms).sum::<f64>() / 1000.0,
            cpu_s: success.cpu_ms.map(|_| cpu.sum::<f64>() / 1000.0),
            cold: success.cold,
            attempts: self.all.len() as u32,
            store_reads: self.all.iter().map(|record| record.store_reads).sum(),
            store_writes: self.all.iter().map(|record| record.store_writes).sum(),
            user_network_bytes: success.user_network_bytes.map(|_| network.sum()),
        }
    }
}

fn sample(graph: &Graph, run: &RunId, records: &[StageRecord]) -> Option<RunSample> {
    if records.iter().any(|record| record.resumed > 0) {
        return None;
    }
    let mut nodes: BTreeMap<NodeId, Attempts<'_>> = BTreeMap::new();
    for record in records {
        nodes.entry(record.node).or_insert(Attempts { all: Vec::new() }).all.push(record);
    }
    let success = |id: NodeId| nodes.get(&id).and_then(Attempts::success);
    let entry = success(NodeId::ENTRY)?;
    let along = |edge: &Edge| nodes.get(&edge.from)?.along(edge);
    let mut taken: Vec<Option<Taken<'_>>> = graph.edges.iter().map(along).collect();
    for (taken, edge) in taken.iter_mut().zip(&graph.edges) {
        let map = graph.node(edge.to).is_some_and(|node| node.kind.is_map());
        let items = nodes.get(&edge.to).map_or(0, |attempts| attempts.successes().len());
        if let Some(taken) = taken.as_mut().filter(|_| map) {
            taken.count = u32::try_from(items.max(1)).unwrap_or(u32::MAX);
        }
    }
    let end = end(graph, success(graph.result()), &taken)?;
    let reached = |id: NodeId| graph.edges.iter().zip(&taken).any(|(e, taken)| e.to == id && taken.is_some());
    if !graph.stages().all(|(id, _)| success(id).is_some() == reached(id)) {
        return None;
    }
    let stages = graph.stages().map(|(id, _)| Some(nodes.get(&id)?.stage(success(id)?))).collect();
    let received = |id: NodeId| nodes.get(&id).and_then(Attempts::first_received);
    let edges =
        (0..graph.edges.len()).map(|index| edge_sample(graph, index, &taken, success, received)).collect();
    let client = entry.client;
    Some(RunSample {
        run: run.clone(),
        at: entry.received,
        probe: entry.probe,
        entry: entry.region.clone(),
        client_bytes: client.map_or(0, |client| client.bytes),
        client_latency_s: client.and_then(|client| client.latency_ms).map(|ms| ms / 1000.0),
        runtime_s: end.since(entry.received).as_secs_f64(),
        stages,
        edges,
    })
}

/// When the result was recorded.
fn end(graph: &Graph, result: Option<&StageRecord>, taken: &[Option<Taken<'_>>]) -> Option<Timestamp> {
    if let Some(result) = result {
        return Some(result.received.plus(Duration::from_secs_f64(result.billed_ms.max(0.0) / 1000.0)));
    }
    let into_result = graph.edges.iter().zip(taken).filter(|(edge, _)| edge.to == graph.result());
    let sent = into_result.filter_map(|(_, taken)| taken.as_ref()?.sent).max();
    sent.filter(|_| !graph.is_sync(graph.result()))
}

fn edge_sample<'r>(
    graph: &Graph,
    index: usize,
    taken: &[Option<Taken<'r>>],
    success: impl Fn(NodeId) -> Option<&'r StageRecord>,
    received: impl Fn(NodeId) -> Option<Timestamp>,
) -> Option<EdgeSample> {
    let edge = graph.edges.get(index)?;
    let Taken { from, region, bytes, count, sent } = (*taken.get(index)?)?;
    let rivals = graph.edges.iter().zip(taken).filter(|(rival, _)| rival.to == edge.to);
    let last = rivals.filter_map(|(_, taken)| taken.as_ref()?.sent).max();
    let is_last = sent.is_some() && sent == last;
    let at = success(edge.to).map(|record| record.region.clone());
    Some(EdgeSample {
        from: from.region.clone(),
        to: at.or_else(|| region.cloned()).unwrap_or_else(|| from.region.clone()),
        bytes,
        count,
        latency_s: received(edge.to)
            .zip(sent.filter(|_| is_last))
            .map(|(received, sent)| received.since(sent).as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use caribou_model::AttemptOutcome;

    use super::*;
    use crate::fixture::{diamond, lines, mapped, mapped_records, record, records};

    const DAY: u64 = 24 * 3600 * 1000;

    fn fold(lines: &[String]) -> Learned {
        fold_at(lines, 2 * DAY, Limits::default())
    }

    fn fold_at(lines: &[String], now: u64, limits: Limits) -> Learned {
        let log = Log::read(&diamond(), lines.iter().map(String::as_str));
        assert_eq!(log.unreadable, []);
        learn(&diamond(), &log, Timestamp::from_millis(now), limits)
    }

    fn as_lines(records: &[StageRecord]) -> Vec<String> {
        records.iter().map(|record| serde_json::to_string(record).unwrap()).collect()
    }

    #[test]
    fn a_whole_run_becomes_one_joint_sample() {
        let learned = fold(&lines("r1", 0));
        let [run] = learned.workload.runs.as_slice() else { panic!("{learned:?}") };
        assert!((run.runtime_s - 0.35).abs() < 1e-9, "{}", run.runtime_s);
        assert_eq!(run.client_bytes, 5000);
        assert_eq!(run.stages.iter().flatten().count(), 3);
        assert_eq!(
            run.edges.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, true, false, true, true, true]
        );
    }

    #[test]
    fn at_a_sync_node_the_edge_that_arrived_last_has_the_latency() {
        let learned = fold(&lines("r1", 0));
        let edges = &learned.workload.runs[0].edges;
        assert_eq!(edges[3].as_ref().unwrap().latency_s, None);
        assert_eq!(edges[4].as_ref().unwrap().latency_s, Some(0.025));
    }

    #[test]
    fn a_run_without_its_result_or_with_a_stage_missing_is_partial() {
        for missing in 1..4 {
            let mut lines = lines("r1", 0);
            lines.remove(missing);
            let learned = fold(&lines);
            assert!(learned.workload.runs.is_empty(), "without {missing}");
            assert_eq!(learned.partial.len(), 1);
        }
    }

    #[test]
    fn a_run_that_was_taken_up_again_teaches_nothing_of_its_times() {
        let mut all = records("r1", 0);
        all[2].resumed = 1;
        let learned = fold(&as_lines(&all));
        assert_eq!((learned.workload.runs.len(), learned.partial.len()), (0, 1));
    }

    #[test]
    fn all_attempts_of_a_stage_count_together() {
        let mut all = records("r1", 0);
        let mut failed = record("r1", 1, 1_015, &[]);
        failed.outcome = AttemptOutcome::Retried;
        all[1].attempt = 2;
        all.push(failed);
        let learned = fold(&as_lines(&all));
        let stage = learned.workload.runs[0].stages[0].clone().unwrap();
        assert_eq!((stage.attempts, stage.store_writes), (2, 4));
        assert!((stage.billed_s - 0.18).abs() < 1e-9);
        assert!((stage.duration_s - 0.08).abs() < 1e-9);
        assert_eq!(learned.workload.runs[0].edges[0].as_ref().unwrap().latency_s, Some(0.01));
    }

    fn fold_mapped(records: &[StageRecord]) -> Learned {
        let lines = as_lines(records);
        let log = Log::read(&mapped(), lines.iter().map(String::as_str));
        assert_eq!(log.unreadable, []);
        learn(&mapped(), &log, Timestamp::from_millis(2 * DAY), Limits::default())
    }

    #[test]
    fn the_items_of_a_map_count_together_as_one_stage() {
        let learned = fold_mapped(&mapped_records("r1", 0, 3));
        let [run] = learned.workload.runs.as_slice() else { panic!("{learned:?}") };
        let map = run.stages[1].as_ref().unwrap();
        assert_eq!((map.attempts, map.store_writes), (3, 6));
        assert!((map.billed_s - 0.27).abs() < 1e-9, "{}", map.billed_s);
        assert!((map.cpu_s.unwrap() - 0.21).abs() < 1e-9);
        assert!((map.duration_s - 0.082).abs() < 1e-9, "that of the slowest item, not {}", map.duration_s);
        let (dispatched, collected) = (run.edges[1].as_ref().unwrap(), run.edges[3].as_ref().unwrap());
        assert_eq!((dispatched.count, dispatched.bytes), (3, 1000));
        assert_eq!((collected.count, collected.bytes), (3, 3000));
        assert_eq!((dispatched.latency_s, collected.latency_s), (Some(0.01), Some(0.07)));
    }

    #[test]
    fn a_map_without_items_did_not_run() {
        let learned = fold_mapped(&mapped_records("r1", 0, 0));
        let [run] = learned.workload.runs.as_slice() else { panic!("{learned:?}") };
        assert!(run.stages[1].is_none() && run.edges[1].is_none() && run.edges[3].is_none());
        assert!(run.edges[2].is_some());
    }

    #[test]
    fn a_run_with_an_item_missing_is_partial() {
        let mut all = mapped_records("r1", 0, 3);
        all.remove(3);
        assert_eq!(fold_mapped(&all).partial.len(), 1);
    }

    #[test]
    fn a_stage_whose_failure_went_on_as_a_value_counts() {
        let mut all = records("r1", 0);
        all[1].outcome = AttemptOutcome::Caught;
        assert_eq!(fold(&as_lines(&all)).workload.runs.len(), 1);
    }

    #[test]
    fn what_was_not_measured_stays_unknown() {
        let mut all = records("r1", 0);
        all[1].cpu_ms = None;
        let learned = fold(&as_lines(&all));
        assert_eq!(learned.workload.runs[0].stages[0].as_ref().unwrap().cpu_s, None);
    }

    #[test]
    fn old_runs_are_forgotten_unless_they_are_the_last_samples() {
        let all: Vec<String> = (0..30).flat_map(|n| lines(&format!("r{n:02}"), n * DAY)).collect();
        let limits = Limits { age: Duration::from_hours(5 * 24), runs: 4, fewest: 6 };
        let learned = fold_at(&all, 30 * DAY, limits);
        let kept: Vec<&str> = learned.workload.runs.iter().map(|run| run.run.as_str()).collect();
        assert_eq!(kept, ["r24", "r25", "r26", "r27", "r28", "r29"]);
        let learned = fold_at(&all, 30 * DAY, Limits { fewest: 0, ..limits });
        assert_eq!(learned.workload.runs.len(), 4);
    }

    proptest! {
        #[test]
        fn the_order_of_lines_and_their_duplicates_do_not_matter(
            starts in prop::collection::vec(0..DAY, 1..6),
            order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let all: Vec<String> =
                starts.iter().enumerate().flat_map(|(n, &start)| lines(&format!("r{n}"), start)).collect();
            let mut shuffled: Vec<String> = order.iter().map(|index| index.get(&all).clone()).collect();
            shuffled.extend(all.iter().rev().cloned());
            prop_assert_eq!(fold(&shuffled), fold(&all));
        }
    }
}
