//! Prepares a photo for the web: seven stages, one of them conditional, three in parallel, one that waits for them.
//!
//! [`press`] is the workflow; the functions that it calls are in [`stages`], one a file. Everything here is
//! deterministic: the same file gives the same release, byte for byte.

pub mod checksum;
pub mod oklab;
pub mod picture;
pub mod scene;
pub mod similarity;
pub mod stages;

use caribou::{Bytes, Result};
use serde::{Deserialize, Serialize};

pub use picture::Picture;
use stages::card::card;
use stages::denoise::denoise;
use stages::develop::develop;
use stages::inspect::inspect;
use stages::palette::palette;
use stages::publish::publish;
use stages::resize::resize;

/// A photo as it is uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photo {
    /// The file's name, from which those of the assets are made.
    pub name: String,
    /// The file: a PNG or a JPEG image.
    pub file: Bytes,
}

/// What is known of a photo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The file's name.
    pub name: String,
    /// Its format: `png` or `jpeg`.
    pub format: String,
    /// Width of the original in pixels, after it was turned upright.
    pub width: u32,
    /// Height of the original in pixels, after it was turned upright.
    pub height: u32,
    /// Size of the original file in bytes.
    pub bytes: u64,
    /// Checksum of the original file.
    pub sha256: String,
    /// Mean luma, 0 (black) to 255 (white).
    pub luminance: u8,
    /// Standard deviation of the noise in steps of luma.
    pub noise: u8,
    /// Whether the photo is so dark or noisy that its grain should be taken out.
    pub low_light: bool,
}

/// What the first stage makes of a photo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// What is known of it.
    pub facts: Facts,
    /// The photo at the size that later stages work on.
    pub working: Picture,
}

/// A picture that is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// What sets it apart from the others of its photo, such as `640px` or `card`.
    pub name: String,
    /// The picture.
    pub picture: Picture,
}

/// A colour of a palette.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swatch {
    /// The colour as CSS writes it: `#rrggbb`.
    pub colour: String,
    /// How many of a thousand pixels are nearest to it.
    pub per_mille: u16,
}

impl Swatch {
    /// The colour's channels, or `None` if it is not written `#rrggbb`.
    pub fn rgb(&self) -> Option<[u8; 3]> {
        let digits = self.colour.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some([red, green, blue])
    }
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// Its checksum.
    pub sha256: String,
}

/// What the workflow yields: the manifest of what was made of a photo, and a contact sheet to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// What is known of the photo.
    pub facts: Facts,
    /// Its colours, the most frequent first.
    pub palette: Vec<Swatch>,
    /// Every file that was made of it.
    pub assets: Vec<Asset>,
    /// All of them on one page.
    pub contact_sheet: Picture,
}

/// Makes everything that a web page needs of a photo.
///
/// Only the first stage reads the file. What it hands on is a working copy of a few hundred kilobytes, which is
/// why the stages after it, which do nearly all of the computing, can be far away from the upload.
///
/// # Errors
///
/// A permanent error if the file is no image, or larger than the first stage accepts.
///
/// ```
/// use image_press::scene::{Light, Scene};
/// use image_press::{Photo, press};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> caribou::Result<()> {
/// let file = Scene { seed: 7, light: Light::Day }.png(240, 160)?;
/// let release = press(Photo { name: "beach.png".into(), file: file.into() }).await?;
/// assert_eq!(release.assets[0].name, "beach-160px.jpg");
/// # Ok(())
/// # }
/// ```
#[caribou::workflow(name = "image_press", version = "0.1.0")]
pub async fn press(photo: Photo) -> Result<Release> {
    let inspection = inspect(photo).await?;
    let facts = inspection.facts;
    let picture = if facts.low_light { denoise(inspection.working).await? } else { inspection.working };
    let master = develop(picture).await?;
    let renditions = resize(master.clone()).await?;
    let colours = palette(master.clone()).await?;
    let preview = card(master).await?;
    publish(facts, renditions, colours, preview).await
}
