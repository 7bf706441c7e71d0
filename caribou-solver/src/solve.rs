//! From a problem to its solution.

use std::collections::BTreeMap;

use caribou_model::{Hour, Metric};

use crate::algorithm::{Algorithm, Coarse, Exhaustive, Incumbent, Method, SolveError};
use crate::limit::Limits;
use crate::problem::{HOME, Problem};
use crate::sample::Samples;
use crate::score::Scorer;
use crate::solution::{HourSolution, Solution, StaysHome};

/// How to solve.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The algorithm.
    pub algorithm: Method,
    /// The most runs that are drawn.
    pub samples: usize,
    /// Drawing stops when every metric's 95 % interval at home is within this share of its mean on each side.
    pub precision: f64,
    /// Which runs are drawn when not all are: the same seed gives the same solution.
    pub seed: u64,
    /// Threads to use; `None` for one for each processor.
    pub threads: Option<usize>,
    /// The most placements that an exhaustive search may try.
    pub most_placements: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithm: Method::default(),
            samples: 5000,
            precision: 0.025,
            seed: 0,
            threads: None,
            most_placements: Exhaustive::DEFAULT_LIMIT,
        }
    }
}

/// Finds the best placement of every hour. The same problem and settings give the same solution.
///
/// ```
/// use caribou_model::{Graph, LatencyTable, Manifest, RegionFacts, Workload};
/// use caribou_solver::{Problem, Settings, solve};
///
/// # #[derive(Debug, thiserror::Error)]
/// # #[error(transparent)]
/// # enum Error { Problem(#[from] caribou_solver::ProblemError), Solve(#[from] caribou_solver::SolveError) }
/// fn show(
///     graph: &Graph, workload: &Workload, regions: &[RegionFacts], latencies: &LatencyTable, manifest: &Manifest,
/// ) -> Result<(), Error> {
///     let june = Problem::new(graph, workload, regions, latencies, manifest, 6)?;
///     for hour in solve(&june, &Settings::default())?.hours {
///         let [now, then] = [hour.at_home, hour.expected].map(|figures| figures.carbon_best.mean.value);
///         println!("{}: {:?}, {now:.4} -> {then:.4} gCO2eq", hour.hour, hour.placement.regions());
///     }
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`SolveError`] if the home plan breaks a hard limit, or the problem is too large for the algorithm.
pub fn solve(problem: &Problem, settings: &Settings) -> Result<Solution, SolveError> {
    match settings.threads {
        None => solve_here(problem, settings),
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| SolveError::Threads(error.to_string()))?
            .install(|| solve_here(problem, settings)),
    }
}

fn solve_here(problem: &Problem, settings: &Settings) -> Result<Solution, SolveError> {
    let samples = enough_samples(problem, settings);
    let scorer = Scorer::new(problem, &samples);
    let mut scratch = scorer.scratch();
    let limits = Limits::new(&scorer, &mut scratch)?;
    let search = match settings.algorithm {
        Method::Coarse => Coarse.search(&scorer, &limits)?,
        Method::Exhaustive => Exhaustive { limit: settings.most_placements }.search(&scorer, &limits)?,
    };

    let all_hours: Vec<usize> = Hour::all().map(Hour::index).collect();
    let home = vec![HOME as u8; problem.permitted().len()];
    let at_home = scorer.figures(&home, &all_hours, &mut scratch);
    let mut expected = at_home.clone();
    for (placement, hours) in by_placement(&search.best) {
        for (hour, figures) in hours.iter().zip(scorer.figures(placement, &hours, &mut scratch)) {
            expected[*hour] = figures;
        }
    }
    let first = problem.priority().first().copied().unwrap_or(Metric::Carbon);
    let bounds = scorer.lower_bound(first, &mut scratch);
    let mut hours = Vec::with_capacity(all_hours.len());
    for (hour, best) in Hour::all().zip(&search.best) {
        let index = hour.index();
        let value = best.rank.means[0];
        let open = if search.proven || value <= 0.0 { 0.0 } else { (value - bounds[index]) / value };
        hours.push(HourSolution {
            hour,
            placement: problem.to_placement(&best.placement)?,
            expected: expected[index],
            at_home: at_home[index],
            gap: open.max(0.0),
            broken_soft_limits: best.rank.broken_soft,
            stays_home: (best.placement == home).then(|| why_home(problem, best)),
        });
    }
    Ok(Solution {
        workflow: problem.graph().workflow.clone(),
        version: problem.graph().version.clone(),
        home: problem.home().clone(),
        month: problem.month(),
        algorithm: settings.algorithm,
        priority: problem.priority().to_vec(),
        transmission: problem.transmission(),
        samples: samples.len(),
        placements: search.scored,
        hours,
    })
}

/// Runs drawn before the precision is first looked at.
const FIRST_DRAW: usize = 200;

/// Draws twice as many runs until the home plan's figures are precise enough, or no more are to be had.
fn enough_samples(problem: &Problem, settings: &Settings) -> Samples {
    let most = settings.samples.min(problem.runs().len());
    let home = vec![HOME as u8; problem.permitted().len()];
    let mut count = FIRST_DRAW.min(most);
    loop {
        let samples = Samples::draw(problem, count, settings.seed);
        if count >= most {
            return samples;
        }
        let scorer = Scorer::new(problem, &samples);
        let figures = scorer.figures(&home, &[0], &mut scorer.scratch());
        let precise = figures.iter().all(|figures| {
            [figures.carbon_best, figures.carbon_worst, figures.cost, figures.runtime]
                .iter()
                .flat_map(|estimate| [estimate.mean, estimate.p95])
                .all(|interval| interval.relative_half_width() <= settings.precision)
        });
        if precise {
            return samples;
        }
        count = (2 * count).min(most);
    }
}

/// The hours of each different placement.
fn by_placement(best: &[Incumbent]) -> BTreeMap<&[u8], Vec<usize>> {
    let mut hours: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (hour, incumbent) in best.iter().enumerate() {
        hours.entry(&incumbent.placement).or_default().push(hour);
    }
    hours
}

fn why_home(problem: &Problem, best: &Incumbent) -> StaysHome {
    if problem.placements() == 1 {
        StaysHome::NothingElsePermitted
    } else if best.forbidden > 0 {
        StaysHome::LimitsForbid { placements: best.forbidden }
    } else {
        StaysHome::NothingBetter
    }
}
