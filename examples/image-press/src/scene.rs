//! Landscapes that look enough like photographs to be worked on where no photographs are at hand.

use std::f32::consts::TAU;
use std::io::Cursor;

use caribou::{Error, Result};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{Rgb, RgbImage};

/// When a scene is photographed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// In daylight: bright, with little noise.
    Day,
    /// At night: dark and noisy.
    Night,
}

/// A landscape: sky, a sun or a moon, ridges in the haze, a meadow with flowers or lights, and the sensor's noise.
///
/// ```
/// use image_press::scene::{Light, Scene};
///
/// let scene = Scene { seed: 1, light: Light::Night };
/// assert_eq!(scene.render(64, 48), scene.render(64, 48));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    /// Everything that differs between scenes follows from it.
    pub seed: u64,
    /// When it is photographed.
    pub light: Light,
}

/// The colours of a scene and the strength of its noise; channels are 0 to 1.
struct Mood {
    zenith: [f32; 3],
    horizon: [f32; 3],
    glow: [f32; 3],
    ridge: [f32; 3],
    meadow: [f32; 3],
    spots: [f32; 3],
    noise: f32,
}

impl Light {
    fn mood(self, random: &mut Random) -> Mood {
        let warmth = random.unit();
        match self {
            Self::Day => Mood {
                zenith: [0.22 + 0.15 * warmth, 0.45, 0.85 - 0.2 * warmth],
                horizon: [0.75 + 0.2 * warmth, 0.78, 0.92 - 0.25 * warmth],
                glow: [0.5, 0.42, 0.2],
                ridge: [0.25, 0.33 + 0.1 * warmth, 0.4],
                meadow: [0.32 + 0.3 * warmth, 0.5, 0.2],
                spots: [0.95, 0.75 - 0.5 * warmth, 0.35],
                noise: 0.011,
            },
            Self::Night => Mood {
                zenith: [0.02, 0.03, 0.09 + 0.05 * warmth],
                horizon: [0.12 + 0.1 * warmth, 0.1, 0.2],
                glow: [0.35, 0.33, 0.28],
                ridge: [0.05, 0.06, 0.1],
                meadow: [0.05, 0.08, 0.06],
                spots: [0.9, 0.7, 0.3 + 0.3 * warmth],
                noise: 0.016,
            },
        }
    }
}

/// A soft round shape.
struct Spot {
    x: f32,
    y: f32,
    radius: f32,
    strength: f32,
}

impl Scene {
    /// Paints the scene.
    pub fn render(self, width: u32, height: u32) -> RgbImage {
        let mut random = Random(self.seed ^ 0x5ce4_e000);
        let mood = self.light.mood(&mut random);
        let aspect = width as f32 / height as f32;
        let sun =
            Spot { x: random.unit() * aspect, y: 0.1 + 0.25 * random.unit(), radius: 0.05, strength: 1.0 };
        let ridges: Vec<Vec<f32>> = (0..4_u8).map(|layer| ridge(width, layer, &mut random)).collect();
        let texture = random.next();
        let mut image = RgbImage::from_fn(width, height, |x, y| {
            let (u, v) = (x as f32 / height as f32, y as f32 / height as f32);
            let colour = landscape(&mood, &sun, &ridges, x, u, v, texture);
            Rgb(colour.map(|channel| (channel.clamp(0.0, 1.0) * 255.0).round() as u8))
        });
        for _ in 0..90 {
            let depth = random.unit();
            let spot = Spot {
                x: random.unit() * aspect,
                y: 0.72 + 0.28 * depth,
                radius: 0.003 + 0.012 * depth,
                strength: 0.4 + 0.6 * random.unit(),
            };
            paint(&mut image, &spot, mood.spots);
        }
        expose(&mut image, mood.noise, &mut random);
        image
    }

    /// The scene as a PNG file.
    ///
    /// # Errors
    ///
    /// The encoder's own: an image without pixels.
    pub fn png(self, width: u32, height: u32) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let encoder =
            PngEncoder::new_with_quality(Cursor::new(&mut file), CompressionType::Fast, FilterType::Adaptive);
        self.render(width, height).write_with_encoder(encoder).map_err(|e| {
            Error::permanent(format!("a scene of {width} x {height} pixels cannot be encoded: {e}"))
        })?;
        Ok(file)
    }
}

/// The height of a ridge above each column, from 0 at the top of the image to 1 at its foot.
fn ridge(width: u32, layer: u8, random: &mut Random) -> Vec<f32> {
    let waves: Vec<(f32, f32, f32)> = (0..7_u8)
        .map(|octave| {
            let frequency = (1.2 + random.unit()) * 1.9_f32.powi(octave.into());
            (frequency, random.unit() * TAU, 0.07 / 1.7_f32.powi(octave.into()))
        })
        .collect();
    let base = 0.42 + 0.11 * f32::from(layer);
    (0..width)
        .map(|x| {
            let u = x as f32 / width as f32;
            base + waves
                .iter()
                .map(|(frequency, phase, height)| height * (u * frequency * TAU + phase).sin())
                .sum::<f32>()
        })
        .collect()
}

