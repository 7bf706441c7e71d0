//! The bootstrap of the example `image-press`, for tests of this package to deploy.

use image_press as _;

caribou::main!();
