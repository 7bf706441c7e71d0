//! The bootstrap of the workflows that are deployed to moto: those of the end-to-end tests, the example, and some of its own.

use caribou_tests as _;
use image_press as _;

#[path = "../../workflows/accident.rs"]
mod accident;
#[path = "../../workflows/older.rs"]
mod older;

caribou::main!();
