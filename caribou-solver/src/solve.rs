//! From a problem to its solution.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use caribou_model::{HOURS, Hour, Metric};

use crate::algorithm::{Algorithm, Budget, Exhaustive, Incumbent, Method, SolveError, Target, home};
use crate::limit::{Ceiling, Limits};
use crate::objective::Objective;
use crate::problem::{HOME, Problem};
use crate::sample::Samples;
use crate::score::Scorer;
use crate::smooth::smooth;
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
    /// The hours to solve; in the others every stage stays at home.
    pub hours: Vec<Hour>,
    /// An exact search may stop once no placement can be better by more than this share of the objective.
    pub gap: f64,
    /// When to stop with what was found so far, and its gap. With a time limit the answer depends on the machine.
    pub time_limit: Option<Duration>,
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
            hours: Hour::all().collect(),
            gap: 0.001,
            time_limit: None,
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
    solve_samples(problem, &enough_samples(problem, settings), settings)
}

/// The same on samples that are there already, whatever made them.
///
/// # Errors
///
/// As [`solve`].
pub fn solve_samples(
    problem: &Problem,
    samples: &Samples,
    settings: &Settings,
) -> Result<Solution, SolveError> {
    let scorer = Scorer::new(problem, samples);
    let mut scratch = scorer.scratch();
    let limits = Limits::new(&scorer, &mut scratch)?;
    let hours: Vec<usize> = settings.hours.iter().map(|hour| hour.index()).collect();
    let objectives = objectives(&scorer);
    let start = vec![home(&scorer); hours.len()];
    let mut found = search(&scorer, &limits, settings, &hours, &objectives, start, problem.tolerance())?;
    for (why, &alone) in found.why_home.iter_mut().zip(&found.first_moved) {
        // What the first objective gained by moving was given to a later one.
        if alone {
            *why = StaysHome::Tolerance;
        }
    }
    if problem.smoothness() > 0.0
        && let Some(objective) = objectives.first()
    {
        let before = found.best.clone();
        for (best, &hour) in found.best.iter_mut().zip(&hours) {
            best.rank.value = objective.value(&mut scorer.evaluate(&best.placement, &mut scratch), hour);
        }
        smooth(&scorer, &limits, objective, &hours, &mut found.best);
        for (position, (best, before)) in found.best.iter().zip(&before).enumerate() {
            if best.placement != before.placement {
                found.why_home[position] = StaysHome::Smoothness;
                found.gaps[position] = gap(best.rank.value, found.bounds[position]);
            }
        }
    }

    let all_hours: Vec<usize> = Hour::all().map(Hour::index).collect();
    let home = home(&scorer);
    let at_home = scorer.figures(&home, &all_hours, &mut scratch);
    let mut expected = at_home.clone();
    for (placement, hours) in by_placement(&hours, &found) {
        for (hour, figures) in hours.iter().zip(scorer.figures(placement, &hours, &mut scratch)) {
            expected[*hour] = figures;
        }
    }
    let mut answers = Vec::with_capacity(all_hours.len());
    for hour in Hour::all() {
        let index = hour.index();
        let position = hours.iter().position(|&asked| asked == index);
        let best = position.map(|position| &found.best[position]);
        let placement = best.map_or(&home, |best| &best.placement);
        let stays_home = match position {
            None => Some(StaysHome::NotAsked),
            Some(position) if *placement == home => Some(found.why_home[position]),
            Some(_) => None,
        };
        answers.push(HourSolution {
            hour,
            placement: problem.to_placement(placement)?,
            expected: expected[index],
            at_home: at_home[index],
            gap: position.map_or(0.0, |position| found.gaps[position]),
            broken_soft_limits: best.map_or(0, |best| best.rank.broken_soft),
            stays_home,
        });
    }
    Ok(Solution {
        workflow: problem.graph().workflow.clone(),
        version: problem.graph().version.clone(),
        home: problem.home().clone(),
        month: problem.month(),
        algorithm: settings.algorithm,
        priority: problem.priority().to_vec(),
        weights: problem.weights(),
        transmission: problem.transmission(),
        samples: samples.len(),
        placements: found.scored,
        hours: answers,
    })
}

/// What all searches together found, in the order of the hours that were asked for.
pub(crate) struct Found {
    pub(crate) best: Vec<Incumbent>,
    /// What no placement is below in the first objective.
    bounds: Vec<f64>,
    /// By how much of its value the first objective could still fall.
    pub(crate) gaps: Vec<f64>,
    /// Whether every search was proven up to the gap that was asked for.
    pub(crate) proven: bool,
    /// Why a placement is home, where it is.
    why_home: Vec<StaysHome>,
    /// Whether the first objective alone would leave home.
    first_moved: Vec<bool>,
    pub(crate) scored: u64,
}

