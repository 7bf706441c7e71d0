//! Plans that change less often over the day.
//!
//! Every hour may be given the placement of any other, or home, where that keeps the hour's limits and breaks no more of
//! its soft ones. Of all such days the one with the least sum of the objective, and of a price for every stage that runs
//! somewhere else than in the hour before, is found by dynamic programming: it is exact over these placements. What is
//! proven for any day, of whatever placements, is that its sum is at least that of the hours' bounds.
//!
//! Ceilings of earlier searches do not hold here, for the day is paid for with the first objective. Where a tolerance let
//! an hour's placement be above the least, one below it counts as much as it: what the tolerance gave to
//! the next objective is taken back where that saves a move, and not for the sake of the first. Of days with the same sum, the one that leaves more hours as they are is taken.

use caribou_model::HOURS;

use crate::algorithm::{Incumbent, Rank, home};
use crate::limit::Limits;
use crate::objective::Objective;
use crate::score::Scorer;

/// Chooses anew among what was found for these hours; in the others every stage is at home. The price of a move of all
/// stages is the problem's smoothness, as a share of the home plan's mean objective over the day; of one stage, its part.
pub(crate) fn smooth(
    scorer: &Scorer<'_>,
    limits: &Limits,
    objective: &Objective,
    hours: &[usize],
    found: &mut [Incumbent],
) {
    let problem = scorer.problem();
    let home = home(scorer);
    let mut placements = vec![home.clone()];
    for best in found.iter() {
        if !placements.contains(&best.placement) {
            placements.push(best.placement.clone());
        }
    }
    let mut at_home = 0.0;
    let mut ranks = vec![[None; HOURS]; placements.len()];
    let mut scratch = scorer.scratch();
    for (index, placement) in placements.iter().enumerate() {
        let mut evaluation = scorer.evaluate(placement, &mut scratch);
        for (hour, rank) in ranks[index].iter_mut().enumerate() {
            let value = objective.value(&mut evaluation, hour);
            if index == 0 {
                at_home += value / HOURS as f64;
            }
            let Some(asked) = hours.iter().position(|&asked| asked == hour) else { continue };
            let own = &found[asked];
            if own.placement == *placement {
                *rank = Some(own.rank);
            } else if limits.permit(&mut evaluation, hour) {
                let moved = crate::algorithm::moved(placement);
                let broken_soft = limits.broken_soft(&mut evaluation, hour);
                *rank =
                    Some(Rank { broken_soft, value, moved }).filter(|_| broken_soft <= own.rank.broken_soft);
            }
        }
    }
    let asked: [Option<&Incumbent>; HOURS] =
        std::array::from_fn(|hour| hours.iter().position(|&asked| asked == hour).map(|at| &found[at]));
    let values: Vec<[Value; HOURS]> = (0..placements.len())
        .map(|index| {
            std::array::from_fn(|hour| {
                let Some(own) = asked[hour] else {
                    return Value { sum: if index == 0 { 0.0 } else { f64::INFINITY }, changed: 0 };
                };
                let least = if problem.tolerance() > 0.0 { own.rank.value } else { 0.0 };
                let sum = ranks[index][hour].map_or(f64::INFINITY, |rank| rank.value.max(least));
                Value { sum, changed: u32::from(placements[index] != own.placement) }
            })
        })
        .collect();
    let price = problem.smoothness() * at_home / home.len().max(1) as f64;
    let chosen = cheapest_day(&values, |a, b| price * moves(&placements[a], &placements[b]));
    for (best, &hour) in found.iter_mut().zip(hours) {
        let index = chosen[hour];
        if let Some(rank) = ranks[index][hour] {
            *best = Incumbent { placement: placements[index].clone(), rank };
        }
    }
}

/// How many stages run somewhere else.
fn moves(a: &[u8], b: &[u8]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a != b).count() as f64
}

/// What a candidate is worth in an hour, or a part of a day so far.
#[derive(Clone, Copy, Debug)]
struct Value {
    sum: f64,
    /// Hours that are not left as they are.
    changed: u32,
}

impl Value {
    const NEVER: Self = Self { sum: f64::INFINITY, changed: 0 };

    fn plus(self, price: f64, other: Self) -> Self {
        Self { sum: self.sum + price + other.sum, changed: self.changed + other.changed }
    }

    /// Whether it is less by more than rounding, or as much with fewer changes.
    fn is_below(self, other: Self) -> bool {
        if other.sum.is_infinite() || (self.sum - other.sum).abs() > 1e-12 * other.sum.abs() {
            self.sum < other.sum
        } else {
            self.changed < other.changed
        }
    }
}

