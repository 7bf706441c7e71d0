//! Which colour and letter stand for which region.

use std::fmt::Write;

use caribou_model::Region;

use crate::facts::Facts;
use crate::text::escape;

/// Colours and letters of regions; the home region comes first.
pub(super) struct Legend {
    regions: Vec<Region>,
}

const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const COLOURS: usize = 8;

impl Legend {
    pub(super) fn new(regions: Vec<Region>) -> Self {
        Self { regions }
    }

    pub(super) fn regions(&self) -> &[Region] {
        &self.regions
    }

    fn position(&self, region: &Region) -> usize {
        self.regions.iter().position(|known| known == region).unwrap_or(0)
    }

    /// The CSS colour of a region.
    pub(super) fn colour(&self, region: &Region) -> String {
        format!("var(--r{})", self.position(region) % COLOURS)
    }

    /// The letter of a region.
    pub(super) fn letter(&self, region: &Region) -> char {
        char::from(LETTERS[self.position(region) % LETTERS.len()])
    }

    /// The legend itself: letter, code, the region's name and its grid.
    pub(super) fn html(&self, facts: &Facts) -> String {
        let mut html = String::from("<ul class=\"legend\">\n");
        for (index, region) in self.regions.iter().enumerate() {
            let known = facts.region(region);
            let name = known.map_or("", |facts| facts.name.as_str());
            let grid = known.map_or(String::new(), |facts| format!(", grid {}", facts.grid_zone));
            let home = if index == 0 { ", home" } else { "" };
            let _ = writeln!(
                html,
                "<li><b class=\"key\" style=\"background:{}\">{}</b><code>{}</code> <span>{}{}{home}</span></li>",
                self.colour(region),
                self.letter(region),
                escape(region.code()),
                escape(name),
                escape(&grid)
            );
        }
        html.push_str("</ul>\n");
        html
    }
}
