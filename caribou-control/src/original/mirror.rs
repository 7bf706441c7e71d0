//! The original's own model, as samples for this crate's scorer.
//!
//! A sample of the original draws every figure on its own: a stage's duration from those of its region, what its code
//! moved and when it invoked its successors from those with a duration of the same hundredth of a second, each payload's
//! size, each latency from those of the same size. So a column is filled for each stage in each region, and the same
//! random number draws it in all regions.
//!
//! What distance does to the order in which sync nodes are written to is left out: the order is that of the home plan.
//! The data of the plan that the first function reads counts whole at its own end.

use caribou_model::{Architecture, Manifest, NodeId, Region, Transmission};
use caribou_solver::model::power::MB_PER_VCPU;
use caribou_solver::model::transmission::kwh_per_gb;
use caribou_solver::sample::{EdgeColumns, NodeColumns, SamplesBuilder, SyncStart};
use caribou_solver::{Problem, Samples};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::distribution::{Distributions, Draw, TRIPS};
use super::graph::{Layout, Role};
use super::table::execution::Executions;
use super::table::instance::{Skip, Transfer};
use super::table::latency::KIB_PER_GB;
use super::table::region::Row;
use super::{Deviations, MESSAGE_USD, OriginalError, READ_USD, WRITE_USD};

/// The random numbers and branches of one sample.
#[derive(Clone, Debug)]
struct Drawn {
    /// Whether the first function reads the plan, and redirects where that says so.
    plan_at_function: bool,
    client_gb: f64,
    /// Of the redirector: duration, auxiliary row, size, latency.
    redirect: [f64; 4],
    /// By instance.
    invoked: Vec<bool>,
    /// By instance: for its duration and its auxiliary row.
    execution: Vec<[f64; 2]>,
    /// By edge: whether a payload is sent, its size in GB, and for its latency.
    sent: Vec<(bool, f64, f64)>,
}

struct Mirror<'a> {
    d: Distributions<'a>,
    layout: &'a Layout,
    deviations: Deviations,
    draw: Draw,
    drawn: Vec<Drawn>,
    /// By stage index: the regions it may use, with their numbers in the problem.
    sites: Vec<Vec<(usize, &'a Region)>>,
}

/// Samples of the original's model.
pub(super) fn samples(
    problem: &Problem,
    d: &Distributions<'_>,
    layout: &Layout,
    manifest: &Manifest,
    deviations: Deviations,
    count: usize,
    seed: u64,
) -> Result<Samples, OriginalError> {
    let permitted = |spec| {
        let regions =
            d.rows.iter().map(|row| &row.region).filter(move |region| manifest.permits(spec, region));
        regions.filter_map(|region| Some((problem.region_index(region)?, region))).collect()
    };
    let mut mirror = Mirror {
        d: *d,
        layout,
        deviations,
        draw: Draw { unreached: usize::from(deviations.last_never_drawn) },
        drawn: Vec::new(),
        sites: layout.graph.stages().map(|(_, spec)| permitted(spec)).collect(),
    };
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    mirror.drawn = (0..count).map(|_| mirror.sample(&mut random)).collect();
    let mut builder = SamplesBuilder::new(problem, count);
    builder.sync_start(if deviations.starts_at_last_caller {
        SyncStart::LastDeparture
    } else {
        SyncStart::LastArrival
    });
    mirror.fill_entry(&mut builder)?;
    let departures = mirror.fill_edges(&mut builder)?;
    mirror.fill_stages(&mut builder, &departures)?;
    Ok(builder.build()?)
}

