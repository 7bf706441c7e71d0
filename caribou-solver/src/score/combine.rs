//! Linear combinations of columns, sample by sample.

use crate::sample::{ColumnId, Columns, Samples};

/// Samples that are worked on together, so that what is summed up stays in the first-level cache.
pub(crate) const TILE: usize = 512;

/// A sum of columns times coefficients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Combination {
    constant: f32,
    terms: Vec<(ColumnId, f32)>,
}

impl Combination {
    pub(crate) fn clear(&mut self) {
        self.constant = 0.0;
        self.terms.clear();
    }

    /// Adds a column times a coefficient. One that is the same for all samples costs nothing later.
    pub(crate) fn add(&mut self, columns: &Columns, id: ColumnId, coefficient: f64) {
        if coefficient == 0.0 {
            return;
        }
        match columns.constant(id) {
            Some(value) => self.constant += value * coefficient as f32,
            None => self.terms.push((id, coefficient as f32)),
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.terms.is_empty() && self.constant == 0.0
    }

    /// Writes the combination of every sample to `out`.
    pub(crate) fn write(&self, samples: &Samples, out: &mut [f32]) {
        let columns = samples.columns();
        for (tile, out) in out.chunks_mut(TILE).enumerate() {
            let part = tile * TILE..tile * TILE + out.len();
            let part = |&(id, _): &(ColumnId, f32)| &columns.values(id)[part.clone()];
            let mut terms = self.terms.chunks_exact(4);
            let mut begun = false;
            for four in terms.by_ref() {
                let [a, b, c, d] = [&four[0], &four[1], &four[2], &four[3]].map(&part);
                let [of_a, of_b, of_c, of_d] = [four[0].1, four[1].1, four[2].1, four[3].1];
                let sums = a.iter().zip(b).zip(c).zip(d);
                let sums = sums.map(|(((a, b), c), d)| (a * of_a + b * of_b) + (c * of_c + d * of_d));
                if begun {
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                } else {
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = self.constant + sum);
                }
                begun = true;
            }
            if !begun {
                out.fill(self.constant);
            }
            for term in terms.remainder() {
                out.iter_mut().zip(part(term)).for_each(|(out, value)| *out += value * term.1);
            }
        }
    }
}

/// Writes the sum of up to eight rows times coefficients to `out`, or adds it.
pub(crate) fn weigh_rows(rows: &[(&[f32], f32)], first: bool, out: &mut [f32]) {
    let count = out.len();
    let mut first = first;
    for rows in rows.chunks(4) {
        match *rows {
            [(a, of_a), (b, of_b), (c, of_c), (d, of_d)] => {
                let rows = a[..count].iter().zip(b).zip(c).zip(d);
                let sums = rows.map(|(((a, b), c), d)| (a * of_a + b * of_b) + (c * of_c + d * of_d));
                put(out, sums, first);
            }
            [(a, of_a), (b, of_b), (c, of_c)] => {
                let rows = a[..count].iter().zip(b).zip(c);
                put(out, rows.map(|((a, b), c)| (a * of_a + b * of_b) + c * of_c), first);
            }
            [(a, of_a), (b, of_b)] => {
                put(out, a[..count].iter().zip(b).map(|(a, b)| a * of_a + b * of_b), first);
            }
            [(a, of_a)] => put(out, a[..count].iter().map(|a| a * of_a), first),
            _ => {}
        }
        first = false;
    }
}

fn put(out: &mut [f32], sums: impl Iterator<Item = f32>, first: bool) {
    if first {
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum);
    } else {
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
}

/// The mean of values; 0 if there are none.
pub(crate) fn mean(values: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut sum = 0.0_f64;
    for block in values.chunks(8 * LANES) {
        let mut lanes = [0.0_f32; LANES];
        let mut eights = block.chunks_exact(LANES);
        for eight in eights.by_ref() {
            lanes.iter_mut().zip(eight).for_each(|(lane, value)| *lane += value);
        }
        sum += lanes.iter().chain(eights.remainder()).map(|&part| f64::from(part)).sum::<f64>();
    }
    sum / values.len().max(1) as f64
}
