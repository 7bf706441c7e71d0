//! The workflow, called as the function that it is.

use caribou::Result;
use image_press::scene::{Light, Scene};
use image_press::{Photo, Release, press};

async fn release_of(light: Light) -> Result<Release> {
    let file = Scene { seed: 11, light }.png(360, 240)?;
    press(Photo { name: "valley.png".into(), file: file.into() }).await
}

#[tokio::test]
async fn a_bright_photo_is_released_in_every_size_up_to_its_own() {
    let release = release_of(Light::Day).await.unwrap();
    assert!(!release.facts.low_light, "{:?}", release.facts);
    let assets: Vec<_> = release.assets.iter().map(|a| (a.name.as_str(), a.width, a.height)).collect();
    assert_eq!(
        assets,
        [("valley-320px.jpg", 320, 213), ("valley-160px.jpg", 160, 107), ("valley-card.jpg", 800, 420)]
    );
    let shares: u16 = release.palette.iter().map(|swatch| swatch.per_mille).sum();
    assert!((998..=1002).contains(&shares), "{:?}", release.palette);
}

#[tokio::test]
async fn a_dark_photo_is_denoised_on_its_way() {
    let release = release_of(Light::Night).await.unwrap();
    assert!(release.facts.low_light, "{:?}", release.facts);
    assert_eq!(release.assets.len(), 3);
}

#[tokio::test]
async fn the_contact_sheet_can_be_looked_at_and_is_small() {
    let sheet = release_of(Light::Day).await.unwrap().contact_sheet;
    let pixels = sheet.decode().unwrap();
    assert_eq!(pixels.dimensions(), (sheet.width, sheet.height));
    assert!(sheet.jpeg.len() < 100_000);
}

#[tokio::test]
async fn the_same_photo_always_gives_the_same_release() {
    let [first, second] = [release_of(Light::Night).await, release_of(Light::Night).await];
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn a_file_that_is_no_image_fails_for_good() {
    let text = Photo { name: "notes.txt".into(), file: b"not an image".to_vec().into() };
    let error = press(text).await.unwrap_err();
    assert!(error.is_permanent() && error.message().contains("notes.txt"), "{error}");
}
