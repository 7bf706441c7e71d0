//! The last stage: gathers everything into a release.

use caribou::{Error, Result};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use crate::checksum::sha256;
use crate::{Asset, Facts, Picture, Release, Rendition, Swatch};

/// Width of the contact sheet, in pixels.
const SHEET_WIDTH: u32 = 640;
/// Margin around everything on it.
const MARGIN: u32 = 12;
/// Height of the row of renditions.
const ROW_HEIGHT: u32 = 72;
/// Height of the strip of colours.
const STRIP_HEIGHT: u32 = 40;
/// The paper's colour.
const PAPER: Rgb<u8> = Rgb([244, 243, 239]);
/// JPEG quality of the contact sheet.
const QUALITY: u8 = 80;

/// Composes the contact sheet and lists every asset with its checksum.
///
/// # Errors
///
/// A permanent error if a rendition cannot be decoded, or a swatch is no colour.
#[caribou::function(memory = 1769, timeout = "30s")]
pub async fn publish(
    facts: Facts,
    renditions: Vec<Rendition>,
    palette: Vec<Swatch>,
    card: Rendition,
) -> Result<Release> {
    let sheet = contact_sheet(&renditions, &palette, &card)?;
    let assets = renditions.iter().chain([&card]).map(|rendition| asset(&facts, rendition)).collect();
    Ok(Release { facts, palette, assets, contact_sheet: Picture::encode(&sheet, QUALITY)? })
}

/// What the release says of a rendition.
fn asset(facts: &Facts, Rendition { name, picture }: &Rendition) -> Asset {
    let stem = facts.name.rsplit_once('.').map_or(facts.name.as_str(), |(stem, _)| stem);
    Asset {
        name: format!("{stem}-{name}.jpg"),
        width: picture.width,
        height: picture.height,
        bytes: picture.jpeg.len() as u64,
        sha256: sha256(&picture.jpeg),
    }
}

/// The card on top, the renditions in a row beneath it, the palette at the foot.
fn contact_sheet(renditions: &[Rendition], palette: &[Swatch], card: &Rendition) -> Result<RgbImage> {
    let inner = SHEET_WIDTH - 2 * MARGIN;
    let top = fit(&card.picture.decode()?, inner, u32::MAX);
    let row_top = 2 * MARGIN + top.height();
    let strip_top = row_top + ROW_HEIGHT + MARGIN;
    let mut sheet = RgbImage::from_pixel(SHEET_WIDTH, strip_top + STRIP_HEIGHT + MARGIN, PAPER);
    imageops::replace(&mut sheet, &top, i64::from(MARGIN), i64::from(MARGIN));

    let cell = inner / (renditions.len().max(1) as u32);
    for (index, rendition) in renditions.iter().enumerate() {
        let tile = fit(&rendition.picture.decode()?, cell.saturating_sub(MARGIN).max(1), ROW_HEIGHT);
        let left = MARGIN + index as u32 * cell + (cell - tile.width().min(cell)) / 2;
        let down = row_top + (ROW_HEIGHT - tile.height()) / 2;
        imageops::replace(&mut sheet, &tile, i64::from(left), i64::from(down));
    }
    paint_strip(&mut sheet, palette, strip_top)?;
    Ok(sheet)
}

/// Paints the swatches side by side, each as wide as its share.
fn paint_strip(sheet: &mut RgbImage, palette: &[Swatch], top: u32) -> Result<()> {
    let total: u32 = palette.iter().map(|swatch| u32::from(swatch.per_mille)).sum();
    let inner = SHEET_WIDTH - 2 * MARGIN;
    let mut before = 0;
    for swatch in palette {
        let colour = swatch.rgb().ok_or_else(|| {
            Error::permanent(format!("`{}` is no colour; a swatch is written `#rrggbb`", swatch.colour))
        })?;
        let after = before + u32::from(swatch.per_mille);
        let columns = inner * before / total.max(1)..inner * after / total.max(1);
        for (x, y) in columns.flat_map(|x| (0..STRIP_HEIGHT).map(move |y| (x, y))) {
            sheet.put_pixel(MARGIN + x, top + y, Rgb(colour));
        }
        before = after;
    }
    Ok(())
}

/// The image, made smaller so that it fits into a box. Never made larger.
fn fit(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    let scale = (f64::from(width) / f64::from(image.width()))
        .min(f64::from(height) / f64::from(image.height()))
        .min(1.0);
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    imageops::resize(image, scaled(image.width()), scaled(image.height()), FilterType::CatmullRom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendition(name: &str, width: u32, height: u32) -> Rendition {
        let image = RgbImage::from_pixel(width, height, Rgb([10, 20, 30]));
        Rendition { name: name.into(), picture: Picture::encode(&image, 80).unwrap() }
    }

    fn swatch(colour: &str, per_mille: u16) -> Swatch {
        Swatch { colour: colour.into(), per_mille }
    }

    #[test]
    fn the_palette_is_painted_in_proportion() {
        let palette = [swatch("#ff0000", 750), swatch("#0000ff", 250)];
        let sheet =
            contact_sheet(&[rendition("160px", 16, 9)], &palette, &rendition("card", 80, 42)).unwrap();
        let foot = sheet.height() - MARGIN - 1;
        let count = |colour| (0..SHEET_WIDTH).filter(|&x| sheet.get_pixel(x, foot).0 == colour).count();
        assert_eq!((count([255, 0, 0]), count([0, 0, 255])), (462, 154));
    }

    #[test]
    fn an_asset_is_named_after_the_photo_and_its_rendition() {
        let facts = Facts { name: "beach.png".into(), ..Facts::default() };
        assert_eq!(asset(&facts, &rendition("320px", 4, 4)).name, "beach-320px.jpg");
    }

    #[tokio::test]
    async fn a_swatch_that_is_no_colour_is_a_permanent_error() {
        let palette = vec![swatch("tomato", 1000)];
        let error = publish(Facts::default(), vec![], palette, rendition("card", 8, 4)).await.unwrap_err();
        assert!(error.is_permanent() && error.message().contains("tomato"));
    }
}
