//! Functions of a placement that are sums of terms of one stage and of two.

/// A sum of a constant, a term for each stage and its region, and a term for each two stages that an edge joins and
/// their regions. Regions are counted within each stage's domain.
///
/// It can be *reparametrised*: terms move between stages and pairs, and its value stays what it was for every
/// placement. The sum of all terms' minima is then a lower bound, and [`tighten`](Self::tighten) raises it (block
/// coordinate ascent on the dual of the linear relaxation: Globerson and Jaakkola, "Fixing max-product", 2007).
#[derive(Clone, Debug)]
pub(super) struct Pairwise {
    pub(super) constant: f64,
    /// By stage and region.
    pub(super) single: Vec<Vec<f64>>,
    pub(super) pairs: Vec<Pair>,
    /// By stage: its pairs.
    pub(super) of_stage: Vec<Vec<usize>>,
}

/// Terms of two stages.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) stages: [usize; 2],
    /// Regions of the second stage.
    pub(super) width: usize,
    /// By region of the first stage and of the second.
    pub(super) terms: Vec<f64>,
}

impl Pair {
    pub(super) fn term(&self, first: usize, second: usize) -> f64 {
        self.terms[first * self.width + second]
    }

    /// The term where `stage` runs in `region` and the other stage in `other`.
    pub(super) fn seen_from(&self, stage: usize, region: usize, other: usize) -> f64 {
        if self.stages[0] == stage { self.term(region, other) } else { self.term(other, region) }
    }

    pub(super) fn other(&self, stage: usize) -> usize {
        if self.stages[0] == stage { self.stages[1] } else { self.stages[0] }
    }
}

impl Pairwise {
    /// The zero function of stages with these numbers of regions, with a pair for each two stages that are named.
    pub(super) fn zero(domains: &[usize], joined: &[[usize; 2]]) -> Self {
        let mut of_stage = vec![Vec::new(); domains.len()];
        let pairs = joined.iter().enumerate().map(|(index, &stages)| {
            for stage in stages {
                of_stage[stage].push(index);
            }
            let [height, width] = stages.map(|stage| domains[stage]);
            Pair { stages, width, terms: vec![0.0; height * width] }
        });
        Self {
            pairs: pairs.collect(),
            constant: 0.0,
            single: domains.iter().map(|&regions| vec![0.0; regions]).collect(),
            of_stage,
        }
    }

