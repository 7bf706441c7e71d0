//! The image that travels between stages.

use std::ops::RangeInclusive;

use caribou::{Bytes, Error, Result};
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::imageops::{self, FilterType};
use image::{DynamicImage, RgbImage};
use serde::{Deserialize, Serialize};

use crate::similarity::Lumas;

/// The JPEG qualities among which [`Picture::compress`] chooses.
const QUALITIES: RangeInclusive<u8> = 45..=92;

/// A JPEG image with its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The encoded image.
    pub jpeg: Bytes,
}

impl Picture {
    /// Encodes an image. `quality` is 1 to 100.
    ///
    /// # Errors
    ///
    /// The encoder's own: an empty image, or one of more than 65,535 pixels in width or height.
    pub fn encode(image: &RgbImage, quality: u8) -> Result<Self> {
        let (width, height) = image.dimensions();
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(image).map_err(|e| {
            Error::permanent(format!("a picture of {width} x {height} pixels cannot be encoded: {e}"))
        })?;
        Ok(Self { width, height, jpeg: jpeg.into() })
    }

    /// Encodes an image with the lowest quality that keeps it at least this similar to what it was, or with the
    /// highest if none does. `similarity` is as [`Lumas::similarity`] defines it.
    ///
    /// # Errors
    ///
    /// As of [`encode`](Self::encode).
    pub fn compress(image: &RgbImage, similarity: f64) -> Result<Self> {
        let original = Lumas::of(image);
        let (mut low, mut high) = QUALITIES.into_inner();
        let mut best = Self::encode(image, high)?;
        while low < high {
            let quality = u8::midpoint(low, high);
            let candidate = Self::encode(image, quality)?;
            if Lumas::of(&candidate.decode()?).similarity(&original) >= similarity {
                best = candidate;
                high = quality;
            } else {
                low = quality + 1;
            }
        }
        Ok(best)
    }

    /// The pixels.
    ///
    /// # Errors
    ///
    /// A permanent error if the bytes are no JPEG image.
    pub fn decode(&self) -> Result<RgbImage> {
        JpegDecoder::new(std::io::Cursor::new(&self.jpeg[..]))
            .and_then(DynamicImage::from_decoder)
            .map(DynamicImage::into_rgb8)
            .map_err(|e| {
                let bytes = self.jpeg.len();
                Error::permanent(format!("a picture of {bytes} bytes is not the JPEG it should be: {e}"))
            })
    }
}

/// The image, made smaller so that neither side is longer than `edge` pixels. Never made larger.
pub fn shrink_to(image: &RgbImage, edge: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    let longest = width.max(height);
    if longest <= edge {
        return image.clone();
    }
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(edge) + u64::from(longest) / 2) / u64::from(longest);
        (rounded as u32).max(1)
    };
    imageops::resize(image, scaled(width), scaled(height), FilterType::Lanczos3)
}

/// The luma of a pixel by ITU-R BT.601, 0 to 255.
pub fn luma([red, green, blue]: [u8; 3]) -> u8 {
    // The weights 0.299, 0.587 and 0.114 in 16-bit fixed point.
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 32_768) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Light, Scene};

    #[test]
    fn a_picture_knows_the_size_of_its_pixels() {
        let picture = Picture::encode(&RgbImage::new(7, 5), 80).unwrap();
        assert_eq!((picture.width, picture.height), (7, 5));
        assert_eq!(picture.decode().unwrap().dimensions(), (7, 5));
    }

    #[test]
    fn compression_gives_up_no_more_than_it_may() {
        let image = Scene { seed: 5, light: Light::Day }.render(96, 64);
        let [coarse, fine] = [0.9, 0.97].map(|similarity| {
            let picture = Picture::compress(&image, similarity).unwrap();
            assert!(Lumas::of(&picture.decode().unwrap()).similarity(&Lumas::of(&image)) >= similarity);
            picture.jpeg.len()
        });
        assert!(coarse < fine);
    }

    #[test]
    fn bytes_that_are_no_jpeg_are_a_permanent_error() {
        let picture = Picture { width: 1, height: 1, jpeg: b"GIF89a".to_vec().into() };
        assert!(picture.decode().unwrap_err().is_permanent());
    }

    #[test]
    fn shrinking_keeps_the_aspect_and_never_enlarges() {
        let image = RgbImage::new(300, 200);
        assert_eq!(shrink_to(&image, 150).dimensions(), (150, 100));
        assert_eq!(shrink_to(&image, 400).dimensions(), (300, 200));
        assert_eq!(shrink_to(&RgbImage::new(1000, 1), 100).dimensions(), (100, 1));
    }

    #[test]
    fn luma_spans_black_to_white() {
        assert_eq!((luma([0; 3]), luma([255; 3])), (0, 255));
    }
}
