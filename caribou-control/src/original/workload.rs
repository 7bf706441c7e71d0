//! Whole runs, built from tables that keep little of what goes together.

use caribou_model::{EdgeSample, Region, RunId, RunSample, StageSample, Timestamp, Workload};
use caribou_solver::model::power::MB_PER_VCPU;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::distribution::{Distributions, Draw};
use super::graph::{Layout, Role};
use super::table::latency::KIB_PER_GB;

/// Every value can be drawn.
const DRAW: Draw = Draw { unreached: 0 };
/// Store writes of a stage beside those of its edges: its claim and its outcome.
const CLAIM_WRITES: u32 = 2;

pub(super) fn workload(d: &Distributions<'_>, layout: &Layout, count: usize, seed: u64) -> Workload {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let runs = (0..count).map(|index| run(d, layout, index, &mut random)).collect();
    Workload { workflow: d.config.workflow.clone(), version: d.config.version.clone(), runs }
}

/// One execution in a run.
struct Executed<'a> {
    region: &'a Region,
    duration_s: f64,
    row: &'a [f64],
    start_s: f64,
}

/// A run that is being built.
struct Building<'a> {
    d: &'a Distributions<'a>,
    layout: &'a Layout,
    region: &'a Region,
    /// By instance.
    executed: Vec<Option<Executed<'a>>>,
    /// By edge.
    samples: Vec<Option<EdgeSample>>,
    arrivals_s: Vec<f64>,
    invokes: Vec<bool>,
}

fn run(d: &Distributions<'_>, layout: &Layout, index: usize, random: &mut Pcg64Mcg) -> RunSample {
    let first = layout.order[0];
    let edges = layout.roles.len();
    let mut building = Building {
        d,
        layout,
        region: run_region(d, first, random.random()),
        executed: (0..layout.order.len()).map(|_| None).collect(),
        samples: vec![None; edges],
        arrivals_s: vec![0.0; edges],
        invokes: vec![false; edges],
    };
    for (stage, &instance) in layout.order.iter().enumerate() {
        building.execute(stage, instance, random);
        if building.executed[instance].is_some() {
            building.send(stage, instance, random);
        } else {
            building.skip(instance, random);
        }
    }
    building.finish(index, random)
}

impl<'a> Building<'a> {
    /// Runs an instance once its predecessors have, if one of them invoked it.
    fn execute(&mut self, stage: usize, instance: usize, random: &mut Pcg64Mcg) {
        let into: Vec<usize> = self.edges(|edge| edge.to.index() == stage + 1);
        let mut start_s = 0.0;
        if stage > 0 {
            if !into.iter().any(|&edge| self.invokes[edge]) {
                for edge in into {
                    self.samples[edge] = None;
                }
                return;
            }
            let taken = into.iter().copied().filter(|&edge| self.samples[edge].is_some());
            let last = taken.max_by(|&a, &b| self.arrivals_s[a].total_cmp(&self.arrivals_s[b]));
            start_s = last.map_or(0.0, |edge| self.arrivals_s[edge]);
            // This project's telemetry measures the latency of the last arrival alone.
            for edge in into.into_iter().filter(|&edge| Some(edge) != last) {
                if let Some(sample) = &mut self.samples[edge] {
                    sample.latency_s = None;
                }
            }
        }
        let region = self.place(instance);
        let Some(execution) = self.d.learned.instances[instance].at.get(region) else { return };
        let duration_s = DRAW.of(&execution.durations_s, random.random());
        let rows = execution.rows(duration_s);
        let Some(row) = rows.get(DRAW.index(rows.len(), random.random())) else { return };
        self.executed[instance] = Some(Executed { region, duration_s, row, start_s });
    }

