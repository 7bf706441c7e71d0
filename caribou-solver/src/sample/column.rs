//! Columns: one quantity over all samples.

use std::collections::HashMap;

/// A column of a [`Columns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnId(u32);

/// All columns of a set of samples. Columns that hold the same value in every sample are kept once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    all: Vec<Column>,
    constants: HashMap<u64, ColumnId>,
}

/// Single precision halves what is moved through the caches; the mean, which the search adds up, is exact.
#[derive(Clone, Debug)]
struct Column {
    values: Box<[f32]>,
    mean: f64,
    constant: Option<f32>,
}

impl Columns {
    /// Keeps a column.
    pub(crate) fn keep(&mut self, values: &[f64]) -> ColumnId {
        let constant = values.first().copied().filter(|first| {
            let first = first.to_bits();
            values.iter().all(|value| value.to_bits() == first)
        });
        let id = ColumnId(self.all.len() as u32);
        if let Some(value) = constant {
            if let Some(&known) = self.constants.get(&value.to_bits()) {
                return known;
            }
            self.constants.insert(value.to_bits(), id);
        }
        self.all.push(Column {
            values: values.iter().map(|&value| value as f32).collect(),
            mean: constant.unwrap_or_else(|| values.iter().sum::<f64>() / values.len().max(1) as f64),
            constant: constant.map(|value| value as f32),
        });
        id
    }

    /// The values, one for each sample.
    pub(crate) fn values(&self, id: ColumnId) -> &[f32] {
        &self.all[id.0 as usize].values
    }

    /// The mean over all samples, in double precision.
    pub(crate) fn mean(&self, id: ColumnId) -> f64 {
        self.all[id.0 as usize].mean
    }

    /// The value of every sample, where it is the same.
    pub(crate) fn constant(&self, id: ColumnId) -> Option<f32> {
        self.all[id.0 as usize].constant
    }

    /// Memory of the values, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.all.iter().map(|column| size_of_val(&*column.values)).sum()
    }
}
