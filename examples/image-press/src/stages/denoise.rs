//! Takes the grain out of a photo that was taken in low light.

use caribou::Result;
use image::{Rgb, RgbImage};

use crate::Picture;
use crate::picture::luma;

/// How far the filter reaches from each pixel.
const RADIUS: usize = 7;
/// Standard deviation of the spatial weight, in pixels.
const SPATIAL_SIGMA: f32 = 3.5;
/// Standard deviation of the tonal weight, in steps of luma: differences well above it are edges, and stay.
const TONAL_SIGMA: f32 = 9.0;
/// JPEG quality of the result.
const QUALITY: u8 = 90;

/// Smooths what is grain and keeps what is edge.
///
/// # Errors
///
/// A permanent error if the picture cannot be decoded.
#[caribou::function(memory = 1769, timeout = "30s")]
pub async fn denoise(picture: Picture) -> Result<Picture> {
    Picture::encode(&bilateral(&picture.decode()?), QUALITY)
}

/// A bilateral filter guided by luma (C. Tomasi, R. Manduchi, "Bilateral Filtering for Gray and Color Images",
/// ICCV 1998).
fn bilateral(image: &RgbImage) -> RgbImage {
    let side = 2 * RADIUS + 1;
    let gauss = |distance_squared: f32, sigma: f32| (-distance_squared / (2.0 * sigma * sigma)).exp();
    let place_weights: Vec<f32> = (0..side * side)
        .map(|tap| {
            let offset = |at: usize| at as f32 - RADIUS as f32;
            gauss(offset(tap / side).powi(2) + offset(tap % side).powi(2), SPATIAL_SIGMA)
        })
        .collect();
    let tone_weights: Vec<f32> =
        (0..=255).map(|step: u16| gauss(f32::from(step).powi(2), TONAL_SIGMA)).collect();

    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels: Vec<([f32; 3], u8)> =
        image.pixels().map(|pixel| (pixel.0.map(f32::from), luma(pixel.0))).collect();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let (x, y) = (x as usize, y as usize);
        let centre = pixels[y * width + x].1;
        let columns = x.saturating_sub(RADIUS)..(x + RADIUS + 1).min(width);
        let mut sum = [0.0; 3];
        let mut weights = 0.0;
        for row in y.saturating_sub(RADIUS)..(y + RADIUS + 1).min(height) {
            let taps = &place_weights[(row + RADIUS - y) * side + columns.start + RADIUS - x..];
            let neighbours = &pixels[row * width + columns.start..row * width + columns.end];
            for ((colour, luma), near) in neighbours.iter().zip(taps) {
                let weight = near * tone_weights[usize::from(luma.abs_diff(centre))];
                weights += weight;
                for (sum, channel) in sum.iter_mut().zip(colour) {
                    *sum += weight * channel;
                }
            }
        }
        Rgb(sum.map(|sum| (sum / weights).round() as u8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grain_is_smoothed() {
        let grain = RgbImage::from_fn(24, 24, |x, y| Rgb([100 + 3 * ((x * 7 + y * 13) % 3) as u8; 3]));
        let smooth = bilateral(&grain);
        let spread = |image: &RgbImage| {
            let inner = (10..14).flat_map(|y| (10..14).map(move |x| image.get_pixel(x, y).0[0]));
            inner.clone().max().unwrap() - inner.min().unwrap()
        };
        assert!(spread(&smooth) * 3 < spread(&grain));
    }

    #[test]
    fn an_edge_stays_where_it_is() {
        let edge = RgbImage::from_fn(24, 8, |x, _| Rgb([if x < 12 { 20 } else { 220 }; 3]));
        assert_eq!(bilateral(&edge), edge);
    }

    #[tokio::test]
    async fn the_size_is_kept() {
        let picture = Picture::encode(&RgbImage::new(9, 5), 80).unwrap();
        let denoised = denoise(picture).await.unwrap();
        assert_eq!((denoised.width, denoised.height), (9, 5));
    }
}
