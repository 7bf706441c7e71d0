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
        let [low, value, high] = ranks(samples.len()).map(|rank| at(samples, rank));
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
        Statistic::Percentile(percent) => f64::from(percent) / 100.0,
    }
}

impl Estimate {
    /// The estimate from samples in single precision; their mean, where it is known exactly, is given.
    pub(crate) fn of_columns(samples: &[f32], mean: Option<f64>) -> Self {
        let mut estimate = Self::of(&mut samples.iter().map(|&sample| f64::from(sample)).collect::<Vec<_>>());
        if let Some(mean) = mean.filter(|_| !samples.is_empty()) {
            let error = mean - estimate.mean.value;
            let Interval { low, high, .. } = estimate.mean;
            estimate.mean = Interval { value: mean, low: low + error, high: high + error };
        }
        estimate
    }
}

impl Estimate {
    /// The estimate of a mixture: a share of runs is distributed as `others` are, the rest as `samples`. Both are of the
    /// same runs, in the same order; the exact mean is given where it is known.
    pub(crate) fn of_mixture(samples: &[f32], others: &[f32], share: f64, mean: Option<f64>) -> Self {
        let mixed = |(a, b): (&f32, &f32)| (1.0 - share) * f64::from(*a) + share * f64::from(*b);
        let mixed: Vec<f32> = samples.iter().zip(others).map(mixed).map(|value| value as f32).collect();
        let of_means = Self::of_columns(&mixed, mean);
        let weighted = |values: &[f32], weight: f64| -> Vec<(f64, f64)> {
            values.iter().filter(|_| weight > 0.0).map(|&value| (f64::from(value), weight)).collect()
        };
        let mut all = [weighted(samples, 1.0 - share), weighted(others, share)].concat();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let [low, value, high] = ranks(samples.len()).map(|rank| weighted_at(&all, rank));
        Self { mean: of_means.mean, p95: Interval { value, low, high } }
    }
}

/// The ranks of the 95th percentile and of both ends of its interval: low, value, high.
fn ranks(count: usize) -> [f64; 3] {
    let spread = Z * (P95 * (1.0 - P95) / count.max(1) as f64).sqrt();
    [P95 - spread, P95, P95 + spread].map(|share| share.clamp(0.0, 1.0) * count.saturating_sub(1) as f64)
}

/// The value at a rank of sorted values that count as much as their weights say, linear between them.
fn weighted_at(sorted: &[(f64, f64)], rank: f64) -> f64 {
    let mut before = 0.0;
    let mut pairs = sorted.windows(2);
    for pair in pairs.by_ref() {
        let (value, weight) = pair[0];
        if rank < before + weight {
            return value + (pair[1].0 - value) * ((rank - before) / weight).max(0.0);
        }
        before += weight;
    }
    sorted.last().map_or(0.0, |last| last.0)
}

/// The mean of samples; 0 if there are none.
fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
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
        let estimate = Estimate::of(&mut samples);
        same(estimate.p95.value, 95.0);
        same(estimate.mean.value, 50.0);
        assert!(estimate.p95.low < 95.0 && estimate.p95.high > 95.0);
    }

    #[test]
    fn a_mixture_of_one_kind_is_that_kind_and_a_rare_kind_moves_the_percentile_by_its_share() {
        let [slow, fast]: [Vec<f32>; 2] =
            [10.0, 0.0].map(|least| (0..=1000).map(|n| least + f32::from(n as u16) / 1000.0).collect());
        let plain = Estimate::of_columns(&fast, None);
        assert_eq!(Estimate::of_mixture(&fast, &slow, 0.0, None), plain);
        assert_eq!(Estimate::of_mixture(&slow, &fast, 1.0, None), plain);
        let mixed = Estimate::of_mixture(&fast, &slow, 0.1, None);
        assert!((mixed.p95.value - 10.5).abs() < 0.02, "{mixed:?}");
        assert!((mixed.mean.value - 1.5).abs() < 1e-4, "{mixed:?}");
        let rarer = Estimate::of_mixture(&fast, &slow, 0.01, None);
        assert!((rarer.p95.value - 0.95 / 0.99).abs() < 0.02, "{rarer:?}");
    }

    #[test]
    fn one_sample_is_its_own_estimate() {
        let estimate = Estimate::of(&mut [2.0]);
        assert_eq!(estimate.mean, Interval { value: 2.0, low: 2.0, high: 2.0 });
        assert_eq!(estimate.p95, estimate.mean);
    }
}
