//! Estimates from samples, with their intervals.

use caribou_model::Statistic;
use serde::{Deserialize, Serialize};

/// A figure and the interval that holds the true one with 95 % confidence.
///
/// A single sample has no spread to judge by: its interval is the point itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The figure.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Interval {
    /// Half of the interval's width, as a share of the figure; 0 where the figure is 0.
    pub fn relative_half_width(&self) -> f64 {
        if self.value == 0.0 { 0.0 } else { (self.high - self.low) / 2.0 / self.value.abs() }
    }
}

/// Mean and 95th percentile of a metric over runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean; its interval by the normal approximation.
    pub mean: Interval,
    /// The 95th percentile; its interval by the ranks that a binomial count of samples below it reaches.
    pub p95: Interval,
}

/// Standard deviations on each side of a 95 % interval.
const Z: f64 = 1.959_964;
/// The percentile that is reported, as a share.
const P95: f64 = 0.95;

impl Estimate {
    /// The estimate from samples, which are sorted. All zero if there are none.
    pub fn of(samples: &mut [f64]) -> Self {
        let Some(last) = samples.len().checked_sub(1) else { return Self::default() };
        samples.sort_unstable_by(f64::total_cmp);
        let count = samples.len() as f64;
        let mean = mean(samples);
        let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
        let half = if last == 0 { 0.0 } else { Z * (squares / last as f64 / count).sqrt() };
        let spread = Z * (P95 * (1.0 - P95) / count).sqrt();
        let [low, value, high] =
            [P95 - spread, P95, P95 + spread].map(|share| at(samples, share.clamp(0.0, 1.0) * last as f64));
        Self {
            mean: Interval { value: mean, low: mean - half, high: mean + half },
            p95: Interval { value, low, high },
        }
    }
}

/// The share of samples that a percentile leaves below it; of the average none.
pub(crate) fn share(statistic: Statistic) -> f64 {
    match statistic {
        Statistic::Average => 0.0,
        Statistic::P95 => P95,
    }
}

/// The mean of samples; 0 if there are none.
pub(crate) fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
}

/// The 95th percentile of samples, which are reordered; 0 if there are none. Linear between ranks.
pub(crate) fn p95(samples: &mut [f64]) -> f64 {
    let Some(last) = samples.len().checked_sub(1) else { return 0.0 };
    let rank = P95 * last as f64;
    let (_, &mut below, above) = samples.select_nth_unstable_by(rank as usize, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    below + (next - below) * rank.fract()
}

/// The value of sorted samples at a rank, linear between ranks.
fn at(sorted: &[f64], rank: f64) -> f64 {
    let below = sorted[rank as usize];
    let above = sorted.get(rank as usize + 1).copied().unwrap_or(below);
    below + (above - below) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(a: f64, b: f64) {
        assert!(a.total_cmp(&b).is_eq(), "{a} is not {b}");
    }

    #[test]
    fn the_percentile_lies_between_ranks() {
        let mut samples: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        same(p95(&mut samples.clone()), 95.0);
        let estimate = Estimate::of(&mut samples);
        same(estimate.p95.value, 95.0);
        same(estimate.mean.value, 50.0);
        assert!(estimate.p95.low < 95.0 && estimate.p95.high > 95.0);
    }

    #[test]
    fn selecting_and_sorting_give_the_same_percentile() {
        for count in 1..50_u32 {
            let samples: Vec<f64> = (0..count).map(|n| f64::from(n * 37 % 50)).collect();
            same(p95(&mut samples.clone()), Estimate::of(&mut samples.clone()).p95.value);
        }
    }

    #[test]
    fn one_sample_is_its_own_estimate() {
        let estimate = Estimate::of(&mut [2.0]);
        assert_eq!(estimate.mean, Interval { value: 2.0, low: 2.0, high: 2.0 });
        assert_eq!(estimate.p95, estimate.mean);
    }
}
