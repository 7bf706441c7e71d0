//! The colours of a photo, for placeholders and page themes.

use caribou::Result;

use crate::oklab::Oklab;
use crate::picture::shrink_to;
use crate::{Picture, Swatch};

/// The longest side of the copy whose pixels are clustered, in pixels.
const SAMPLE_EDGE: u32 = 768;
/// How many colours are sought.
const COLOURS: usize = 6;
/// Clustering ends after so many rounds even if it has not settled.
const ROUNDS: usize = 32;

/// The dominant colours, the most frequent first.
///
/// # Errors
///
/// A permanent error if the master cannot be decoded.
#[caribou::function(memory = 1769, timeout = "30s")]
pub async fn palette(master: Picture) -> Result<Vec<Swatch>> {
    let sample = shrink_to(&master.decode()?, SAMPLE_EDGE);
    let colours: Vec<Oklab> = sample.pixels().map(|pixel| Oklab::from_srgb(pixel.0)).collect();
    Ok(clusters(&colours).into_iter().map(|(colour, share)| swatch(colour, share, colours.len())).collect())
}

/// A swatch of a cluster of `members` out of `total` pixels.
fn swatch(colour: Oklab, members: usize, total: usize) -> Swatch {
    let [red, green, blue] = colour.to_srgb();
    let per_mille = (members * 1000 + total / 2) / total.max(1);
    Swatch { colour: format!("#{red:02x}{green:02x}{blue:02x}"), per_mille: per_mille as u16 }
}

/// Lloyd's k-means, seeded without chance: centres and how many belong to each, the largest first.
fn clusters(colours: &[Oklab]) -> Vec<(Oklab, usize)> {
    let mut centres = seeds(colours);
    let mut members = vec![0_usize; centres.len()];
    let mut assigned = vec![usize::MAX; colours.len()];
    for _ in 0..ROUNDS {
        let mut sums = vec![Oklab::default(); centres.len()];
        members.fill(0);
        let mut moved = false;
        for (colour, assigned) in colours.iter().zip(&mut assigned) {
            let nearest = nearest(&centres, *colour);
            moved |= std::mem::replace(assigned, nearest) != nearest;
            sums[nearest] += *colour;
            members[nearest] += 1;
        }
        for ((centre, sum), &count) in centres.iter_mut().zip(&sums).zip(&members) {
            if count > 0 {
                *centre = *sum / count as f32;
            }
        }
        if !moved {
            break;
        }
    }
    let mut clusters: Vec<_> = centres.into_iter().zip(members).filter(|&(_, count)| count > 0).collect();
    clusters.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    clusters
}

/// The first colour, then always the one farthest from all seeds so far, while there is one.
fn seeds(colours: &[Oklab]) -> Vec<Oklab> {
    let mut seeds: Vec<Oklab> = colours.first().copied().into_iter().collect();
    let mut distances = vec![f32::INFINITY; colours.len()];
    while let Some(&last) = seeds.last().filter(|_| seeds.len() < COLOURS) {
        for (distance, colour) in distances.iter_mut().zip(colours) {
            *distance = distance.min(colour.distance_squared(last));
        }
        let farthest = distances.iter().zip(colours).max_by(|a, b| a.0.total_cmp(b.0));
        match farthest {
            Some((&distance, &colour)) if distance > 0.0 => seeds.push(colour),
            _ => break,
        }
    }
    seeds
}

/// The index of the centre nearest to a colour; the first of equals.
fn nearest(centres: &[Oklab], colour: Oklab) -> usize {
    let mut best = (0, f32::INFINITY);
    for (index, centre) in centres.iter().enumerate() {
        let distance = centre.distance_squared(colour);
        if distance < best.1 {
            best = (index, distance);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    #[tokio::test]
    async fn the_most_frequent_colour_comes_first() {
        let image = RgbImage::from_fn(32, 32, |x, _| Rgb(if x < 24 { [200, 30, 30] } else { [20, 40, 210] }));
        let swatches = palette(Picture::encode(&image, 100).unwrap()).await.unwrap();
        assert!(swatches[0].colour.starts_with("#c") && swatches[0].per_mille >= 700, "{swatches:?}");
        assert!(swatches.len() <= COLOURS);
    }

    #[tokio::test]
    async fn one_colour_makes_a_palette_of_one() {
        let image = RgbImage::from_pixel(16, 16, Rgb([128; 3]));
        let swatches = palette(Picture::encode(&image, 90).unwrap()).await.unwrap();
        assert_eq!(swatches, [Swatch { colour: "#808080".into(), per_mille: 1000 }]);
    }
}
