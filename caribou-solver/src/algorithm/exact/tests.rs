//! What the bounds promise, held against every placement of small cases.

use caribou_model::{Constraint, Limit, Metric, Statistic, Strictness};
use proptest::prelude::*;

use super::relaxation::FREE;
use super::root::Root;
use super::state::State;
use super::timing::Timing;
use super::tree::{Judge, Tree};
use super::{HourJudge, Target};
use crate::generate::{Case, Shape};
use crate::limit::Limits;
use crate::objective::Objective;
use crate::sample::Samples;
use crate::score::Scorer;

/// A case whose limits on the runtime hold some placements back: a percentile, and sometimes the mean.
fn any_case() -> impl Strategy<Value = (Case, Objective)> {
    let factors = (prop_oneof![1.0..1.005_f64, 1.0..1.03_f64], 1.0..1.03_f64, any::<bool>());
    let objective = prop::sample::select(Metric::ALL.to_vec());
    (any::<u64>(), 4..6_usize, 5..60_usize, factors, objective).prop_map(
        |(seed, stages, runs, (tail, mean, limits_mean), objective)| {
            let mut case = Case::new(Shape { stages, regions: 4, runs, conditional: 0.3, pinned: 1 }, seed);
            let mut limit = |statistic, factor| {
                case.manifest.constraints.push(Constraint {
                    metric: Metric::Runtime,
                    statistic,
                    limit: Limit::RelativeToHome(factor),
                    strictness: Strictness::Hard,
                });
            };
            limit(Statistic::default(), tail);
            if limits_mean {
                limit(Statistic::Average, mean);
            }
            (case, Objective::of(objective))
        },
    )
}

/// Every placement, as a position in each stage's domain.
fn all(domains: &[u8]) -> Vec<Vec<u8>> {
    domains.iter().fold(vec![Vec::new()], |placements, &regions| {
        let longer =
            |placement: Vec<u8>| (0..regions).map(move |region| [placement.as_slice(), &[region]].concat());
        placements.into_iter().flat_map(longer).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_bound_excludes_a_placement_that_is_better_and_keeps_the_limits(
        (case, objective) in any_case(), free in any::<u64>(), from_home in any::<bool>(),
    ) {
        let problem = case.problem().unwrap();
        let samples = Samples::draw(&problem, 100, 0);
        let scorer = Scorer::new(&problem, &samples);
        let limits = Limits::new(&scorer, &mut scorer.scratch()).unwrap();
        let start = [crate::algorithm::home(&scorer)];
        let hours = [12];
        let target =
            Target { scorer: &scorer, limits: &limits, objective: &objective, hours: &hours, start: &start };
        let mut judge = HourJudge::new(&target, 12);
        let timing = Timing::new(&scorer, (0..samples.len()).collect());
        let root = Root::new(&target, 12, &timing, &crate::algorithm::Budget::default());
        let domains: Vec<u8> = problem.permitted().iter().map(|regions| regions.len() as u8).collect();
        let home = vec![0; domains.len()];
        let at_home = judge.judge(&home, f64::INFINITY).unwrap();
        let known = from_home.then(|| (vec![0; domains.len()], at_home));
        let (bounds, paces) = root.bounds(known.as_ref(), 0.0);

        let mut best = at_home;
        for (number, placement) in all(&domains).into_iter().enumerate() {
            let below = if from_home { at_home } else { f64::INFINITY };
            let Some(value) = judge.judge(&placement, below) else { continue };
            best = best.min(value);
            let is_free = |stage: usize| free.rotate_right((7 * number + stage) as u32) & 1 == 1;
            let partial: Vec<u8> = (0..placement.len())
                .map(|stage| if is_free(stage) { FREE } else { placement[stage] })
                .collect();
            let rounded = value + 1e-9 * value;
            let state = State::new(&bounds, &partial);
            prop_assert!(state.bound(&bounds) <= rounded, "{} is above {value}", state.bound(&bounds));
            let left = rounded - state.scalar.first().copied().unwrap_or(0.0);
            for pace in &paces {
                prop_assert!(!pace.is_too_slow(&partial, left, &mut super::pace::Ends::default()));
            }
            let kept: Vec<Vec<u8>> = std::iter::zip(&partial, &domains)
                .map(|(&region, &regions)| if region == FREE { (0..regions).collect() } else { vec![region] })
                .collect();
            let restricted = bounds.restrict(&kept);
            let local: Vec<u8> = partial.iter().map(|&region| region.max(1) / u8::MAX * FREE).collect();
            let own = State::new(&restricted, &local).bound(&restricted);
            prop_assert!(own <= rounded, "{own} of the part alone is above {value}");
        }

        // Short dives put most parts back, which are then looked into with bounds of their own.
        for dive in [0, 1, 300] {
            let start = known.as_ref().map(|(_, value)| (home.clone(), *value));
            let tree = Tree::new(bounds.clone(), paces.clone(), domains.clone(), start);
            let mut tree = tree.with_dives(dive);
            tree.grow(0.0, &mut judge, &|| false);
            let found = tree.best().map_or(f64::INFINITY, |(_, value)| *value);
            prop_assert!((found - best).abs() <= 1e-9 * best, "found {found}, there is {best}");
            prop_assert!(tree.bound() <= best + 1e-9 * best);
        }
    }
}
