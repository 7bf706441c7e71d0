//! A colour space in which distance is what the eye sees.

use std::ops::{AddAssign, Div};

/// A colour in Oklab (B. Ottosson, "A perceptual color space for image processing", 2020).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Oklab {
    lightness: f32,
    green_red: f32,
    blue_yellow: f32,
}

impl Oklab {
    /// Converts from 8-bit sRGB.
    pub fn from_srgb(srgb: [u8; 3]) -> Self {
        let [red, green, blue] = srgb.map(|channel| {
            let value = f32::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        let l = (0.412_221_46 * red + 0.536_332_55 * green + 0.051_445_995 * blue).cbrt();
        let m = (0.211_903_5 * red + 0.680_699_5 * green + 0.107_396_96 * blue).cbrt();
        let s = (0.088_302_46 * red + 0.281_718_85 * green + 0.629_978_7 * blue).cbrt();
        Self {
            lightness: 0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            green_red: 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            blue_yellow: 0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        }
    }

    /// Converts to 8-bit sRGB, clipped to what a screen can show.
    pub fn to_srgb(self) -> [u8; 3] {
        let Self { lightness, green_red, blue_yellow } = self;
        let l = (lightness + 0.396_337_78 * green_red + 0.215_803_76 * blue_yellow).powi(3);
        let m = (lightness - 0.105_561_346 * green_red - 0.063_854_17 * blue_yellow).powi(3);
        let s = (lightness - 0.089_484_18 * green_red - 1.291_485_5 * blue_yellow).powi(3);
        let linear = [
            4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
            -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
            -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
        ];
        linear.map(|value| {
            let value =
                if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
            (value.clamp(0.0, 1.0) * 255.0).round() as u8
        })
    }

    /// The square of the distance to another colour.
    pub fn distance_squared(self, other: Self) -> f32 {
        (self.lightness - other.lightness).powi(2)
            + (self.green_red - other.green_red).powi(2)
            + (self.blue_yellow - other.blue_yellow).powi(2)
    }
}

impl AddAssign for Oklab {
    fn add_assign(&mut self, other: Self) {
        self.lightness += other.lightness;
        self.green_red += other.green_red;
        self.blue_yellow += other.blue_yellow;
    }
}

impl Div<f32> for Oklab {
    type Output = Self;

    fn div(self, divisor: f32) -> Self {
        Self {
            lightness: self.lightness / divisor,
            green_red: self.green_red / divisor,
            blue_yellow: self.blue_yellow / divisor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_survive_the_way_there_and_back() {
        for srgb in [[0, 0, 0], [255, 255, 255], [200, 30, 90], [1, 254, 127], [12, 12, 13]] {
            assert_eq!(Oklab::from_srgb(srgb).to_srgb(), srgb);
        }
    }

    #[test]
    fn white_is_the_lightest_and_without_hue() {
        let white = Oklab::from_srgb([255; 3]);
        assert!((white.lightness - 1.0).abs() < 1e-4 && white.green_red.abs() < 1e-4);
    }
}
