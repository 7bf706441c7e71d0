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
    fn one_sample_is_its_own_estimate() {
        let estimate = Estimate::of(&mut [2.0]);
        assert_eq!(estimate.mean, Interval { value: 2.0, low: 2.0, high: 2.0 });
        assert_eq!(estimate.p95, estimate.mean);
    }
}
