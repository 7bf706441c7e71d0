//! Percentiles, by what the last one was.
//!
//! Plans are scored by the thousand, and their figures are distributed much alike. So what lies above a guess is
//! collected, a twentieth of the samples and some more, and the percentile is selected among those; where the guess was
//! too high, among all. The guess never changes the answer, which is exact.

/// What lies above a guess.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    /// The guess, relative to the mean.
    guess: f64,
    share: f64,
    above: Vec<f32>,
}

impl Tail {
    pub(crate) fn new(samples: usize) -> Self {
        Self { guess: f64::INFINITY, share: 0.0, above: vec![0.0; samples] }
    }

    /// The value below which a share of the samples lies, linear between ranks; 0 if there are none. `mean` is theirs.
    pub(crate) fn percentile(&mut self, samples: &[f32], share: f64, mean: f64) -> f64 {
        let Some(last) = samples.len().checked_sub(1) else { return 0.0 };
        let rank = share.clamp(0.0, 1.0) * last as f64;
        let needed = samples.len() - rank as usize;
        if self.share.to_bits() != share.to_bits() {
            (self.share, self.guess) = (share, f64::INFINITY);
        }
        let mut count = self.collect(samples, (self.guess * mean) as f32);
        let guessed = count >= needed;
        if !guessed {
            self.above.clear();
            self.above.extend_from_slice(samples);
            count = samples.len();
        }
        let mut above = &mut self.above[..count];
        let wanted = (needed + needed / 2 + 8).min(samples.len());
        if count > wanted && (!guessed || count > 3 * needed) {
            let (_, &mut value, _) = above.select_nth_unstable_by(count - wanted, f32::total_cmp);
            self.guess = f64::from(value) / mean;
            above = &mut above[count - wanted..];
        }
        let at = above.len() - needed;
        let (_, &mut below, higher) = above.select_nth_unstable_by(at, f32::total_cmp);
        let next = higher.iter().copied().min_by(f32::total_cmp).unwrap_or(below);
        let [below, next] = [below, next].map(f64::from);
        if guessed && count < needed + needed / 5 {
            self.guess -= (below / mean - self.guess).abs();
        }
        below + (next - below) * rank.fract()
    }

    /// Collects what is above a threshold, without a branch that depends on it.
    fn collect(&mut self, samples: &[f32], threshold: f32) -> usize {
        let mut count = 0;
        self.above.resize(samples.len(), 0.0);
        for &sample in samples {
            self.above[count] = sample;
            count += usize::from(sample > threshold);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By sorting.
    fn plainly(samples: &[f32], share: f64) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let rank = share * (sorted.len() - 1) as f64;
        let [below, next] =
            [rank as usize, (rank as usize + 1).min(sorted.len() - 1)].map(|rank| f64::from(sorted[rank]));
        below + (next - below) * rank.fract()
    }

    proptest! {
        #[test]
        fn whatever_was_seen_before_the_percentile_is_exact(
            plans in prop::collection::vec((prop::collection::vec(0.0..10.0_f32, 1..200), 0.1..5.0_f32), 1..6),
            share in prop::sample::select(vec![0.0, 0.5, 0.9, 0.95, 0.99, 1.0]),
        ) {
            let mut tail = Tail::new(10);
            for (samples, scale) in plans {
                let samples: Vec<f32> = samples.iter().map(|sample| (sample * scale).floor()).collect();
                let mean = crate::score::combine::mean(&samples);
                let found = tail.percentile(&samples, share, mean);
                prop_assert!(found.total_cmp(&plainly(&samples, share)).is_eq(), "{found} of {samples:?}");
            }
        }
    }
}
