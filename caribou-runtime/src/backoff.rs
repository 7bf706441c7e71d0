//! The waits between tries of one call.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Waits that grow by a factor up to a longest one, each shortened by up to a quarter: by what is asked for, not by chance, so
/// that a simulation repeats itself, and callers that fail together do not come back together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
    factor: u32,
    asked: DefaultHasher,
    tries: u32,
}

impl Backoff {
    /// Begins with `first`. `asked` is what tells this call from others.
    pub(crate) fn new(first: Duration, longest: Duration, factor: u32, asked: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        asked.hash(&mut hasher);
        Self { next: first, longest, factor, asked: hasher, tries: 0 }
    }

    /// Tries that were followed by a wait.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// The next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = self.longest.min(whole * self.factor);
        self.tries += 1;
        let mut hasher = self.asked.clone();
        self.tries.hash(&mut hasher);
        let quarters = (hasher.finish() % 1024) as u32;
        whole - whole / 4096 * quarters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_are_shortened_by_a_quarter_at_most() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, longest, 2, "a");
        for whole in [100, 200, 400, 800, 1000, 1000] {
            let whole = Duration::from_millis(whole);
            let wait = backoff.wait();
            assert!(wait <= whole && wait >= whole * 3 / 4, "{wait:?} of {whole:?}");
        }
        assert_eq!(backoff.tries(), 6);
    }

    #[test]
    fn callers_that_ask_for_different_things_wait_differently_and_repeatably() {
        let waits = |asked: &str| {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(9), 2, asked);
            [backoff.wait(), backoff.wait()]
        };
        assert_eq!(waits("a"), waits("a"));
        assert_ne!(waits("a"), waits("b"));
    }
}