/// The colour at a place: `x` is the column, `u` and `v` are in units of the image's height.
fn landscape(mood: &Mood, sun: &Spot, ridges: &[Vec<f32>], x: u32, u: f32, v: f32, texture: u64) -> [f32; 3] {
    let distance = ((u - sun.x).powi(2) + (v - sun.y).powi(2)).sqrt();
    let glow = (sun.radius / (distance + sun.radius)).powi(2) + if distance < sun.radius { 0.6 } else { 0.0 };
    let cloud = (clouds(texture, u * 3.0, v * 9.0) - 0.45).max(0.0) * 0.6;
    let sky = |v: f32| mix(mood.zenith, mood.horizon, (v * 1.8).min(1.0));
    let behind = ridges.iter().rposition(|ridge| v > ridge[x as usize]);
    let Some(layer) = behind else {
        return add(mix(sky(v), mood.horizon, cloud), mood.glow, glow);
    };
    let last = ridges.len() - 1;
    let grain = clouds(texture ^ layer as u64, u * 40.0, v * 60.0) - 0.5;
    if layer == last {
        let tufts = clouds(texture.rotate_left(17), u * 150.0, v * 50.0) - 0.5;
        return mood.meadow.map(|channel| channel * (1.0 + 0.7 * grain + 0.9 * tufts));
    }
    let haze = 0.75 * (1.0 - layer as f32 / last as f32);
    mix(mood.ridge.map(|channel| channel * (1.0 + 0.8 * grain)), sky(1.0), haze)
}

/// Brightens the pixels under a spot.
fn paint(image: &mut RgbImage, spot: &Spot, colour: [f32; 3]) {
    let height = image.height() as f32;
    let range = |centre: f32, side: u32| {
        let (from, to) = ((centre - spot.radius) * height, (centre + spot.radius) * height);
        (from.max(0.0) as u32)..(to.max(0.0).ceil() as u32).min(side)
    };
    for y in range(spot.y, image.height()) {
        for x in range(spot.x, image.width()) {
            let distance = (x as f32 / height - spot.x).hypot(y as f32 / height - spot.y) / spot.radius;
            let cover = spot.strength * (1.0 - distance * distance).max(0.0);
            let pixel = image.get_pixel_mut(x, y);
            let painted = mix(pixel.0.map(|channel| f32::from(channel) / 255.0), colour, cover);
            pixel.0 = painted.map(|channel| (channel * 255.0).round() as u8);
        }
    }
}

/// Adds the sensor's noise, whose standard deviation is given as a share of full brightness.
fn expose(image: &mut RgbImage, deviation: f32, random: &mut Random) {
    // The sum of four even bytes is nearly normal, with a mean of 510 and a standard deviation of 147.8.
    let scale = deviation * 255.0 / 147.8;
    for pixel in image.pixels_mut() {
        let (first, second) = (random.next().to_le_bytes(), random.next().to_le_bytes());
        let sums = [&first[..4], &first[4..], &second[..4]]
            .map(|bytes| bytes.iter().map(|&byte| f32::from(byte)).sum::<f32>() - 510.0);
        for (channel, sum) in pixel.0.iter_mut().zip(sums) {
            *channel = (f32::from(*channel) + sum * scale).round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// Value noise in four octaves, 0 to 1.
fn clouds(seed: u64, x: f32, y: f32) -> f32 {
    let octave = |index: u8| {
        let scale = f32::from(1_u8 << index);
        lattice(seed.wrapping_add(index.into()), x * scale, y * scale) / (2.0 * scale)
    };
    (octave(0) + octave(1) + octave(2) + octave(3)) / 0.9375
}

/// Random values at whole coordinates, smoothly interpolated between them.
fn lattice(seed: u64, x: f32, y: f32) -> f32 {
    let corner = |dx: f32, dy: f32| {
        let (column, row) = ((x.floor() + dx) as i32, (y.floor() + dy) as i32);
        let place = u64::from(column.cast_unsigned()) << 32 | u64::from(row.cast_unsigned());
        Random(seed ^ place).unit()
    };
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (across, down) = (ease(x - x.floor()), ease(y - y.floor()));
    let top = corner(0.0, 0.0) * (1.0 - across) + corner(1.0, 0.0) * across;
    let foot = corner(0.0, 1.0) * (1.0 - across) + corner(1.0, 1.0) * across;
    top * (1.0 - down) + foot * down
}

fn mix(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| a[channel] * (1.0 - share) + b[channel] * share)
}

fn add(a: [f32; 3], b: [f32; 3], times: f32) -> [f32; 3] {
    std::array::from_fn(|channel| a[channel] + b[channel] * times)
}

/// `SplitMix64` (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_file_and_another_seed_another() {
        let file = |seed| Scene { seed, light: Light::Day }.png(40, 30).unwrap();
        assert_eq!(file(1), file(1));
        assert_ne!(file(1), file(2));
    }

    #[test]
    fn a_night_is_darker_than_a_day() {
        let brightness = |light| -> u64 {
            Scene { seed: 3, light }.render(48, 32).iter().map(|&channel| u64::from(channel)).sum()
        };
        assert!(brightness(Light::Night) * 2 < brightness(Light::Day));
    }
}
