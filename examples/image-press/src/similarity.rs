//! How much a viewer loses to compression.

use image::RgbImage;

use crate::picture::luma;

/// Side of the square windows that are compared, in pixels.
const WINDOW: usize = 8;
/// Distance from one window to the next: half of them overlap.
const STRIDE: usize = 4;

/// The luma of an image, to be compared with that of others.
#[derive(Clone, Debug)]
pub struct Lumas {
    width: usize,
    height: usize,
    values: Vec<u8>,
}

impl Lumas {
    /// The luma of every pixel.
    pub fn of(image: &RgbImage) -> Self {
        Self {
            width: image.width() as usize,
            height: image.height() as usize,
            values: image.pixels().map(|pixel| luma(pixel.0)).collect(),
        }
    }

    /// The mean structural similarity to another image of the same size: 1 is equal, 0 is unrelated (Z. Wang,
    /// A. Bovik, H. Sheikh, E. Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
    /// Similarity", IEEE Transactions on Image Processing 13(4), 2004; with flat windows in place of Gaussians).
    pub fn similarity(&self, other: &Self) -> f64 {
        debug_assert_eq!((self.width, self.height), (other.width, other.height));
        let starts = |side: usize| (0..=side.saturating_sub(WINDOW)).step_by(STRIDE);
        let windows = starts(self.height).flat_map(|y| starts(self.width).map(move |x| (x, y)));
        let (mut sum, mut count) = (0.0, 0_u32);
        for (x, y) in windows {
            sum += self.window_similarity(other, x, y);
            count += 1;
        }
        sum / f64::from(count)
    }

    /// The similarity of the window whose upper left corner is at `x`, `y`.
    fn window_similarity(&self, other: &Self, x: usize, y: usize) -> f64 {
        // Stabilising constants of the paper: (0.01 L)^2 and (0.03 L)^2 with L = 255.
        const C1: f64 = 6.5025;
        const C2: f64 = 58.5225;
        let columns = x..(x + WINDOW).min(self.width);
        let rows = y..(y + WINDOW).min(self.height);
        let pixels = (columns.len() * rows.len()) as f64;
        let mut sums = [0_u32; 2];
        let mut squares = 0_u32;
        let mut products = 0_u32;
        for row in rows {
            let span = row * self.width + columns.start..row * self.width + columns.end;
            for (&a, &b) in self.values[span.clone()].iter().zip(&other.values[span]) {
                let (a, b) = (u32::from(a), u32::from(b));
                sums = [sums[0] + a, sums[1] + b];
                squares += a * a + b * b;
                products += a * b;
            }
        }
        let [a, b] = sums.map(|sum| f64::from(sum) / pixels);
        let variances = f64::from(squares) / pixels - a * a - b * b;
        let covariance = f64::from(products) / pixels - a * b;
        (2.0 * a * b + C1) * (2.0 * covariance + C2) / ((a * a + b * b + C1) * (variances + C2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn lumas(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> Lumas {
        Lumas::of(&RgbImage::from_fn(width, height, |x, y| Rgb([value(x, y); 3])))
    }

    #[test]
    fn an_image_equals_itself() {
        let image = lumas(21, 17, |x, y| (x * 11 + y * 7) as u8);
        assert!((image.similarity(&image) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_blurred_image_is_less_similar_than_a_slightly_changed_one() {
        let stripes = lumas(32, 32, |x, _| if x % 2 == 0 { 60 } else { 180 });
        let slightly = lumas(32, 32, |x, _| if x % 2 == 0 { 64 } else { 178 });
        let blurred = lumas(32, 32, |_, _| 120);
        assert!(stripes.similarity(&slightly) > 0.99);
        assert!(stripes.similarity(&blurred) < 0.1);
    }

    #[test]
    fn an_image_smaller_than_a_window_can_be_compared() {
        let dot = lumas(1, 1, |_, _| 9);
        assert!((dot.similarity(&dot) - 1.0).abs() < 1e-9);
    }
}
