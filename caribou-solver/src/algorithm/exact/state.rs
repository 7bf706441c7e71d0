//! The bounds of a part of the search.

use super::relaxation::{FREE, Partial, Relaxation};
use super::tree::Bounds;

/// What the relaxations are at least, given what is decided.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) scalar: Vec<f64>,
    ceilings: Vec<f64>,
    pub(super) tails: Vec<Part>,
    /// The excess over the tails' limits.
    excess: Vec<Part>,
    /// The largest of each row, while a stage is decided.
    largest: Vec<f32>,
}

/// Relaxations that differ between rows.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The scalar part of each.
    pub(super) scalars: Vec<f64>,
    /// The rows of each, one relaxation after the other.
    rows: Vec<f32>,
    width: usize,
}

impl Part {
    fn new(relaxations: &[Relaxation], width: usize, partial: &Partial) -> Self {
        let mut rows = Vec::with_capacity(relaxations.len() * width);
        for relaxation in relaxations {
            let from = rows.len();
            rows.extend_from_slice(relaxation.start_rows().unwrap_or(&[]));
            for (stage, region) in decided(partial) {
                if let Some((terms, least)) = relaxation.row_terms(stage, region) {
                    for ((row, term), least) in rows[from..].iter_mut().zip(terms).zip(least) {
                        *row += term - least;
                    }
                }
            }
        }
        let scalars = relaxations.iter().map(|relaxation| scalar(relaxation, partial)).collect();
        Self { scalars, rows, width }
    }

    pub(super) fn row(&self, relaxation: usize) -> &[f32] {
        &self.rows[relaxation * self.width..][..self.width]
    }

    /// Raises each row to the largest of the relaxations.
    pub(super) fn raise(&self, largest: &mut [f32]) {
        for (&scalar, rows) in self.scalars.iter().zip(self.rows.chunks_exact(self.width.max(1))) {
            let scalar = lowered(scalar);
            for (largest, row) in largest.iter_mut().zip(rows) {
                *largest = largest.max(row + scalar);
            }
        }
    }

    /// Becomes what another is once a stage is decided, and raises each row to the largest of the relaxations.
    fn decide(
        &mut self,
        from: &Self,
        relaxations: &[Relaxation],
        partial: &Partial,
        (stage, region): (usize, usize),
        largest: &mut [f32],
    ) {
        for (index, relaxation) in relaxations.iter().enumerate() {
            let scalar = from.scalars[index] + relaxation.growth(partial, stage, region);
            self.scalars[index] = scalar;
            let scalar = lowered(scalar);
            let before = from.row(index);
            let rows = &mut self.rows[index * self.width..][..self.width];
            match relaxation.row_terms(stage, region) {
                None => {
                    for ((row, before), largest) in rows.iter_mut().zip(before).zip(&mut *largest) {
                        *row = *before;
                        *largest = largest.max(before + scalar);
                    }
                }
                Some((terms, least)) => {
                    let terms = terms.iter().zip(least);
                    for (((row, before), largest), (term, least)) in
                        rows.iter_mut().zip(before).zip(&mut *largest).zip(terms)
                    {
                        *row = before + (term - least);
                        *largest = largest.max(*row + scalar);
                    }
                }
            }
        }
    }
}

impl State {
    pub(super) fn new(bounds: &Bounds, partial: &Partial) -> Self {
        let tails = &bounds.tails;
        Self {
            scalar: bounds.scalar.iter().map(|relaxation| scalar(relaxation, partial)).collect(),
            ceilings: bounds.ceilings.iter().map(|(relaxation, _)| scalar(relaxation, partial)).collect(),
            tails: tails.iter().map(|tail| Part::new(&tail.relaxations, tail.rows, partial)).collect(),
            excess: tails.iter().map(|tail| Part::new(&tail.excess, tail.rows, partial)).collect(),
            largest: Vec::new(),
        }
    }

    /// What the objective is at least.
    pub(super) fn bound(&self, bounds: &Bounds) -> f64 {
        let scalar = self.scalar.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tails = bounds.tails.iter().zip(&self.tails).map(|(tail, part)| {
            let mut largest = vec![f32::NEG_INFINITY; tail.rows];
            part.raise(&mut largest);
            f64::from(exceeded(&mut largest, tail.may_exceed))
        });
        tails.fold(scalar, f64::max)
    }

    /// Becomes what another is once a stage is decided. Says whether the objective can still be below a threshold and
    /// the limits kept; if not, it is left half done.
    pub(super) fn decide(
        &mut self,
        from: &Self,
        bounds: &Bounds,
        partial: &Partial,
        (stage, region): (usize, usize),
        threshold: f64,
    ) -> bool {
        let ceilings = self.ceilings.iter_mut().zip(&from.ceilings).zip(&bounds.ceilings);
        for ((value, before), (ceiling, at_most)) in ceilings {
            *value = before + ceiling.growth(partial, stage, region);
            if *value > *at_most {
                return false;
            }
        }
        for ((value, before), relaxation) in self.scalar.iter_mut().zip(&from.scalar).zip(&bounds.scalar) {
            *value = before + relaxation.growth(partial, stage, region);
            if *value >= threshold {
                return false;
            }
        }
        for (index, tail) in bounds.tails.iter().enumerate() {
            let mut most = |part: &mut Part, before: &Part, relaxations: &[Relaxation], at_most: f64| {
                self.largest.clear();
                self.largest.resize(tail.rows, f32::NEG_INFINITY);
                part.decide(before, relaxations, partial, (stage, region), &mut self.largest);
                // Rounded up, so that no row counts that is not above.
                let at_most = (at_most as f32).next_up();
                let above = self.largest.iter().filter(|&&row| row > at_most).count();
                above <= tail.may_exceed
            };
            if !most(&mut self.excess[index], &from.excess[index], &tail.excess, 0.0)
                || !most(&mut self.tails[index], &from.tails[index], &tail.relaxations, threshold)
            {
                return false;
            }
        }
        true
    }
}

/// What all but as many rows as may exceed the limit are at most.
pub(super) fn exceeded(rows: &mut [f32], may_exceed: usize) -> f32 {
    if may_exceed >= rows.len() {
        return f32::NEG_INFINITY;
    }
    *rows.select_nth_unstable_by(may_exceed, |a, b| b.total_cmp(a)).1
}

fn decided(partial: &Partial) -> impl Iterator<Item = (usize, usize)> {
    let decided = partial.iter().enumerate().filter(|(_, region)| **region != FREE);
    decided.map(|(stage, &region)| (stage, usize::from(region)))
}

/// The scalar part of a relaxation, given what is decided.
pub(super) fn scalar(relaxation: &Relaxation, partial: &Partial) -> f64 {
    let mut known = vec![FREE; partial.len()];
    let mut sum = relaxation.start();
    for (stage, region) in decided(partial) {
        sum += relaxation.growth(&known, stage, region);
        known[stage] = partial[stage];
    }
    sum
}

/// In single precision, and no more than it was even after a sum is rounded.
fn lowered(scalar: f64) -> f32 {
    (scalar - 4.0 * f64::from(f32::EPSILON) * scalar.abs()) as f32
}
