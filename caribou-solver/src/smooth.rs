//! Plans that change less often over the day.
//!
//! Every hour may be given the placement of any other, or home, where that keeps the hour's limits and breaks no more of
//! its soft ones. Of all such days the one with the least sum of the objective, and of a price for every stage that runs
//! somewhere else than in the hour before, is found by dynamic programming: it is exact over these placements. What is
//! proven for any day, of whatever placements, is that its sum is at least that of the hours' bounds.

use caribou_model::HOURS;

use crate::algorithm::{Incumbent, Rank, home};
use crate::limit::Limits;
use crate::objective::Objective;
use crate::score::Scorer;

/// Chooses anew among what was found for these hours; in the others every stage is at home. The price of a move is
/// `smoothness` as a share of the home plan's mean objective over the day.
pub(crate) fn smooth(
    scorer: &Scorer<'_>,
    limits: &Limits,
    objective: &Objective,
    hours: &[usize],
    found: &mut [Incumbent],
    smoothness: f64,
) {
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
    let values: Vec<[f64; HOURS]> = (0..placements.len())
        .map(|index| {
            std::array::from_fn(|hour| {
                let unasked = if index == 0 && !hours.contains(&hour) { 0.0 } else { f64::INFINITY };
                ranks[index][hour].map_or(unasked, |rank| rank.value)
            })
        })
        .collect();
    let price = smoothness * at_home;
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

/// For each hour the candidate of the day with the least sum of values and of prices between one hour and the next, the
/// first being next to the last.
fn cheapest_day(values: &[[f64; HOURS]], price: impl Fn(usize, usize) -> f64) -> [usize; HOURS] {
    let candidates = 0..values.len();
    let prices: Vec<Vec<f64>> =
        candidates.clone().map(|a| candidates.clone().map(|b| price(a, b)).collect()).collect();
    let mut best = (f64::INFINITY, [0; HOURS]);
    for first in candidates.clone().filter(|&first| values[first][0].is_finite()) {
        // the cheapest way to each candidate of an hour, and from where
        let mut sums = vec![f64::INFINITY; values.len()];
        sums[first] = values[first][0];
        let mut from = [const { Vec::new() }; HOURS];
        for (hour, from) in from.iter_mut().enumerate().skip(1) {
            let step = |to: usize| {
                let way = |before: usize| sums[before] + prices[before][to] + values[to][hour];
                // staying comes first among equals
                let others = candidates.clone().map(|before| (way(before), before));
                others.fold((way(to), to), |least, other| if other.0 < least.0 { other } else { least })
            };
            let steps: Vec<(f64, usize)> = candidates.clone().map(step).collect();
            sums = steps.iter().map(|step| step.0).collect();
            *from = steps.iter().map(|step| step.1).collect::<Vec<usize>>();
        }
        for last in candidates.clone() {
            let sum = sums[last] + prices[last][first];
            if sum < best.0 {
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

    proptest! {
        /// Values change in a few blocks of hours only, so that all days worth considering can be tried.
        #[test]
        fn no_day_is_cheaper(
            blocks in prop::collection::vec([0.0..10.0_f64, 0.0..10.0, 0.0..10.0], 6), unit in 0.0..12.0_f64,
        ) {
            let values: Vec<[f64; HOURS]> =
                (0..3).map(|candidate| std::array::from_fn(|hour| blocks[hour / 4][candidate])).collect();
            let price = |a: usize, b: usize| if a == b { 0.0 } else { unit * (a + b) as f64 };
            let found = sum(&values, &price, &cheapest_day(&values, price));
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
        let day = cheapest_day(&values, price);
        assert_eq!((day[4], day[5], day[6]), (0, 1, 0));
        let dear = cheapest_day(&values, |a, b| 20.0 * price(a, b));
        assert_eq!(dear, [1; HOURS]);
    }
}
