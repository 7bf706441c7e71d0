//! What can be had of carbon, cost and runtime at once.

use std::time::Instant;

use caribou_model::{HOURS, Hour, Metric, Placement, Statistic};
use serde::{Deserialize, Serialize};

use crate::algorithm::{Method, SolveError, home};
use crate::limit::{Bound, Limits};
use crate::objective::Objective;
use crate::problem::Problem;
use crate::sample::Samples;
use crate::score::Scorer;
use crate::solve::{Settings, search};

/// Placements of an hour of which none is better than another in every metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Front {
    /// The hour.
    pub hour: Hour,
    /// The placements, by rising carbon.
    pub points: Vec<Point>,
    /// Whether every search was finished: then no permitted placement is better than any of these.
    pub proven: bool,
}

/// A placement and its means per run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The placement.
    pub placement: Placement,
    /// gCO2eq, in the manifest's transmission case.
    pub carbon_g: f64,
    /// USD.
    pub cost_usd: f64,
    /// Seconds.
    pub runtime_s: f64,
}

impl Point {
    fn values(&self) -> [f64; 3] {
        [self.carbon_g, self.cost_usd, self.runtime_s]
    }

    /// Whether all figures are the same but for rounding.
    fn is_as(&self, other: &Self) -> bool {
        let (own, others) = (self.values(), other.values());
        own.iter().zip(&others).all(|(own, other)| (own - other).abs() <= 1e-9 * other.abs())
    }

    fn is_dominated_by(&self, other: &Self) -> bool {
        let (own, others) = (self.values(), other.values());
        let mut pairs = own.iter().zip(&others);
        pairs.clone().all(|(own, other)| other <= own) && pairs.any(|(own, other)| other < own)
    }
}

/// All orders of the three metrics.
const ORDERS: [[Metric; 3]; 6] = {
    use Metric::{Carbon, Cost, Runtime};
    [
        [Carbon, Cost, Runtime],
        [Carbon, Runtime, Cost],
        [Cost, Carbon, Runtime],
        [Cost, Runtime, Carbon],
        [Runtime, Carbon, Cost],
        [Runtime, Cost, Carbon],
    ]
};

/// Samples the front of an hour under the hard limits; soft limits are left aside.
///
/// The best of each metric, with the others in either order, come first. Then the least carbon is sought under `levels`
/// limits on cost and as many on runtime, evenly between what the first had. Each answer is the least of a second and a
/// third metric too, so none can be improved; there may be more placements between two of them. Points are exact up to
/// one part in 10^9, which rounding may add to a limit. The manifest's tolerance and the settings' algorithm and gap are left
/// aside: every search is exact. The time limit of the settings is for all searches together.
///
/// # Errors
///
/// As [`solve`](crate::solve()).
pub fn pareto(
    problem: &Problem,
    samples: &Samples,
    settings: &Settings,
    hour: Hour,
    levels: usize,
) -> Result<Front, SolveError> {
    let scorer = Scorer::new(problem, samples);
    let mut scratch = scorer.scratch();
    let limits = Limits::new(&scorer, &mut scratch)?.with_soft_as_hard(|_| false);
    let deadline = settings.time_limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut front = Searches {
        scorer: &scorer,
        settings,
        hour: hour.index(),
        deadline,
        points: Vec::new(),
        proven: true,
    };
    for order in ORDERS {
        front.add(&limits, order, home(&scorer))?;
    }
    let levels_of = |metric: usize| -> Vec<f64> {
        let values = front.points.iter().map(|(_, point)| point.values()[metric]);
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let step = (most - least) / (levels + 1) as f64;
        (1..=levels).map(|level| least + step * level as f64).chain([f64::INFINITY]).collect()
    };
    let (costs, runtimes) = (levels_of(1), levels_of(2));
    for (&cost, &runtime) in costs.iter().flat_map(|cost| runtimes.iter().map(move |runtime| (cost, runtime)))
    {
        // a search starts where its limits are kept
        let kept = |(_, point): &&(Vec<u8>, Point)| point.cost_usd <= cost && point.runtime_s <= runtime;
        let Some(start) = front.points.iter().find(kept).map(|(placement, _)| placement.clone()) else {
            continue;
        };
        let bound =
            |metric, at_most| Bound { metric, statistic: Statistic::Average, at_most: [at_most; HOURS] };
        let limits = limits.clone().with(bound(Metric::Cost, cost)).with(bound(Metric::Runtime, runtime));
        front.add(&limits, ORDERS[0], start)?;
    }
    Ok(front.into_front(hour))
}

/// The searches of a front, and what they found.
struct Searches<'s> {
    scorer: &'s Scorer<'s>,
    settings: &'s Settings,
    hour: usize,
    deadline: Option<Instant>,
    points: Vec<(Vec<u8>, Point)>,
    proven: bool,
}

impl Searches<'_> {
    fn add(&mut self, limits: &Limits, order: [Metric; 3], start: Vec<u8>) -> Result<(), SolveError> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            self.proven = false;
            return Ok(());
        }
        let settings =
            Settings { algorithm: Method::Exact, time_limit: left, gap: 0.0, ..self.settings.clone() };
        let found = search(
            self.scorer,
            limits,
            &settings,
            &[self.hour],
            &order.map(Objective::of),
            vec![start],
            0.0,
        )?;
        self.proven &= found.proven;
        let mut scratch = self.scorer.scratch();
        for best in found.best {
            let mut evaluation = self.scorer.evaluate(&best.placement, &mut scratch);
            let value = |metric| evaluation.value(metric, Statistic::Average, self.hour);
            let [carbon_g, cost_usd, runtime_s] = Metric::ALL.map(value);
            let placement = self.scorer.problem().to_placement(&best.placement)?;
            self.points.push((best.placement, Point { placement, carbon_g, cost_usd, runtime_s }));
        }
        Ok(())
    }

    /// Keeps what no other dominates, once where figures are the same.
    fn into_front(self, hour: Hour) -> Front {
        let mut points: Vec<Point> = Vec::new();
        for (_, point) in &self.points {
            let dominated = self.points.iter().any(|(_, other)| point.is_dominated_by(other));
            if !dominated && !points.iter().any(|other| point.is_as(other)) {
                points.push(point.clone());
            }
        }
        points.sort_by(|a, b| a.carbon_g.total_cmp(&b.carbon_g).then(a.cost_usd.total_cmp(&b.cost_usd)));
        Front { hour, points, proven: self.proven }
    }
}