impl<'a> Mirror<'a> {
    fn sample(&self, random: &mut Pcg64Mcg) -> Drawn {
        let client = &self.d.learned.client;
        let instances = self.layout.order.len();
        let mut drawn = Drawn {
            plan_at_function: random.random::<f64>() < client.plan_at_function,
            client_gb: self.draw.of(&client.sizes_gb, random.random()),
            redirect: std::array::from_fn(|_| random.random()),
            invoked: vec![false; instances],
            execution: (0..instances).map(|_| [random.random(), random.random()]).collect(),
            sent: vec![(false, 0.0, 0.0); self.layout.roles.len()],
        };
        drawn.invoked[self.layout.order[0]] = true;
        // The edges are in the order of their senders, and a sender's are drawn once it is known whether it runs.
        for (edge, role) in self.layout.roles.iter().enumerate() {
            let [branch, size, latency]: [f64; 3] = std::array::from_fn(|_| random.random());
            let Role::Follows { from, to } = *role else {
                drawn.sent[edge].2 = latency;
                continue;
            };
            let Some(transfer) = self.transfer(from, to) else { continue };
            let sent = drawn.invoked[from] && branch < transfer.probability;
            drawn.sent[edge] = (sent, self.draw.of(&transfer.sizes_gb, size), latency);
            drawn.invoked[to] |= sent;
        }
        drawn
    }