/// For each hour the candidate of the day with the least sum of values and of prices between one hour and the next, the
/// first being next to the last.
fn cheapest_day(values: &[[Value; HOURS]], price: impl Fn(usize, usize) -> f64) -> [usize; HOURS] {
    let candidates = 0..values.len();
    let prices: Vec<Vec<f64>> =
        candidates.clone().map(|a| candidates.clone().map(|b| price(a, b)).collect()).collect();
    let mut best = (Value::NEVER, [0; HOURS]);
    for first in candidates.clone().filter(|&first| values[first][0].sum.is_finite()) {
        // the cheapest way to each candidate of an hour, and from where
        let mut sums = vec![Value::NEVER; values.len()];
        sums[first] = values[first][0];
        let mut from = [const { Vec::new() }; HOURS];
        for (hour, from) in from.iter_mut().enumerate().skip(1) {
            let step = |to: usize| {
                let way = |before: usize| sums[before].plus(prices[before][to], values[to][hour]);
                // staying comes first among equals
                let others = candidates.clone().map(|before| (way(before), before));
                others
                    .fold((way(to), to), |least, other| if other.0.is_below(least.0) { other } else { least })
            };
            let steps: Vec<(Value, usize)> = candidates.clone().map(step).collect();
            sums = steps.iter().map(|step| step.0).collect();
            *from = steps.iter().map(|step| step.1).collect::<Vec<usize>>();
        }
        for last in candidates.clone() {
            let sum = sums[last].plus(prices[last][first], Value { sum: 0.0, changed: 0 });
            if sum.is_below(best.0) {
                let mut day = [last; HOURS];
                for hour in (1..HOURS).rev() {
                    day[hour - 1] = from[hour][day[hour]];
                }
                best = (sum, day);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[[f64; HOURS]], price: &impl Fn(usize, usize) -> f64, day: &[usize]) -> f64 {
        (0..HOURS).map(|hour| values[day[hour]][hour] + price(day[hour], day[(hour + 1) % HOURS])).sum()
    }

    fn unchanged(values: &[[f64; HOURS]]) -> Vec<[Value; HOURS]> {
        values.iter().map(|day| day.map(|sum| Value { sum, changed: 0 })).collect()
    }

    #[test]
    fn of_days_with_the_same_sum_the_one_with_fewer_changes_is_taken() {
        let mut values = unchanged(&[[1.0; HOURS], [1.0; HOURS], [1.0; HOURS]]);
        for (candidate, day) in values.iter_mut().enumerate() {
            for value in day.iter_mut() {
                value.changed = u32::from(candidate != 1);
            }
        }
        assert_eq!(cheapest_day(&values, |a, b| f64::from(u8::from(a != b))), [1; HOURS]);
    }

    proptest! {
        /// Values change in a few blocks of hours only, so that all days worth considering can be tried.
        #[test]
        fn no_day_is_cheaper(
            blocks in prop::collection::vec([0.0..10.0_f64, 0.0..10.0, 0.0..10.0], 6), unit in 0.0..12.0_f64,
        ) {
            let values: Vec<[f64; HOURS]> =
                (0..3).map(|candidate| std::array::from_fn(|hour| blocks[hour / 4][candidate])).collect();
            let price = |a: usize, b: usize| if a == b { 0.0 } else { unit * (a + b) as f64 };
            let found = sum(&values, &price, &cheapest_day(&unchanged(&values), price));
            // within a block no change pays that does not pay at its border: prices keep the triangle inequality
            let least = (0..3_usize.pow(6))
                .map(|code| std::array::from_fn::<_, HOURS, _>(|hour| code / 3_usize.pow(hour as u32 / 4) % 3))
                .map(|day| sum(&values, &price, &day))
                .fold(f64::INFINITY, f64::min);
            prop_assert!((found - least).abs() <= 1e-9 * least.max(1.0), "{found} and {least}");
        }
    }

    #[test]
    fn a_candidate_that_an_hour_forbids_is_left_for_that_hour() {
        let mut values = vec![[1.0; HOURS], [2.0; HOURS]];
        values[0][5] = f64::INFINITY;
        let price = |a, b| f64::from(u8::from(a != b));
        let values = unchanged(&values);
        let day = cheapest_day(&values, price);
        assert_eq!((day[4], day[5], day[6]), (0, 1, 0));
        let dear = cheapest_day(&values, |a, b| 20.0 * price(a, b));
        assert_eq!(dear, [1; HOURS]);
    }
}
