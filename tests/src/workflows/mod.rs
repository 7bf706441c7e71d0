//! One workflow a file, one shape of graph each.

pub mod branches;
pub mod chain;
pub mod diamond;
pub mod errand;
pub mod gates;
pub mod once;
pub mod pages;
pub mod payloads;
pub mod relays;
pub mod text2speech;
pub mod trip;

/// A number that differs if any of the words does, and that anyone can compute again.
pub(crate) fn mix(words: &[u64]) -> u64 {
    words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| {
        (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
    })
}
