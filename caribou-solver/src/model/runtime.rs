//! End-to-end runtime along the realised graph.
//!
//! A node starts when the last of its taken edges has arrived, and ends after the shim's time and the user's, the latter
//! divided by the region's relative speed. An edge arrives after its sampled overhead and the round trips that the
//! regions at its ends add:
//!
//! | edge | round trips before the receiver starts | round trips that the sender waits |
//! |---|---|---|
//! | a message | one half: one way | one: the transport's receipt |
//! | into a sync node | two and a half: arrival item, arrival set, one way | two |
//! | the run record | one | one |
//! | and a blob with it | one more, to fetch it | the receiver waits one |
//!
//! Within a region the sampled overhead holds all of it; between regions the median round trip is added for each. Moving
//! the bytes takes no longer: a Lambda instance's own network is the bottleneck in both cases, and sampled.
//!
//! The clock starts when the entry has received the request. A request that lands elsewhere than the plan's entry is
//! forwarded to it once; that message passes before, and is counted neither here nor in cost and carbon: where requests
//! land is not known of a plan that was never deployed.
//!
//! The items of a map run at the same time, so the map takes as long as its slowest item; the others are billed.
//!
//! What the model does not see of a sampled run (the entry's and the gates' own time, queues) is kept as the run's
//! *residual*: its observed runtime less its modelled one where it was observed. So the home plan's estimate from home
//! runs is what was observed.

use crate::problem::{EdgeKind, Problem};
use crate::sample::{Samples, SyncStart};
use crate::score::Scratch;

/// Round trips between sender and receiver before the receiver starts.
pub fn round_trips_on_path(kind: EdgeKind, blob: bool) -> f64 {
    let fetch = f64::from(u8::from(blob));
    match kind {
        EdgeKind::Message => 0.5 + fetch,
        EdgeKind::Sync => 2.5 + fetch,
        EdgeKind::Record => 1.0,
    }
}

/// Those of them that pass before the sender hands the message over, from where an edge's latency is measured.
pub fn round_trips_before_hand_over(kind: EdgeKind) -> f64 {
    match kind {
        EdgeKind::Sync => 2.0,
        EdgeKind::Message | EdgeKind::Record => 0.0,
    }
}

/// Round trips that the sender waits, billed.
pub fn round_trips_of_sender(kind: EdgeKind) -> f64 {
    match kind {
        EdgeKind::Message | EdgeKind::Record => 1.0,
        EdgeKind::Sync => 2.0,
    }
}

/// Round trips that the receiver waits for a blob, billed.
pub fn round_trips_of_receiver(kind: EdgeKind) -> f64 {
    match kind {
        EdgeKind::Message | EdgeKind::Sync => 1.0,
        EdgeKind::Record => 0.0,
    }
}

/// Samples that are walked together, so that all starts and ends of a usual graph stay in the first-level cache.
pub(crate) const TILE: usize = 256;

