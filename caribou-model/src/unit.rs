//! Physical quantities and money, each its own type, so that grams are never added to dollars.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0.0);

            /// The bare number, in the unit of the type.
            pub const fn value(self) -> f64 {
                self.0
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }

        impl Div<f64> for $name {
            type Output = Self;
            fn div(self, divisor: f64) -> Self {
                Self(self.0 / divisor)
            }
        }

        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                Self(items.map(|item| item.0).sum())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)?;
                f.write_str(concat!(" ", $unit))
            }
        }
    };
}

quantity!(
    /// A mass of greenhouse gas, in grams of CO2 equivalent.
    GramsCo2,
    "gCO2eq"
);
quantity!(
    /// Money, in US dollars.
    Usd,
    "USD"
);
quantity!(
    /// A span of time, in seconds.
    Seconds,
    "s"
);
quantity!(
    /// Energy, in kilowatt-hours.
    KilowattHours,
    "kWh"
);
quantity!(
    /// The carbon intensity of a grid, in grams of CO2 equivalent per kilowatt-hour.
    GramsPerKwh,
    "gCO2eq/kWh"
);
quantity!(
    /// An amount of data, in gigabytes of 10^9 bytes.
    Gigabytes,
    "GB"
);

impl Gigabytes {
    /// This many bytes.
    pub fn from_bytes(bytes: u64) -> Self {
        Self(bytes as f64 / 1e9)
    }
}

impl Mul<GramsPerKwh> for KilowattHours {
    type Output = GramsCo2;
    fn mul(self, intensity: GramsPerKwh) -> GramsCo2 {
        GramsCo2(self.0 * intensity.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_times_intensity_is_a_mass() {
        assert_eq!(KilowattHours(0.5) * GramsPerKwh(400.0), GramsCo2(200.0));
    }

    #[test]
    fn quantities_print_with_their_unit() {
        assert_eq!(format!("{:.2}", Seconds(1.5)), "1.50 s");
    }
}
