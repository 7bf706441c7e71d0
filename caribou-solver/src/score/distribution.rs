//! How the figures of a placement are distributed over the samples.

use crate::estimate::Estimate;
use crate::solution::Figures;

/// Samples and, where it is known in double precision, their mean.
pub(super) type Distribution<'d> = (&'d [f32], Option<f64>);

/// All samples of a placement at some hours.
pub(super) struct Distributions {
    pub(super) runtime: Vec<f32>,
    pub(super) cost: (Vec<f32>, f64),
    /// Best and worst case of transmission, by hour.
    pub(super) carbon: [Vec<(Vec<f32>, f64)>; 2],
}

/// Picks one distribution of a placement.
pub(super) type Pick<'p> = &'p dyn for<'d> Fn(&'d Distributions) -> Distribution<'d>;

impl Distributions {
    /// The figures of each hour; an estimate is made of what is picked.
    pub(super) fn figures(&self, estimate: impl Fn(Pick<'_>) -> Estimate) -> Vec<Figures> {
        let runtime = estimate(&|of| (&of.runtime, None));
        let cost = estimate(&|of| (&of.cost.0, Some(of.cost.1)));
        let carbon = |case: usize, hour: usize| {
            estimate(&|of| {
                let (samples, mean) = &of.carbon[case][hour];
                (samples, Some(*mean))
            })
        };
        let hours = 0..self.carbon[0].len();
        hours
            .map(|hour| Figures {
                carbon_best: carbon(0, hour),
                carbon_worst: carbon(1, hour),
                cost,
                runtime,
            })
            .collect()
    }
}