/// The runtime of every sample under a placement, in seconds, written to `scratch.runtimes`.
///
/// Node by node over a tile of samples; `-inf` stands for a node that does not run and an edge that is not taken.
pub(crate) fn of_placement(problem: &Problem, samples: &Samples, placement: &[u8], scratch: &mut Scratch) {
    let site = |node| problem.site(node, placement);
    let mut legs = Vec::with_capacity(problem.edges().len());
    let mut bounds = Vec::with_capacity(problem.nodes() + 1);
    for node in 0..problem.nodes() {
        bounds.push(legs.len());
        legs.extend(
            problem
                .edges_into(node)
                .map(|(edge, ends)| Leg::new(samples, edge, ends.from, site(ends.from), site(node))),
        );
    }
    bounds.push(legs.len());
    let times: Vec<(&[f32], Option<f32>)> = (0..problem.nodes())
        .map(|node| {
            let id = samples.site(node, site(node)).time_s;
            (samples.columns().values(id), samples.columns().constant(id))
        })
        .collect();
    let residual = samples.residual_s();
    let keeps_starts = samples.has_departures();
    let mut departed = [0.0_f32; TILE];
    for at in (0..samples.len()).step_by(TILE) {
        let count = (samples.len() - at).min(TILE);
        for node in 0..problem.nodes() {
            let (before, rest) = scratch.ends.split_at_mut(node * count);
            let start = &mut rest[..count];
            let legs = &legs[bounds[node]..bounds[node + 1]];
            let by_departure = legs.len() > 1 && samples.sync_start() == SyncStart::LastDeparture;
            if node == 0 {
                start.fill(0.0);
            } else if legs.is_empty() {
                start.fill(f32::NEG_INFINITY);
            }
            for (number, leg) in legs.iter().enumerate() {
                let first = number == 0 && node != 0;
                let from = match leg.departure {
                    None => &before[leg.from * count..][..count],
                    Some(_) => &scratch.starts[leg.from * count..][..count],
                };
                if by_departure {
                    let departed = &mut departed[..count];
                    if first {
                        departed.fill(f32::NEG_INFINITY);
                        start.fill(f32::NEG_INFINITY);
                    }
                    leg.follow_last_departure(from, at, departed, start);
                } else {
                    leg.arrive(from, at, first, start);
                }
            }
            if keeps_starts {
                scratch.starts[node * count..][..count].copy_from_slice(start);
            }
            match times[node] {
                (_, Some(time)) => {
                    if time != 0.0 {
                        for end in start.iter_mut() {
                            *end += time;
                        }
                    }
                }
                (times, None) => {
                    start.iter_mut().zip(&times[at..at + count]).for_each(|(end, time)| *end += time);
                }
            }
        }
        let result = &scratch.ends[(problem.nodes() - 1) * count..][..count];
        let runtimes = scratch.runtimes[at..at + count].iter_mut();
        for ((runtime, end), residual) in runtimes.zip(result).zip(&residual[at..at + count]) {
            let total = end + residual;
            *runtime = if total > 0.0 { total } else { 0.0 };
        }
    }
}

/// An edge between two regions.
struct Leg<'a> {
    from: usize,
    /// From the sender's start; `None` where it departs at the sender's end.
    departure: Option<&'a [f32]>,
    latency: &'a [f32],
    /// Where it differs between the samples: round trips, to be multiplied.
    trips: Option<&'a [f32]>,
    /// Seconds of a round trip, or of all of them.
    distance_s: f32,
}

impl<'a> Leg<'a> {
    fn new(samples: &'a Samples, edge: usize, from: usize, at_from: usize, at_to: usize) -> Self {
        let columns = samples.columns();
        let latency = samples.edge_latency_s(edge, at_from, at_to);
        let distance = samples.edge_distance_s(edge, at_from, at_to);
        let id = samples.path(edge).trips;
        let (trips, distance_s) = match columns.constant(id) {
            _ if distance == 0.0 => (None, 0.0),
            Some(trips) => (None, trips * distance as f32),
            None => (Some(columns.values(id)), distance as f32),
        };
        let departure = samples.edge_departure_s(edge, at_from);
        Self { from, departure, latency, trips, distance_s }
    }

    /// The later of `start` and the arrival of a tile of samples whose senders start or end at `from`; the arrival itself
    /// if it is the first.
    fn arrive(&self, from: &[f32], at: usize, first: bool, start: &mut [f32]) {
        let part = |column: &'a [f32]| &column[at..at + start.len()];
        let paths = from.iter().zip(part(self.latency));
        let each_s = self.distance_s;
        match (self.departure.map(part), self.trips.map(part)) {
            (None, None) => latest(start, first, paths.map(|(from, latency)| from + latency + each_s)),
            (None, Some(trips)) => {
                let arrivals = paths.zip(trips);
                latest(
                    start,
                    first,
                    arrivals.map(|((from, latency), trips)| from + latency + trips * each_s),
                );
            }
            (Some(departure), None) => {
                let arrivals = paths.zip(departure);
                latest(start, first, arrivals.map(|((from, latency), sent)| from + sent + latency + each_s));
            }
            (Some(departure), Some(trips)) => {
                let arrivals = paths.zip(departure).zip(trips);
                let arrivals =
                    arrivals.map(|(((from, latency), sent), trips)| from + sent + latency + trips * each_s);
                latest(start, first, arrivals);
            }
        }
    }

