//! Choices that a seed replays.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// A sequence of choices.
pub(crate) struct Chance(Pcg64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// A number from 0 to `end`, without `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    /// One of the elements.
    pub(crate) fn pick<'a, T>(&mut self, elements: &'a [T]) -> Option<&'a T> {
        elements.get(self.below(elements.len()))
    }

    /// One of the elements, each as likely as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, elements: &[(usize, T)]) -> Option<T> {
        let mut at = self.below(elements.iter().map(|(weight, _)| weight).sum());
        for (weight, element) in elements {
            if at < *weight {
                return Some(*element);
            }
            at -= weight;
        }
        None
    }

    /// Puts the elements in any order.
    pub(crate) fn shuffle<T>(&mut self, elements: &mut [T]) {
        for index in (1..elements.len()).rev() {
            elements.swap(index, self.below(index + 1));
        }
    }
}
