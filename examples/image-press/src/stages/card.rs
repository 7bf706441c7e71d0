//! The card that social networks show beside a link.

use std::ops::Range;

use caribou::Result;
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, RgbImage};

use crate::picture::luma;
use crate::{Picture, Rendition};

/// Width and height of the card, in pixels.
const CARD: (u32, u32) = (800, 420);
/// How similar the card must stay to its uncompressed self.
const SIMILARITY: f64 = 0.95;

/// Crops the master to the part with the most detail, in the card's proportions, and scales it to the card.
///
/// # Errors
///
/// A permanent error if the master cannot be decoded.
#[caribou::function(memory = 1769, timeout = "30s")]
pub async fn card(master: Picture) -> Result<Rendition> {
    let image = master.decode()?;
    let (x, y) = best_crop(&image);
    let cropped = imageops::crop_imm(&image, x.start, y.start, x.end - x.start, y.end - y.start).to_image();
    let card = imageops::resize(&cropped, CARD.0, CARD.1, FilterType::Lanczos3);
    Ok(Rendition { name: "card".into(), picture: Picture::compress(&card, SIMILARITY)? })
}

/// The columns and rows of the largest crop in the card's proportions that holds the most detail.
fn best_crop(image: &RgbImage) -> (Range<u32>, Range<u32>) {
    let (width, height) = image.dimensions();
    let (across, down) = detail(image);
    if u64::from(width) * u64::from(CARD.1) > u64::from(height) * u64::from(CARD.0) {
        let crop = (u64::from(height) * u64::from(CARD.0) / u64::from(CARD.1)).max(1) as u32;
        (densest(&across, crop), 0..height)
    } else {
        let crop = (u64::from(width) * u64::from(CARD.1) / u64::from(CARD.0)).max(1) as u32;
        (0..width, densest(&down, crop))
    }
}

/// How much detail each column and each row has: the sum of the gradient of the slightly blurred luma, so that
/// grain does not count as detail.
fn detail(image: &RgbImage) -> (Vec<u64>, Vec<u64>) {
    let (width, height) = image.dimensions();
    let tones = GrayImage::from_fn(width, height, |x, y| Luma([luma(image.get_pixel(x, y).0)]));
    let tones = imageops::blur(&tones, 4.0);
    let (mut across, mut down) = (vec![0; width as usize], vec![0; height as usize]);
    for (x, y, here) in tones.enumerate_pixels() {
        let right = tones.get_pixel((x + 1).min(width - 1), y);
        let below = tones.get_pixel(x, (y + 1).min(height - 1));
        let gradient = u64::from(here.0[0].abs_diff(right.0[0])) + u64::from(here.0[0].abs_diff(below.0[0]));
        across[x as usize] += gradient;
        down[y as usize] += gradient;
    }
    (across, down)
}

/// The window of this length with the largest sum; the first of equals.
fn densest(detail: &[u64], length: u32) -> Range<u32> {
    let window = (length as usize).min(detail.len());
    let mut sum: u64 = detail[..window].iter().sum();
    let mut best = (0, sum);
    for start in 1..=detail.len() - window {
        sum = sum - detail[start - 1] + detail[start + window - 1];
        if sum > best.1 {
            best = (start, sum);
        }
    }
    best.0 as u32..(best.0 + window) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn the_densest_window_is_found() {
        assert_eq!(densest(&[0, 1, 5, 5, 1, 0], 2), 2..4);
        assert_eq!(densest(&[3, 3, 3], 2), 0..2);
        assert_eq!(densest(&[1, 2], 5), 0..2);
    }

    #[test]
    fn the_crop_of_a_tall_photo_is_where_the_detail_is() {
        let stripes = |x: u32, y: u32| Rgb([if y > 120 { (x / 8 % 2 * 255) as u8 } else { 90 }; 3]);
        let (x, y) = best_crop(&RgbImage::from_fn(80, 200, stripes));
        assert_eq!((x, y.end - y.start), (0..80, 42));
        assert!(y.start > 110, "{y:?}");
    }

    #[tokio::test]
    async fn a_card_always_has_its_size() {
        for (width, height) in [(1, 1), (40, 3), (3, 40)] {
            let master = Picture::encode(&RgbImage::new(width, height), 80).unwrap();
            let picture = card(master).await.unwrap().picture;
            assert_eq!((picture.width, picture.height), CARD);
        }
    }
}