    /// The arrival, where this edge is taken and departs later than those before it.
    fn follow_last_departure(&self, from: &[f32], at: usize, departed: &mut [f32], start: &mut [f32]) {
        for (sample, ((departed, start), from)) in departed.iter_mut().zip(start).zip(from).enumerate() {
            let of = |column: &[f32]| column[at + sample];
            let latency = of(self.latency);
            let departs = from + self.departure.map_or(0.0, of);
            if latency > f32::NEG_INFINITY && departs > *departed {
                *departed = departs;
                *start = departs + latency + self.trips.map_or(1.0, of) * self.distance_s;
            }
        }
    }
}

fn latest(start: &mut [f32], first: bool, arrivals: impl Iterator<Item = f32>) {
    if first {
        start.iter_mut().zip(arrivals).for_each(|(start, arrival)| *start = arrival);
    } else {
        start
            .iter_mut()
            .zip(arrivals)
            .for_each(|(start, arrival)| *start = if arrival > *start { arrival } else { *start });
    }
}

/// A runtime that no placement can beat, for every sample, written to `scratch.runtimes`: every node and every edge as
/// fast as it is between any regions that it may use, and no distance between them.
pub(crate) fn lower_bound(problem: &Problem, samples: &Samples, scratch: &mut Scratch) {
    let sites = |node| problem.sites(node).iter().map(|&site| usize::from(site));
    let least = |columns: &mut dyn Iterator<Item = &[f32]>| {
        let mut least = vec![f32::INFINITY; samples.len()];
        for column in columns {
            least.iter_mut().zip(column).for_each(|(least, value)| *least = least.min(*value));
        }
        least
    };
    let mut starts: Vec<Vec<f32>> = Vec::with_capacity(problem.nodes());
    let mut ends: Vec<Vec<f32>> = Vec::with_capacity(problem.nodes());
    for node in 0..problem.nodes() {
        let mut start = vec![if node == 0 { 0.0 } else { f32::NEG_INFINITY }; samples.len()];
        let arrivals: Vec<Vec<f32>> = problem
            .edges_into(node)
            .map(|(edge, between)| {
                let pairs = sites(between.from).flat_map(|from| sites(node).map(move |to| (from, to)));
                let latency = least(&mut pairs.map(|(from, to)| samples.edge_latency_s(edge, from, to)));
                let at_end = |&from: &usize| samples.edge_departure_s(edge, from).is_none();
                let mut departs = if sites(between.from).any(|from| at_end(&from)) {
                    ends[between.from].clone()
                } else {
                    vec![f32::INFINITY; samples.len()]
                };
                let early =
                    least(&mut sites(between.from).filter_map(|from| samples.edge_departure_s(edge, from)));
                for ((departs, start), early) in departs.iter_mut().zip(&starts[between.from]).zip(early) {
                    *departs = departs.min(start + early);
                }
                departs.iter().zip(latency).map(|(departs, latency)| departs + latency).collect()
            })
            .collect();
        let by_departure = samples.sync_start() == SyncStart::LastDeparture;
        for (sample, start) in start.iter_mut().enumerate() {
            let taken = arrivals.iter().map(|arrivals| arrivals[sample]).filter(|&at| at > f32::NEG_INFINITY);
            let bound = if by_departure { taken.reduce(f32::min) } else { taken.reduce(f32::max) };
            *start = start.max(bound.unwrap_or(f32::NEG_INFINITY));
        }
        let fastest = least(&mut sites(node).map(|site| samples.node_time_s(node, site)));
        ends.push(start.iter().zip(fastest).map(|(start, time)| start + time).collect());
        starts.push(start);
    }
    let result = ends.last().into_iter().flatten();
    for ((runtime, end), residual) in scratch.runtimes.iter_mut().zip(result).zip(samples.residual_s()) {
        *runtime = (end + residual).max(0.0);
    }
}