    /// Adds `factor` times another function of the same stages and pairs.
    pub(super) fn add(&mut self, factor: f64, other: &Self) {
        self.constant += factor * other.constant;
        let rows = self.single.iter_mut().zip(&other.single);
        let pairs = self.pairs.iter_mut().map(|pair| &mut pair.terms);
        for (sums, terms) in rows.chain(pairs.zip(other.pairs.iter().map(|pair| &pair.terms))) {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += factor * term;
            }
        }
    }

    /// The same function where each stage has only these of its regions left.
    pub(super) fn restricted(&self, kept: &[Vec<u8>]) -> Self {
        let pairs = self.pairs.iter().map(|pair| {
            let [rows, columns] = pair.stages.map(|stage| &kept[stage]);
            let terms = rows.iter().flat_map(|&row| {
                columns.iter().map(move |&column| pair.term(usize::from(row), usize::from(column)))
            });
            Pair { stages: pair.stages, width: columns.len(), terms: terms.collect() }
        });
        let single = self.single.iter().zip(kept);
        Self {
            constant: self.constant,
            single: single
                .map(|(terms, kept)| kept.iter().map(|&region| terms[usize::from(region)]).collect())
                .collect(),
            pairs: pairs.collect(),
            of_stage: self.of_stage.clone(),
        }
    }

    /// Its value for a placement, given as a position in each stage's domain.
    #[cfg(test)]
    pub(super) fn value(&self, placement: &[usize]) -> f64 {
        let single: f64 = self.single.iter().zip(placement).map(|(terms, &region)| terms[region]).sum();
        let pairs: f64 = self
            .pairs
            .iter()
            .map(|pair| pair.term(placement[pair.stages[0]], placement[pair.stages[1]]))
            .sum();
        self.constant + single + pairs
    }

    /// What a placement's value becomes less what it is when one stage moves.
    pub(super) fn change(&self, placement: &[usize], stage: usize, region: usize) -> f64 {
        let now = placement[stage];
        let pairs: f64 = self.of_stage[stage]
            .iter()
            .map(|&index| {
                let pair = &self.pairs[index];
                let other = placement[pair.other(stage)];
                pair.seen_from(stage, region, other) - pair.seen_from(stage, now, other)
            })
            .sum();
        self.single[stage][region] - self.single[stage][now] + pairs
    }

    /// The sum of all minima: no placement's value is below.
    pub(super) fn bound(&self) -> f64 {
        let pairs = self.pairs.iter().map(|pair| &pair.terms);
        self.constant + self.single.iter().chain(pairs).map(|terms| least(terms)).sum::<f64>()
    }

    /// Raises the bound by at most this many rounds, until a round raises it by less than a share of `worth`.
    pub(super) fn tighten(&mut self, rounds: usize, worth: f64) {
        let mut before = self.bound();
        for _ in 0..rounds {
            for index in 0..self.pairs.len() {
                self.settle(index);
            }
            let after = self.bound();
            if after - before <= worth {
                break;
            }
            before = after;
        }
    }

    /// Moves all that a pair and its two stages can be sure of to the stages, half to each.
    fn settle(&mut self, index: usize) {
        let pair = &mut self.pairs[index];
        let [first, second] = pair.stages;
        let width = pair.width;
        let [mut a, mut b] = [first, second].map(|stage| std::mem::take(&mut self.single[stage]));
        for (row, &a) in pair.terms.chunks_exact_mut(width).zip(&a) {
            for (term, &b) in row.iter_mut().zip(&b) {
                *term += a + b;
            }
        }
        for (row, a) in pair.terms.chunks_exact_mut(width).zip(&mut a) {
            *a = least(row) / 2.0;
            for term in row {
                *term -= *a;
            }
        }
        b.fill(f64::INFINITY);
        for row in pair.terms.chunks_exact(width) {
            for (b, &term) in b.iter_mut().zip(row) {
                *b = b.min(term);
            }
        }
        for (row, a) in pair.terms.chunks_exact_mut(width).zip(&mut a) {
            let mut rest = f64::INFINITY;
            for (term, &b) in row.iter_mut().zip(&b) {
                *term -= b;
                rest = rest.min(*term);
            }
            *a += rest;
            for term in row {
                *term -= rest;
            }
        }
        self.single[first] = a;
        self.single[second] = b;
    }
}

pub(super) fn least(terms: &[f64]) -> f64 {
    terms.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    fn drawn(seed: u64) -> Pairwise {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut drawn = Pairwise::zero(&[3, 2, 4, 3], &[[0, 1], [1, 2], [0, 2], [2, 3]]);
        let Pairwise { single, pairs, .. } = &mut drawn;
        let pairs = pairs.iter_mut().map(|pair| &mut pair.terms);
        single.iter_mut().chain(pairs).flatten().for_each(|term| *term = random.random());
        drawn
    }

    fn placements() -> impl Iterator<Item = [usize; 4]> {
        (0..3 * 2 * 4 * 3).map(|n| [n % 3, n / 3 % 2, n / 6 % 4, n / 24])
    }

    #[test]
    fn tightening_changes_no_value_and_never_lowers_the_bound_nor_passes_the_least_value() {
        let mut left = 0.0;
        for seed in 0..50 {
            let before = drawn(seed);
            let mut after = before.clone();
            after.tighten(100, 0.0);
            let mut least = f64::INFINITY;
            for placement in placements() {
                assert!((before.value(&placement) - after.value(&placement)).abs() < 1e-12);
                least = least.min(before.value(&placement));
            }
            assert!(after.bound() >= before.bound() - 1e-12);
            assert!(after.bound() <= least + 1e-12);
            left += least - after.bound();
        }
        assert!(left < 50.0 * 0.02, "the bounds are {left} below the least values");
    }

    #[test]
    fn a_change_is_the_difference_of_two_values() {
        let function = drawn(7);
        for placement in placements() {
            for region in 0..4 {
                let mut moved = placement;
                moved[2] = region;
                let difference = function.value(&moved) - function.value(&placement);
                assert!((function.change(&placement, 2, region) - difference).abs() < 1e-12);
            }
        }
    }
}
