//! Makes the master from which everything that is published derives.

use caribou::Result;
use image::{GrayImage, Luma, RgbImage, imageops};

use crate::Picture;
use crate::picture::luma;

/// Share of the pixels that may be clipped at either end, as one in so many.
const CLIPPED_ONE_IN: u64 = 200;
/// Where the median tone is moved to, 0 to 1, as far as [`GAMMA_LEAST`] and [`GAMMA_MOST`] allow.
const MEDIAN_TARGET: f32 = 0.42;
/// The strongest brightening.
const GAMMA_LEAST: f32 = 0.55;
/// The strongest darkening.
const GAMMA_MOST: f32 = 1.35;
/// Local contrast: radius in pixels, and amount.
const CLARITY: (f32, f32) = (24.0, 0.18);
/// Sharpening: radius in pixels, and amount.
const SHARPNESS: (f32, f32) = (1.1, 0.45);
/// JPEG quality of the master.
const QUALITY: u8 = 90;

/// Sets black point, white point and mid-tones, and adds local contrast and sharpness.
///
/// # Errors
///
/// A permanent error if the picture cannot be decoded.
#[caribou::function(memory = 1769, timeout = "30s")]
pub async fn develop(picture: Picture) -> Result<Picture> {
    let mut image = picture.decode()?;
    apply_levels(&mut image);
    add_detail(&mut image);
    Picture::encode(&image, QUALITY)
}

/// Stretches the tones over the whole range and moves the median towards the middle.
fn apply_levels(image: &mut RgbImage) {
    let mut histogram = [0_u64; 256];
    for pixel in image.pixels() {
        histogram[usize::from(luma(pixel.0))] += 1;
    }
    let pixels: u64 = histogram.iter().sum();
    let quantile = |rank: u64| {
        let mut below = 0;
        histogram
            .iter()
            .take_while(|&&count| {
                below += count;
                below <= rank
            })
            .count()
            .min(255) as f32
    };
    let black = quantile(pixels / CLIPPED_ONE_IN);
    let white = quantile(pixels - pixels / CLIPPED_ONE_IN).max(black + 1.0);
    let median = ((quantile(pixels / 2) - black) / (white - black)).clamp(0.01, 0.99);
    let gamma = (MEDIAN_TARGET.ln() / median.ln()).clamp(GAMMA_LEAST, GAMMA_MOST);
    let curve: Vec<u8> = (0..=255_u8)
        .map(|tone| ((f32::from(tone) - black) / (white - black)).clamp(0.0, 1.0).powf(gamma) * 255.0)
        .map(|tone| tone.round() as u8)
        .collect();
    for pixel in image.pixels_mut() {
        pixel.0 = pixel.0.map(|channel| curve[usize::from(channel)]);
    }
}

/// Unsharp masking of the luma at two radii, which leaves the hues alone.
fn add_detail(image: &mut RgbImage) {
    let tones =
        GrayImage::from_fn(image.width(), image.height(), |x, y| Luma([luma(image.get_pixel(x, y).0)]));
    let coarse = imageops::blur(&tones, CLARITY.0);
    let fine = imageops::blur(&tones, SHARPNESS.0);
    let masks = tones.pixels().zip(coarse.pixels()).zip(fine.pixels());
    for (pixel, ((tone, coarse), fine)) in image.pixels_mut().zip(masks) {
        let above = |blurred: &Luma<u8>| f32::from(tone.0[0]) - f32::from(blurred.0[0]);
        let gain = CLARITY.1 * above(coarse) + SHARPNESS.1 * above(fine);
        pixel.0 = pixel.0.map(|channel| (f32::from(channel) + gain).round().clamp(0.0, 255.0) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn levels_use_the_whole_range() {
        let mut ramp = RgbImage::from_fn(101, 4, |x, _| Rgb([50 + x as u8; 3]));
        apply_levels(&mut ramp);
        assert_eq!((ramp.get_pixel(0, 0).0[0], ramp.get_pixel(100, 0).0[0]), (0, 255));
    }

    #[test]
    fn a_dark_image_becomes_brighter() {
        let mut dark =
            RgbImage::from_fn(100, 4, |x, _| Rgb([if x < 90 { 10 + x as u8 / 5 } else { 200 }; 3]));
        let before = dark.get_pixel(80, 0).0[0];
        apply_levels(&mut dark);
        assert!(dark.get_pixel(80, 0).0[0] > before);
    }

    #[test]
    fn a_flat_image_has_no_detail_to_add() {
        let mut flat = RgbImage::from_pixel(20, 20, Rgb([90, 120, 60]));
        add_detail(&mut flat);
        assert_eq!(flat, RgbImage::from_pixel(20, 20, Rgb([90, 120, 60])));
    }

    #[tokio::test]
    async fn a_one_coloured_photo_is_developed_without_a_fault() {
        let picture = Picture::encode(&RgbImage::new(8, 8), 80).unwrap();
        assert_eq!(develop(picture).await.unwrap().width, 8);
    }
}