/// Minimises one objective after the other, each below what the earlier ones reached and a tolerance, as a share of it.
pub(crate) fn search(
    scorer: &Scorer<'_>,
    limits: &Limits,
    settings: &Settings,
    hours: &[usize],
    objectives: &[Objective],
    mut start: Vec<Vec<u8>>,
    tolerance: f64,
) -> Result<Found, SolveError> {
    let algorithm = settings.algorithm.algorithm(settings);
    let deadline = settings.time_limit.and_then(|limit| Instant::now().checked_add(limit));
    let budget = Budget { gap: settings.gap, deadline };
    let mut allowed = limits.clone();
    let mut found = Found {
        best: Vec::new(),
        bounds: Vec::new(),
        gaps: Vec::new(),
        proven: true,
        why_home: Vec::new(),
        first_moved: Vec::new(),
        scored: 0,
    };
    for (position, objective) in objectives.iter().enumerate() {
        let target = Target { scorer, limits: &allowed, objective, hours, start: &start };
        let search = algorithm.search(&target, &budget)?;
        found.scored += search.scored;
        let open =
            |(best, &bound): (&Incumbent, &f64)| gap(best.rank.value, bound) > settings.gap * 1.001 + 1e-9;
        found.proven &= !search.best.iter().zip(&search.bounds).any(open);
        if position == 0 {
            let each = search.best.iter().zip(&search.bounds);
            found.gaps = each.map(|(best, &bound)| gap(best.rank.value, bound)).collect();
            found.bounds.clone_from(&search.bounds);
            found.first_moved = search.best.iter().map(|best| best.rank.moved > 0).collect();
            found.why_home = why_home(&target, &search.best, algorithm.as_ref(), &budget)?;
        }
        let mut at_most = [f64::INFINITY; HOURS];
        for (&hour, best) in hours.iter().zip(&search.best) {
            at_most[hour] = best.rank.value * (1.0 + tolerance);
        }
        start = search.best.iter().map(|best| best.placement.clone()).collect();
        found.best = search.best;
        if budget.is_spent() && position + 1 < objectives.len() {
            found.proven = false;
            break;
        }
        allowed = allowed.below(Ceiling { objective: objective.clone(), at_most });
    }
    Ok(found)
}

/// By which share of its value an objective could still fall.
fn gap(value: f64, bound: f64) -> f64 {
    if value > 0.0 { ((value - bound) / value).max(0.0) } else { 0.0 }
}

/// The objectives in order: the metrics by priority; or their weighted sum, then the metrics that are not in it.
pub(crate) fn objectives(scorer: &Scorer<'_>) -> Vec<Objective> {
    let problem = scorer.problem();
    match problem.weights() {
        None => problem.priority().iter().map(|&metric| Objective::of(metric)).collect(),
        Some(weights) => {
            let mut scratch = scorer.scratch();
            let home = home(scorer);
            let each = Metric::ALL.map(|metric| weights.of(metric));
            let sum = Objective::weighted(each, &mut scorer.evaluate(&home, &mut scratch));
            let others = Metric::ALL.into_iter().filter(|&metric| weights.of(metric) == 0.0);
            std::iter::once(sum).chain(others.map(Objective::of)).collect()
        }
    }
}

/// Why each placement that is home is not another: what the search finds when no limit holds it back tells.
fn why_home(
    target: &Target<'_>,
    best: &[Incumbent],
    algorithm: &dyn Algorithm,
    budget: &Budget,
) -> Result<Vec<StaysHome>, SolveError> {
    let home = home(target.scorer);
    if target.scorer.problem().placements() == 1 {
        return Ok(vec![StaysHome::NothingElsePermitted; best.len()]);
    }
    let mut reasons = vec![StaysHome::NothingBetter; best.len()];
    let stay: Vec<usize> =
        best.iter().enumerate().filter(|(_, best)| best.placement == home).map(|(index, _)| index).collect();
    if stay.is_empty() || target.limits.hard().is_empty() {
        return Ok(reasons);
    }
    let hours: Vec<usize> = stay.iter().map(|&index| target.hours[index]).collect();
    let limits = target.limits.without_hard();
    let start = vec![home; hours.len()];
    let free =
        algorithm.search(&Target { limits: &limits, hours: &hours, start: &start, ..*target }, budget)?;
    let mut scratch = target.scorer.scratch();
    for ((&index, &hour), free) in stay.iter().zip(&hours).zip(&free.best) {
        let mut evaluation = target.scorer.evaluate(&free.placement, &mut scratch);
        if let Some(bound) = target.limits.broken_hard(&mut evaluation, hour) {
            reasons[index] = StaysHome::LimitForbids { metric: bound.metric, statistic: bound.statistic };
        }
    }
    Ok(reasons)
}

/// Runs drawn before the precision is first looked at.
const FIRST_DRAW: usize = 200;

/// The runs that [`solve`] draws: twice as many until the home plan's figures are precise enough, or no more are to be had.
pub fn enough_samples(problem: &Problem, settings: &Settings) -> Samples {
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
fn by_placement<'f>(hours: &[usize], found: &'f Found) -> BTreeMap<&'f [u8], Vec<usize>> {
    let mut by_placement: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (&hour, incumbent) in hours.iter().zip(&found.best) {
        by_placement.entry(&incumbent.placement).or_default().push(hour);
    }
    by_placement
}
