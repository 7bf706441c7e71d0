//! The bootstrap of the workflows that are deployed to moto: those of the end-to-end tests, and the example.

use caribou_tests as _;
use image_press as _;

caribou::main!();
