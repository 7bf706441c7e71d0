//! Cold starts as a probability.
//!
//! An instance that got no request for [`IDLE_LIFETIME`] is taken away, and the next request starts a new one. Requests
//! that arrive independently of each other at a rate `r` leave a gap longer than `T` with probability `e^(-r T)`: that is
//! the share of cold starts. Runs that overlap need more instances than one, which the formula leaves out; so it is right
//! where it matters, for workflows that seldom run.
//!
//! The other part of the probability is where the requests go. Of a workflow's runs, a stage gets those in which it runs;
//! away from home it gets no probes.

use caribou_model::Seconds;

/// How long AWS keeps an idle instance (about 27 minutes: Wang et al., Peeking Behind the Curtains of Serverless
/// Platforms, USENIX ATC 2018).
pub const IDLE_LIFETIME: Seconds = Seconds(27.0 * 60.0);
/// Hours of an average month.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// The share of cold starts of what is requested so many times a month.
///
/// ```
/// use caribou_solver::model::cold::{IDLE_LIFETIME, probability};
///
/// assert!(probability(100_000.0, IDLE_LIFETIME) < 1e-20);
/// assert!((probability(730.0, IDLE_LIFETIME) - (-0.45_f64).exp()).abs() < 1e-12);
/// assert!(probability(1.0, IDLE_LIFETIME) > 0.999);
/// ```
pub fn probability(requests_per_month: f64, idle_lifetime: Seconds) -> f64 {
    let per_second = requests_per_month / HOURS_PER_MONTH / 3600.0;
    (-per_second * idle_lifetime.0).exp().clamp(0.0, 1.0)
}
