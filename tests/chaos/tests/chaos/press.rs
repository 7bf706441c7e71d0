//! The runs of the example: small photos, each under a name of its own, and what the plain call makes of them.

use caribou_runtime::model::Graph;
use image_press::scene::{Light, Scene};
use image_press::{Photo, Release, press};
use serde_json::Value as Json;

/// How many different photos there are.
const PHOTOS: u64 = 8;
/// Width and height of a photo, in pixels.
const SIZE: (u32, u32) = (48, 32);

/// The photos, and what the plain call makes of each.
pub(crate) struct Press {
    photos: Vec<(Vec<u8>, Release)>,
}

impl Press {
    pub(crate) async fn new() -> Self {
        let mut photos = Vec::new();
        for seed in 0..PHOTOS {
            let light = if seed % 2 == 0 { Light::Day } else { Light::Night };
            let file = Scene { seed, light }.png(SIZE.0, SIZE.1).unwrap();
            let release = plain(&file, &name(0)).await;
            // Of a name the release says the name, and nothing else.
            assert_eq!(plain(&file, &name(7)).await, named(release.clone(), 7));
            photos.push((file, release));
        }
        let dark = photos.iter().filter(|(_, release)| release.facts.low_light).count();
        assert!(dark > 0 && dark < photos.len(), "both arms of the branch are taken");
        Self { photos }
    }

    pub(crate) fn graph(&self) -> Graph {
        (press::WORKFLOW.graph)()
    }

    /// What a run begins with.
    pub(crate) fn input(&self, run: usize) -> Json {
        let (file, _) = &self.photos[run % self.photos.len()];
        serde_json::to_value(Photo { name: name(run), file: file.as_slice().into() }).unwrap()
    }

    /// What the plain call makes of it.
    pub(crate) fn result(&self, run: usize) -> Json {
        let (_, release) = &self.photos[run % self.photos.len()];
        serde_json::to_value(named(release.clone(), run)).unwrap()
    }
}

fn name(run: usize) -> String {
    format!("photo-{run}.png")
}

fn named(mut release: Release, run: usize) -> Release {
    release.facts.name = name(run);
    for asset in &mut release.assets {
        asset.name = asset.name.replacen("photo-0-", &format!("photo-{run}-"), 1);
    }
    release
}

async fn plain(file: &[u8], name: &str) -> Release {
    press(Photo { name: name.into(), file: file.into() }).await.unwrap()
}
