//! The first stage: reads the file, notes what it is, and makes the working copy that later stages share.

use std::io::Cursor;

use caribou::{Error, Result};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};

use crate::checksum::sha256;
use crate::picture::{luma, shrink_to};
use crate::{Facts, Inspection, Photo, Picture};

/// The longest side of the working copy, in pixels.
const WORKING_EDGE: u32 = 1280;
/// Its JPEG quality.
const WORKING_QUALITY: u8 = 90;
/// The longest side that a photo may have, in pixels.
const LARGEST_EDGE: u32 = 16_384;
/// The most memory that decoding may take, in bytes: it leaves two thirds of the function's to the rest.
const DECODER_MEMORY: u64 = 512 << 20;
/// A photo whose mean luma is below this was taken in low light.
const LOW_LIGHT_LUMA: u8 = 72;
/// A photo with more noise than this needs treatment even if it is bright.
const TOLERATED_NOISE: u8 = 8;

/// Decodes a photo of any supported format, turns it upright, measures it and scales it down.
///
/// # Errors
///
/// A permanent error if the file is no image, or too large.
#[caribou::function(memory = 1769, timeout = "30s")]
pub async fn inspect(photo: Photo) -> Result<Inspection> {
    let (format, image) =
        decode(&photo.file).map_err(|e| Error::permanent(format!("photo `{}`: {e}", photo.name)))?;
    let (width, height) = image.dimensions();
    let working = shrink_to(&image, WORKING_EDGE);
    let luminance = mean_luma(&working);
    let noise = noise(&working);
    Ok(Inspection {
        facts: Facts {
            name: photo.name,
            format,
            width,
            height,
            bytes: photo.file.len() as u64,
            sha256: sha256(&photo.file),
            luminance,
            noise,
            low_light: luminance < LOW_LIGHT_LUMA || noise > TOLERATED_NOISE,
        },
        working: Picture::encode(&working, WORKING_QUALITY)?,
    })
}

/// The name of the file's format, and its pixels as they are meant to be seen.
fn decode(file: &[u8]) -> Result<(String, RgbImage), String> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|e| e.to_string())?;
    let format = reader.format().ok_or_else(|| {
        format!("its {} bytes are not of an image format known here; send a PNG or a JPEG file", file.len())
    })?;
    let too_large = || {
        format!(
            "it is larger than {LARGEST_EDGE} pixels a side or {} MB in memory; send a smaller one",
            DECODER_MEMORY >> 20
        )
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_EDGE);
    limits.max_image_height = Some(LARGEST_EDGE);
    limits.max_alloc = Some(DECODER_MEMORY);
    reader.limits(limits);
    let name = format.to_mime_type().trim_start_matches("image/").to_owned();
    let unreadable = |e: image::ImageError| match e {
        image::ImageError::Limits(_) => too_large(),
        e => format!("it is no readable {name} file: {e}"),
    };
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    if decoder.total_bytes() > DECODER_MEMORY {
        return Err(too_large());
    }
    let orientation = decoder.orientation().map_err(unreadable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(orientation);
    Ok((name, image.into_rgb8()))
}

/// The mean luma, 0 to 255.
fn mean_luma(image: &RgbImage) -> u8 {
    let sum: u64 = image.pixels().map(|pixel| u64::from(luma(pixel.0))).sum();
    let pixels = u64::from(image.width()) * u64::from(image.height());
    (sum / pixels.max(1)) as u8
}

/// The standard deviation of the image's noise, in steps of luma.
///
/// The mean response to the difference of two Laplacians, which edges hardly excite (J. Immerkær, "Fast Noise
/// Variance Estimation", Computer Vision and Image Understanding 64(2), 1996).
fn noise(image: &RgbImage) -> u8 {
    const KERNEL: [i32; 9] = [1, -2, 1, -2, 4, -2, 1, -2, 1];
    let (width, height) = image.dimensions();
    if width < 3 || height < 3 {
        return 0;
    }
    let row = width as usize;
    let lumas: Vec<i32> = image.pixels().map(|pixel| i32::from(luma(pixel.0))).collect();
    let mut sum = 0_u64;
    for (_, patch) in lumas.windows(2 * row + 3).enumerate().filter(|(at, _)| at % row < row - 2) {
        let response: i32 = (0..3)
            .flat_map(|y| (0..3).map(move |x| (y, x)))
            .map(|(y, x)| KERNEL[y * 3 + x] * patch[y * row + x])
            .sum();
        sum += u64::from(response.unsigned_abs());
    }
    let inner = f64::from(width - 2) * f64::from(height - 2);
    let deviation = (std::f64::consts::PI / 2.0).sqrt() * sum as f64 / (6.0 * inner);
    deviation.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Light, Scene};

    fn photo(file: Vec<u8>) -> Photo {
        Photo { name: "test".into(), file: file.into() }
    }

    #[tokio::test]
    async fn a_file_that_is_no_image_is_a_permanent_error_that_says_what_to_send() {
        let error = inspect(photo(b"%PDF-1.7".to_vec())).await.unwrap_err();
        assert!(error.is_permanent());
        assert!(error.message().contains("photo `test`") && error.message().contains("send a PNG or a JPEG"));
    }

    #[tokio::test]
    async fn a_truncated_image_is_a_permanent_error() {
        let mut file = Scene { seed: 1, light: Light::Day }.png(64, 48).unwrap();
        file.truncate(file.len() / 2);
        let error = inspect(photo(file)).await.unwrap_err();
        assert!(error.is_permanent() && error.message().contains("no readable png file"), "{error}");
    }

    #[tokio::test]
    async fn an_image_with_a_huge_side_is_refused_before_it_is_decoded() {
        let mut file = Vec::new();
        let wide = RgbImage::new(LARGEST_EDGE + 1, 1);
        wide.write_to(&mut Cursor::new(&mut file), image::ImageFormat::Png).unwrap();
        let error = inspect(photo(file)).await.unwrap_err();
        assert!(error.is_permanent() && error.message().contains("send a smaller one"), "{error}");
    }

    #[tokio::test]
    async fn an_image_that_would_fill_the_memory_is_refused_before_it_is_decoded() {
        let mut file = Picture::encode(&RgbImage::new(8, 8), 80).unwrap().jpeg.to_vec();
        let frame = file.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
        file[frame + 5..frame + 9].copy_from_slice(&[0x3e, 0x80, 0x3e, 0x80]);
        let error = inspect(photo(file)).await.unwrap_err();
        assert!(error.is_permanent() && error.message().contains("512 MB"), "{error}");
    }

    #[tokio::test]
    async fn the_working_copy_is_scaled_down_and_the_facts_are_of_the_original() {
        let file = Scene { seed: 1, light: Light::Day }.png(1600, 40).unwrap();
        let bytes = file.len() as u64;
        let Inspection { facts, working } = inspect(photo(file)).await.unwrap();
        assert_eq!((facts.format.as_str(), facts.width, facts.height, facts.bytes), ("png", 1600, 40, bytes));
        assert_eq!((working.width, working.height), (1280, 32));
    }

    #[test]
    fn a_flat_image_has_no_noise_and_a_noisy_one_has() {
        assert_eq!(noise(&RgbImage::from_pixel(16, 16, image::Rgb([90; 3]))), 0);
        let checkered = RgbImage::from_fn(16, 16, |x, y| image::Rgb([80 + 20 * ((x + y) % 2) as u8; 3]));
        assert!(noise(&checkered) > 8);
    }
}
