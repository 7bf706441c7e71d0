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
//! What the model does not see of a sampled run (the entry's and the gates' own time, queues) is kept as the run's
//! *residual*: its observed runtime less its modelled one where it was observed. So the home plan's estimate from home
//! runs is what was observed.

use crate::problem::{EdgeKind, Problem};
use crate::sample::Samples;
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

/// The runtime of every sample under a placement, in seconds, written to `scratch.runtimes`.
///
/// Node by node over all samples at once; `-inf` stands for a node that does not run and an edge that is not taken.
pub(crate) fn of_placement(problem: &Problem, samples: &Samples, placement: &[u8], scratch: &mut Scratch) {
    walk(
        problem,
        samples,
        |node| 1.0 / problem.region(problem.site(node, placement)).relative_speed,
        |from, to| problem.distance(problem.site(from, placement), problem.site(to, placement)),
        scratch,
    );
}

/// A runtime that no placement can beat, for every sample: every node in the fastest region that may run it, and
/// no distance between them.
pub(crate) fn lower_bound(problem: &Problem, samples: &Samples, scratch: &mut Scratch) {
    let fastest = |node| {
        let sites = problem.sites(node);
        sites
            .iter()
            .map(|&site| 1.0 / problem.region(usize::from(site)).relative_speed)
            .fold(f64::INFINITY, f64::min)
    };
    walk(problem, samples, fastest, |_, _| 0.0, scratch);
}

fn walk(
    problem: &Problem,
    samples: &Samples,
    slowness: impl Fn(usize) -> f64,
    distance: impl Fn(usize, usize) -> f64,
    scratch: &mut Scratch,
) {
    let count = samples.len();
    for node in 0..problem.nodes() {
        let (before, rest) = scratch.ends.split_at_mut(node * count);
        let end = &mut rest[..count];
        end.fill(if node == 0 { 0.0 } else { f64::NEG_INFINITY });
        for (index, edge) in problem.edges_into(node) {
            let from = &before[edge.from * count..][..count];
            let path = &samples.paths[index];
            let round_trip_s = distance(edge.from, node);
            for (((end, from), overhead), trips) in
                end.iter_mut().zip(from).zip(&path.overhead_s).zip(&path.trips)
            {
                *end = end.max(from + overhead + trips * round_trip_s);
            }
        }
        let columns = &samples.nodes[node];
        let slowness = slowness(node);
        for ((end, user), shim) in end.iter_mut().zip(columns.user_s()).zip(columns.shim_s()) {
            *end += user * slowness + shim;
        }
    }
    let result = &scratch.ends[(problem.nodes() - 1) * count..][..count];
    for ((runtime, end), residual) in scratch.runtimes.iter_mut().zip(result).zip(&samples.residual_s) {
        *runtime = (end + residual).max(0.0);
    }
}
