//! Energy of moving data.
//!
//! `carbon = I_route x EF x GB`, with `I_route` the mean of both ends' grids. Two cases bound what is known of `EF`:
//! best, [`BEST_KWH_PER_GB`] everywhere; worst, [`WORST_KWH_PER_GB`] between regions and nothing within one. An end that
//! is not known counts [`UNKNOWN_GRID`]. Half of the energy is charged to each end, which is the same and keeps carbon
//! linear in the grids.

use caribou_model::{Gigabytes, GramsCo2, GramsPerKwh, KilowattHours, Transmission};

/// Best case: energy per GB, wherever it goes, in kWh (Cloud Carbon Footprint).
pub const BEST_KWH_PER_GB: f64 = 0.001;
/// Worst case: energy per GB between regions, in kWh (Caribou's documentation).
pub const WORST_KWH_PER_GB: f64 = 0.005;
/// The grid at an end that is not known (mean consumption of the USA in 2023, Caribou's documentation).
pub const UNKNOWN_GRID: GramsPerKwh = GramsPerKwh(410.0);

/// Energy per GB, in kWh.
pub fn kwh_per_gb(case: Transmission, within_region: bool) -> f64 {
    match (case, within_region) {
        (Transmission::Best, _) => BEST_KWH_PER_GB,
        (Transmission::Worst, true) => 0.0,
        (Transmission::Worst, false) => WORST_KWH_PER_GB,
    }
}

/// Carbon of moving data between two grids.
///
/// ```
/// use caribou_model::{Gigabytes, GramsPerKwh, Transmission};
/// use caribou_solver::model::transmission::carbon;
///
/// let grams = carbon(Gigabytes(2.0), [GramsPerKwh(30.0), GramsPerKwh(410.0)], false, Transmission::Worst);
/// assert!((grams.0 - 220.0 * 0.005 * 2.0).abs() < 1e-12);
/// ```
pub fn carbon(data: Gigabytes, ends: [GramsPerKwh; 2], within_region: bool, case: Transmission) -> GramsCo2 {
    let route = GramsPerKwh(f64::midpoint(ends[0].0, ends[1].0));
    KilowattHours(kwh_per_gb(case, within_region) * data.0) * route
}

/// Where the energy of one GB is spent, in kWh.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ends {
    /// In the region itself.
    pub(crate) own: f64,
    /// In the home region.
    pub(crate) home: f64,
    /// At an end that is not known.
    pub(crate) unknown: f64,
}

/// One GB between a client at an unknown place and a region.
pub(crate) fn of_client(case: Transmission) -> Ends {
    let each = kwh_per_gb(case, false) / 2.0;
    Ends { own: each, home: 0.0, unknown: each }
}

/// One GB of a user's code: half with the home region, half with an unknown place.
pub(crate) fn of_user_code(case: Transmission, at_home: bool) -> Ends {
    let [with_home, with_unknown] = [kwh_per_gb(case, at_home) / 4.0, kwh_per_gb(case, false) / 4.0];
    Ends { own: with_home + with_unknown, home: with_home, unknown: with_unknown }
}
