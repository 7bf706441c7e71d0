//! The sizes among which a browser chooses (`srcset`), each as small a file as it can be without looking worse.

use caribou::Result;

use crate::picture::shrink_to;
use crate::{Picture, Rendition};

/// The longest sides, in pixels.
const EDGES: [u32; 6] = [960, 800, 640, 480, 320, 160];
/// How similar each must stay to its uncompressed self.
const SIMILARITY: f64 = 0.95;

/// Scales the master to every size that is not larger than itself, and at least to the smallest.
///
/// # Errors
///
/// A permanent error if the master cannot be decoded.
#[caribou::function(memory = 1769, timeout = "30s")]
pub async fn resize(master: Picture) -> Result<Vec<Rendition>> {
    let image = master.decode()?;
    let longest = master.width.max(master.height);
    EDGES
        .into_iter()
        .filter(|&edge| edge <= longest || edge == EDGES[EDGES.len() - 1])
        .map(|edge| {
            let picture = Picture::compress(&shrink_to(&image, edge), SIMILARITY)?;
            Ok(Rendition { name: format!("{edge}px"), picture })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    async fn sizes(width: u32, height: u32) -> Vec<(String, u32, u32)> {
        let master = Picture::encode(&RgbImage::new(width, height), 80).unwrap();
        let renditions = resize(master).await.unwrap();
        renditions.into_iter().map(|r| (r.name, r.picture.width, r.picture.height)).collect()
    }

    #[tokio::test]
    async fn no_rendition_is_larger_than_the_master() {
        assert_eq!(sizes(330, 165).await, [("320px".into(), 320, 160), ("160px".into(), 160, 80)]);
    }

    #[tokio::test]
    async fn a_tiny_master_is_its_own_rendition() {
        assert_eq!(sizes(12, 10).await, [("160px".into(), 12, 10)]);
    }
}