    /// Where an instance runs: in the run's region if it was ever measured there.
    fn place(&self, instance: usize) -> &'a Region {
        let at = &self.d.learned.instances[instance].at;
        if at.contains_key(self.region) { self.region } else { &self.d.config.home }
    }

    /// Invokes an instance's successors, or tells sync nodes that it does not.
    fn send(&mut self, stage: usize, instance: usize, random: &mut Pcg64Mcg) {
        let Some(from) = &self.executed[instance] else { return };
        let (region, start_s, end_s) = (from.region, from.start_s, from.start_s + from.duration_s);
        for edge in self.edges(|edge| edge.from.index() == stage + 1) {
            let to = match self.layout.roles[edge] {
                Role::Follows { to, .. } => to,
                Role::Ends { .. } => {
                    self.arrive(edge, [region, &self.d.config.home], 0.0, end_s, 0.0);
                    continue;
                }
                _ => continue,
            };
            let transfer = self.d.learned.transfers.get(&(instance, to));
            let [branch, size, share]: [f64; 3] = std::array::from_fn(|_| random.random());
            let sent = transfer.is_some_and(|transfer| branch < transfer.probability);
            let is_sync = self.layout.graph.nodes[1 + self.layout.stage_of(to)].slots > 1;
            if !sent && !is_sync {
                continue;
            }
            self.invokes[edge] = sent;
            let there = self.place(to);
            let gb = transfer.filter(|_| sent).map_or(0.0, |transfer| DRAW.of(&transfer.sizes_gb, size));
            let latency_s = DRAW.from(&self.d.latency([instance, to], [region, there], gb, is_sync), share);
            self.arrive(edge, [region, there], gb, start_s + self.invocation_s(instance, to), latency_s);
        }
    }

    /// Fills the slots of an instance that does not run: the last that decided so tells the sync nodes behind it.
    fn skip(&mut self, instance: usize, random: &mut Pcg64Mcg) {
        let mut last: Vec<(Option<usize>, usize, usize)> = Vec::new();
        for (edge, role) in self.layout.roles.iter().enumerate() {
            let (from, to) = match *role {
                Role::Skips { from, instead_of, to } if instead_of == instance => (from, Some(to)),
                Role::SkipsEnd { from, instead_of } if instead_of == instance => (from, None),
                _ => continue,
            };
            if self.executed[from].is_none() {
                continue;
            }
            // The edges are in the order of their senders.
            match last.iter_mut().find(|(receiver, ..)| *receiver == to) {
                Some(known) => *known = (to, from, edge),
                None => last.push((to, from, edge)),
            }
        }
        for (to, from, edge) in last {
            let Some(sender) = &self.executed[from] else { continue };
            let (region, start_s, duration_s) = (sender.region, sender.start_s, sender.duration_s);
            let Some(to) = to else {
                self.arrive(edge, [region, &self.d.config.home], 0.0, start_s + duration_s, 0.0);
                continue;
            };
            let left_out = self.layout.roles.iter().enumerate().find_map(|(edge, role)| match *role {
                Role::Follows { from: sender, to } if sender == from && !self.invokes[edge] => Some(to),
                _ => None,
            });
            let sent_s = left_out.map_or(duration_s, |left_out| self.invocation_s(from, left_out));
            let between = [region, self.place(to)];
            let latency_s = DRAW.from(&self.d.latency([instance, to], between, 0.0, true), random.random());
            self.arrive(edge, between, 0.0, start_s + sent_s, latency_s);
        }
    }

    /// Seconds from an instance's start to the invocation of another.
    fn invocation_s(&self, from: usize, to: usize) -> f64 {
        let Some(sender) = &self.executed[from] else { return 0.0 };
        let name = &self.d.config.instances[to].name;
        self.d.learned.instances[from].invocation_s(sender.row, name).unwrap_or(sender.duration_s)
    }

    fn arrive(&mut self, edge: usize, [from, to]: [&Region; 2], gb: f64, sent_s: f64, latency_s: f64) {
        self.arrivals_s[edge] = sent_s + latency_s;
        let (from, to) = (from.clone(), to.clone());
        self.samples[edge] =
            Some(EdgeSample { from, to, bytes: bytes(gb), count: 1, latency_s: Some(latency_s) });
    }

    fn edges(&self, which: impl Fn(&caribou_model::Edge) -> bool) -> Vec<usize> {
        let edges = self.layout.graph.edges.iter().enumerate();
        edges.filter(|(_, edge)| which(edge)).map(|(index, _)| index).collect()
    }

    fn finish(mut self, index: usize, random: &mut Pcg64Mcg) -> RunSample {
        let client = &self.d.learned.client;
        let client_gb = DRAW.of(&client.sizes_gb, random.random());
        let latencies = client.latencies.get(self.region).and_then(|latencies| latencies.of(client_gb));
        let client_latency_s = latencies.map(|latencies| DRAW.of(&latencies, random.random()));
        self.arrive(0, [self.region, self.region], client_gb, 0.0, 0.0);
        let ends = self.executed.iter().flatten().map(|executed| executed.start_s + executed.duration_s);
        let runtime_s = ends.fold(0.0, f64::max);
        let stages = self
            .layout
            .order
            .iter()
            .enumerate()
            .map(|(stage, &instance)| self.stage(stage, instance))
            .collect();
        RunSample {
            run: format!("original-{index}").parse().unwrap_or_else(|_| RunId::plain()),
            at: Timestamp::from_millis(index as u64),
            probe: *self.region == self.d.config.home,
            entry: self.region.clone(),
            client_bytes: bytes(client_gb),
            client_latency_s,
            runtime_s,
            stages,
            edges: self.samples,
        }
    }

    fn stage(&self, stage: usize, instance: usize) -> Option<StageSample> {
        let executed = self.executed[instance].as_ref()?;
        let executions = &self.d.learned.instances[instance];
        let configured = &self.d.config.instances[instance];
        let vcpus = configured.vcpus.unwrap_or(f64::from(configured.memory_mb) / MB_PER_VCPU);
        let graph = &self.layout.graph;
        let writes = |&edge: &usize| match graph.edges[edge].to {
            to if graph.is_sync(to) => 2,
            to => u32::from(to == graph.result()),
        };
        let sent = self.edges(|edge| edge.from.index() == stage + 1);
        let of_edges: u32 = sent.iter().filter(|&&edge| self.samples[edge].is_some()).map(writes).sum();
        Some(StageSample {
            region: executed.region.clone(),
            duration_s: executed.duration_s,
            billed_s: executed.duration_s,
            cpu_s: Some(executions.utilisation_at(executed.region) * vcpus * executed.duration_s),
            cold: false,
            attempts: 1,
            store_reads: 0,
            store_writes: CLAIM_WRITES + of_edges,
            user_network_bytes: Some(bytes(executions.traffic_gb(executed.row))),
        })
    }
}

/// The region of a run: as often as the first instance was measured there.
fn run_region<'a>(d: &'a Distributions<'_>, first: usize, share: f64) -> &'a Region {
    let at = &d.learned.instances[first].at;
    let all: usize = at.values().map(|execution| execution.durations_s.len()).sum();
    let mut rest = share * all as f64;
    for (region, execution) in at {
        rest -= execution.durations_s.len() as f64;
        if rest < 0.0 {
            return region;
        }
    }
    &d.config.home
}

/// Bytes of a GB as the original counts it: 2^30.
fn bytes(gb: f64) -> u64 {
    (gb * KIB_PER_GB * 1024.0).round() as u64
}