    fn transfer(&self, from: usize, to: usize) -> Option<&'a Transfer> {
        self.d.learned.transfers.get(&(from, to))
    }

    fn len(&self) -> usize {
        self.drawn.len()
    }

    fn column(&self, of: impl Fn(&Drawn) -> f64) -> Vec<f64> {
        self.drawn.iter().map(of).collect()
    }

    fn row(&self, region: &Region) -> Option<&'a Row> {
        self.d.row(region)
    }

    /// USD of a message unit, a store read unit and a store write unit in a region.
    fn prices(&self, region: &Region) -> [f64; 3] {
        match self.row(region) {
            Some(row) if !self.deviations.prices_not_found => {
                [row.charges.message, row.charges.read, row.charges.write]
            }
            _ => [MESSAGE_USD, READ_USD, WRITE_USD],
        }
    }

    /// GB of a sync node's answers and of the message that invokes it.
    fn sync_sizes(&self, transfer: &Transfer) -> [f64; 2] {
        if self.deviations.sync_sizes_not_found {
            [1.0 / KIB_PER_GB; 2]
        } else {
            [transfer.sync_gb, transfer.message_gb]
        }
    }

    fn is_sync(&self, instance: usize) -> bool {
        self.layout.graph.nodes[1 + self.layout.stage_of(instance)].slots > 1
    }

    fn sites(&self, instance: usize) -> &[(usize, &'a Region)] {
        &self.sites[self.layout.stage_of(instance)]
    }

    /// Seconds and row of an execution, times already those of the region.
    fn execute<'e>(
        &self,
        executions: &'e Executions,
        region: &Region,
        [duration, row]: [f64; 2],
    ) -> Option<(f64, &'e [f64], f64)> {
        let measured = executions.at.get(region).or_else(|| executions.at.get(&self.d.config.home))?;
        let slowness = self.d.slowness(executions, region);
        let seconds = self.draw.of(&measured.durations_s, duration);
        let rows = measured.rows(seconds);
        let row = rows.get(self.draw.index(rows.len(), row))?;
        Some((seconds * slowness, row, slowness))
    }

    /// kWh of an execution of this many seconds.
    fn kwh(&self, instance: usize, utilisation: f64, region: &Region, seconds: f64) -> f64 {
        let Some(charges) = self.row(region).map(|row| &row.charges) else { return 0.0 };
        let instance = &self.d.config.instances[instance];
        let memory = f64::from(instance.memory_mb);
        let vcpus = instance.vcpus.unwrap_or(memory / MB_PER_VCPU);
        let kw_per_vcpu = charges.idle_kw + utilisation * (charges.busy_kw - charges.idle_kw);
        (kw_per_vcpu * vcpus + charges.memory_kw_per_gb * memory / 1024.0) * seconds / 3600.0 * charges.pue
    }

    /// USD of an execution of this many seconds.
    fn usd(&self, instance: usize, region: &Region, seconds: f64) -> f64 {
        let Some(charges) = self.row(region).map(|row| &row.charges) else { return 0.0 };
        let instance = &self.d.config.instances[instance];
        let index = usize::from(instance.architecture == Architecture::Arm64);
        charges.gb_s[index] * f64::from(instance.memory_mb) / 1024.0 * seconds + charges.request[index]
    }

    /// The client's request, the plan that is read, and the first function where it redirects to another region.
    fn fill_entry(&self, builder: &mut SamplesBuilder<'_>) -> Result<(), OriginalError> {
        let client = &self.d.learned.client;
        let first = self.layout.order[0];
        let home = &self.d.config.home;
        let per_gb = kwh_per_gb(Transmission::Best, true);
        let plan_kwh = client.plan_gb * per_gb;
        let plan_units = read_units(client.plan_gb);
        let nothing = vec![0.0; self.len()];
        builder.edge(0, EdgeColumns { latency_s: &nothing, trips: 0.0, gb: &nothing })?;
        for &(number, region) in self.sites(first) {
            let [mut own, mut at_home, mut unknown, mut usd, mut latency] =
                std::array::from_fn(|_| nothing.clone());
            let redirects = region != home;
            for (sample, drawn) in self.drawn.iter().enumerate() {
                unknown[sample] = drawn.client_gb * per_gb;
                let redirected = redirects && drawn.plan_at_function;
                let received = if redirected { home } else { region };
                let [message, read, _] = self.prices(received);
                usd[sample] = message_units(drawn.client_gb) * message + plan_units * read;
                match (drawn.plan_at_function, redirected) {
                    (false, _) => unknown[sample] += plan_kwh,
                    (true, false) => own[sample] += plan_kwh,
                    (true, true) => at_home[sample] += plan_kwh,
                }
                let Some(executions) = client.redirector.as_ref().filter(|_| redirected) else { continue };
                let [duration, row, size, delay] = drawn.redirect;
                let Some((seconds, row, slowness)) = self.execute(executions, home, [duration, row]) else {
                    continue;
                };
                at_home[sample] += self.kwh(first, executions.utilisation_at(home), home, seconds);
                usd[sample] += self.usd(first, home, seconds);
                let traffic_kwh = executions.traffic_gb(row) * per_gb / 2.0;
                at_home[sample] += traffic_kwh;
                unknown[sample] += traffic_kwh;
                let gb = self
                    .transfer(first, first)
                    .map_or(drawn.client_gb, |to| self.draw.of(&to.sizes_gb, size));
                let egress = self.row(home).map_or(0.0, |row| row.charges.gb_between_regions);
                usd[sample] += message_units(gb) * self.prices(region)[0] + gb * egress;
                own[sample] += gb * per_gb / 2.0;
                at_home[sample] += gb * per_gb / 2.0;
                let name = &self.d.config.instances[first].name;
                let sent = executions.invocation_s(row, name).map_or(seconds, |at| at * slowness);
                let delays = self.d.latency([first, first], [home, region], gb, false);
                latency[sample] = sent + self.draw.from(&delays, delay);
            }
            builder.node(NodeId(0), number, NodeColumns { time_s: &nothing, kwh: &own, usd: &usd })?;
            builder.elsewhere(NodeId(0), number, &at_home, &unknown)?;
            if redirects {
                builder.measured_latency(0, number, number, &latency)?;
            }
        }
        Ok(())
    }

    /// What a sender tells a sync node last, of the instances that it does not invoke: the one that it leaves out, and
    /// what it says. The original keeps no other.
    fn last_skip(&self, drawn: &Drawn, from: usize, sync_node: usize) -> Option<(usize, &'a Skip)> {
        if !drawn.invoked[from] {
            return None;
        }
        self.skips(drawn, from).filter(|(_, skip)| skip.sync_node == sync_node).last()
    }

    /// What a sender tells sync nodes, of the instances that it does not invoke.
    fn skips<'s>(&'s self, drawn: &'s Drawn, from: usize) -> impl Iterator<Item = (usize, &'a Skip)> + 's {
        let left_out = move |edge: usize, role: &Role| match *role {
            Role::Follows { from: sender, to } if sender == from && !drawn.sent[edge].0 => Some(to),
            _ => None,
        };
        let roles = self.layout.roles.iter().enumerate();
        roles.filter_map(move |(edge, role)| left_out(edge, role)).flat_map(move |to| {
            let transfer = self.transfer(from, to);
            transfer.into_iter().flat_map(move |transfer| transfer.skips.iter().map(move |skip| (to, skip)))
        })
    }

    /// The GB of what a sender tells a sync node in place of an instance; nothing where it tells nothing.
    fn skipped_gb(&self, drawn: &Drawn, from: usize, instead_of: usize, to: usize) -> Option<f64> {
        if !drawn.invoked[from] {
            return None;
        }
        let told = |(_, skip): &(usize, &Skip)| skip.for_instance == instead_of && skip.sync_node == to;
        self.skips(drawn, from).find(told).map(|(_, skip)| skip.response_gb)
    }

    /// The instance whose invocation an edge waits for, and its latency between two regions; `None` where nothing on it
    /// counts for when the receiver starts.
    fn passage(&self, sample: usize, edge: usize, between: [&Region; 2]) -> Option<(usize, f64)> {
        let drawn = &self.drawn[sample];
        let (sent, gb, share) = drawn.sent[edge];
        let skipped = |from, instead_of, to: usize| {
            let (left_out, skip) =
                self.last_skip(drawn, from, to).filter(|(_, skip)| skip.for_instance == instead_of)?;
            Some((left_out, self.draw.from(&self.d.skip_latency(skip, between), share)))
        };
        match self.layout.roles[edge] {
            Role::Follows { from, to } if sent => {
                let latencies = self.d.latency([from, to], between, gb, self.is_sync(to));
                Some((to, self.draw.from(&latencies, share)))
            }
            Role::Follows { from, to } if drawn.invoked[to] => skipped(from, from, to),
            Role::Skips { from, instead_of, to } if drawn.invoked[to] => skipped(from, instead_of, to),
            _ => None,
        }
    }

    /// Seconds from a sender's start in a region to the invocation of an instance.
    fn departure_s(&self, sample: usize, from: usize, region: &Region, towards: usize) -> f64 {
        let executions = &self.d.learned.instances[from];
        let Some((seconds, row, slowness)) =
            self.execute(executions, region, self.drawn[sample].execution[from])
        else {
            return 0.0;
        };
        let name = &self.d.config.instances[towards].name;
        executions.invocation_s(row, name).map_or(seconds, |at| at * slowness)
    }

    /// Fills every edge but the first, and returns when each departs in the home plan: seconds by sample and edge, `None`
    /// where it is not taken.
    fn fill_edges(&self, builder: &mut SamplesBuilder<'_>) -> Result<Vec<Vec<Option<f64>>>, OriginalError> {
        let home = &self.d.config.home;
        let departures = self.home_departures();
        for (edge, role) in self.layout.roles.iter().enumerate().skip(1) {
            let (from, instead_of, to) = match *role {
                Role::Start => continue,
                Role::Ends { from } => {
                    let latency = self.column(|drawn| taken(drawn.invoked[from]));
                    builder.edge(
                        edge,
                        EdgeColumns { latency_s: &latency, trips: 0.0, gb: &vec![0.0; self.len()] },
                    )?;
                    continue;
                }
                Role::SkipsEnd { from, instead_of } => {
                    let latency =
                        self.column(|drawn| taken(drawn.invoked[from] && !drawn.invoked[instead_of]));
                    builder.edge(
                        edge,
                        EdgeColumns { latency_s: &latency, trips: 0.0, gb: &vec![0.0; self.len()] },
                    )?;
                    continue;
                }
                Role::Follows { from, to } => (from, from, to),
                Role::Skips { from, instead_of, to } => (from, instead_of, to),
            };
            let is_sync = self.is_sync(to);
            let latencies = |between: [&Region; 2]| -> Vec<f64> {
                let of = |sample| {
                    self.passage(sample, edge, between).map_or(f64::NEG_INFINITY, |(_, latency)| latency)
                };
                (0..self.len()).map(of).collect()
            };
            let gb: Vec<f64> =
                (0..self.len()).map(|sample| self.moved_gb(sample, edge, &departures[sample])).collect();
            let trips = TRIPS[usize::from(is_sync)];
            builder.edge(edge, EdgeColumns { latency_s: &latencies([home, home]), trips, gb: &gb })?;
            for &(sender, at) in self.sites(from) {
                let departs = |sample| {
                    let towards = self.passage(sample, edge, [home, home])?.0;
                    Some(self.departure_s(sample, from, at, towards))
                };
                let column: Vec<f64> = (0..self.len()).map(|sample| departs(sample).unwrap_or(0.0)).collect();
                builder.departure(edge, sender, &column)?;
                for &(receiver, there) in self.sites(to) {
                    if at == there
                        || self.d.is_measured([from, to], [at, there])
                        || self.tells(from, [at, there])
                    {
                        builder.measured_latency(edge, sender, receiver, &latencies([at, there]))?;
                    }
                }
            }
            for &(receiver, region) in self.sites(to) {
                let [message, _, write] = self.prices(region);
                let usd = self.column(|drawn| {
                    let (sent, gb, _) = drawn.sent[edge];
                    if sent && is_sync {
                        let answer =
                            self.transfer(from, to).map_or(0.0, |transfer| self.sync_sizes(transfer)[0]);
                        2.0 * write_units(answer) * write
                    } else if sent {
                        message_units(gb) * message
                    } else {
                        let told = self.skipped_gb(drawn, from, instead_of, to);
                        told.map_or(0.0, |gb| 2.0 * write_units(gb) * write)
                    }
                });
                builder.edge_usd(edge, receiver, &usd)?;
            }
        }
        Ok(departures)
    }

    /// Whether a sender's news of instances that it does not invoke were measured between two regions.
    fn tells(&self, from: usize, [at, there]: [&Region; 2]) -> bool {
        let pair = (at.clone(), there.clone());
        let transfers = self.d.learned.transfers.range((from, 0)..(from + 1, 0));
        transfers.flat_map(|(_, transfer)| &transfer.skips).any(|skip| skip.latencies_s.contains_key(&pair))
    }

    /// What an edge moves in a sample, in GB: a payload, a sync node's answers, the message of its last caller.
    fn moved_gb(&self, sample: usize, edge: usize, departures: &[Option<f64>]) -> f64 {
        let drawn = &self.drawn[sample];
        let (sent, gb, _) = drawn.sent[edge];
        let (from, instead_of, to) = match self.layout.roles[edge] {
            Role::Follows { from, to } => (from, from, to),
            Role::Skips { from, instead_of, to } => (from, instead_of, to),
            _ => return 0.0,
        };
        if !self.is_sync(to) {
            return if sent { gb } else { 0.0 };
        }
        let sizes = self.transfer(instead_of, to).map_or([0.0; 2], |transfer| self.sync_sizes(transfer));
        let kept =
            if sent { gb + sizes[0] } else { self.skipped_gb(drawn, from, instead_of, to).unwrap_or(0.0) };
        let calls = self.last_caller(to, departures) == Some(edge);
        kept + if calls { sizes[1] } else { 0.0 }
    }

    /// The edge into a sync node that departs last.
    fn last_caller(&self, sync_node: usize, departures: &[Option<f64>]) -> Option<usize> {
        let into = self.edges_into(sync_node).filter_map(|edge| Some((edge, departures[edge]?)));
        into.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(edge, _)| edge)
    }

    fn edges_into(&self, instance: usize) -> impl Iterator<Item = usize> {
        let node = NodeId(1 + self.layout.stage_of(instance) as u16);
        let edges = self.layout.graph.edges.iter().enumerate();
        edges.filter(move |(_, edge)| edge.to == node).map(|(edge, _)| edge)
    }

    /// By sample and edge: when it departs if all is at home.
    fn home_departures(&self) -> Vec<Vec<Option<f64>>> {
        let home = &self.d.config.home;
        let of_sample = |sample: usize| {
            let mut departures = vec![None; self.layout.roles.len()];
            let mut starts = vec![0.0; self.layout.order.len()];
            for &instance in &self.layout.order[1..] {
                let mut last: Option<[f64; 2]> = None;
                for edge in self.edges_into(instance) {
                    let Some((towards, latency)) = self.passage(sample, edge, [home, home]) else { continue };
                    let (Role::Follows { from, .. } | Role::Skips { from, .. }) = self.layout.roles[edge]
                    else {
                        continue;
                    };
                    let departs = starts[from] + self.departure_s(sample, from, home, towards);
                    departures[edge] = Some(departs);
                    let arrives = departs + latency;
                    let key = if self.deviations.starts_at_last_caller { departs } else { arrives };
                    if last.is_none_or(|[before, _]| key > before) {
                        last = Some([key, arrives]);
                    }
                }
                starts[instance] = last.map_or(0.0, |[_, arrives]| arrives);
            }
            departures
        };
        (0..self.len()).map(of_sample).collect()
    }

    fn fill_stages(
        &self,
        builder: &mut SamplesBuilder<'_>,
        departures: &[Vec<Option<f64>>],
    ) -> Result<(), OriginalError> {
        let per_gb = kwh_per_gb(Transmission::Best, true);
        for (stage, &instance) in self.layout.order.iter().enumerate() {
            let node = NodeId(1 + stage as u16);
            let executions = &self.d.learned.instances[instance];
            let units: Vec<[f64; 3]> = (0..self.len())
                .map(|sample| self.sync_units(sample, instance, &departures[sample]))
                .collect();
            for &(number, region) in &self.sites[stage] {
                let [mut time, mut own, mut quarter, mut half, mut usd] =
                    std::array::from_fn(|_| vec![0.0; self.len()]);
                let utilisation = executions.utilisation_at(region);
                let prices = self.prices(region);
                for (sample, drawn) in self.drawn.iter().enumerate() {
                    if !drawn.invoked[instance] {
                        continue;
                    }
                    let Some((seconds, row, _)) = self.execute(executions, region, drawn.execution[instance])
                    else {
                        continue;
                    };
                    let traffic_kwh = executions.traffic_gb(row) * per_gb;
                    time[sample] = seconds;
                    own[sample] = self.kwh(instance, utilisation, region, seconds) + traffic_kwh / 4.0;
                    quarter[sample] = traffic_kwh / 4.0;
                    half[sample] = traffic_kwh / 2.0;
                    let stored: f64 =
                        units[sample].iter().zip(prices).map(|(units, price)| units * price).sum();
                    usd[sample] = self.usd(instance, region, seconds) + stored;
                }
                builder.node(node, number, NodeColumns { time_s: &time, kwh: &own, usd: &usd })?;
                builder.elsewhere(node, number, &quarter, &half)?;
            }
        }
        Ok(())
    }

    /// Message, read and write units of a sync node: the item that holds all payloads is written anew with each.
    fn sync_units(&self, sample: usize, instance: usize, departures: &[Option<f64>]) -> [f64; 3] {
        let drawn = &self.drawn[sample];
        if !self.is_sync(instance) || !drawn.invoked[instance] {
            return [0.0; 3];
        }
        let sent = self.edges_into(instance).filter(|&edge| drawn.sent[edge].0);
        let mut uploads: Vec<(f64, f64)> =
            sent.filter_map(|edge| Some((departures[edge]?, drawn.sent[edge].1))).collect();
        uploads.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut item_gb, mut writes) = (0.0, 0.0);
        for (_, gb) in uploads {
            item_gb += gb;
            writes += write_units(item_gb);
        }
        let message_gb =
            self.last_caller(instance, departures).map_or(0.0, |edge| match self.layout.roles[edge] {
                Role::Follows { from, to } if drawn.sent[edge].0 => {
                    self.transfer(from, to).map_or(0.0, |transfer| self.sync_sizes(transfer)[1])
                }
                Role::Follows { from, to } | Role::Skips { from, to, .. } => {
                    self.last_skip(drawn, from, to).map_or(0.0, |(_, skip)| skip.billed_gb())
                }
                _ => 0.0,
            });
        [message_units(message_gb), read_units(item_gb), writes]
    }
}

/// The latency of an edge to the result.
fn taken(is_taken: bool) -> f64 {
    if is_taken { 0.0 } else { f64::NEG_INFINITY }
}

/// Started 64 KiB.
fn message_units(gb: f64) -> f64 {
    (gb * KIB_PER_GB / 64.0).ceil()
}

/// Started 4 KiB.
fn read_units(gb: f64) -> f64 {
    (gb * KIB_PER_GB / 4.0).ceil()
}

/// Started KiB.
fn write_units(gb: f64) -> f64 {
    (gb * KIB_PER_GB).ceil()
}
